import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import { signEvidence, type Signing, type SigningResult } from '#core/sign/sign-evidence.ts';
import type { SigningRoute } from '#core/sign/sign-statement.ts';
import { honestEvidence } from '../../fixture/verify/evidence.ts';

const subject = { name: 'registry.test/evidence:v1', digest: sha256('artifact') };
const signer = { identity: 'https://lab.assay.invalid/local/tester@bench-1', issuer: 'https://lab.assay.invalid' };
let pendingPath: string;
let delivered: string[];
beforeEach(() => {
  pendingPath = join(mkdtempSync(join(tmpdir(), 'assay-pending-')), 'pending.json');
  delivered = [];
});
afterEach(() => rmSync(join(pendingPath, '..'), { recursive: true }));

const lab = (): Promise<SigningRoute> => Promise.resolve({ kind: 'lab', user: 'tester', host: 'bench-1' });
const outage = (): Promise<never> => Promise.reject(new AssayError('REGISTRY_UNAVAILABLE', 'out', { hint: 'Wait.' }));

function sign(changes: Partial<Signing> = {}): Promise<SigningResult> {
  const deliver: Signing['deliver'] = async ({ sigstoreBundle }) => void delivered.push(Buffer.from(sigstoreBundle).toString());
  return signEvidence({ input: 'out', unsigned: honestEvidence().statement, subject, pendingPath, route: lab, deliver, ...changes });
}

describe('signing with work that may be left over', () => {
  it('signs, delivers, and leaves nothing behind', async () => {
    expect(await sign()).toEqual({ signer, resumed: false });
    expect({ delivered: delivered.length, left: existsSync(pendingPath) }).toEqual({ delivered: 1, left: false });
  });

  it('keeps a signature that could not be delivered, and delivers that one the next time', async () => {
    await expect(sign({ deliver: outage })).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      exit: 3,
      details: { pending: pendingPath },
    });
    const kept = (JSON.parse(readFileSync(pendingPath, 'utf8')) as { sigstoreBundle: string }).sigstoreBundle;

    const second = await sign({ route: () => expect.unreachable('nobody is asked to sign again') });

    expect(second).toEqual({ signer, resumed: true });
    expect({ delivered, left: existsSync(pendingPath) }).toEqual({ delivered: [kept], left: false });
  });

  it('keeps why it could not sign, and signs the next time', async () => {
    await expect(sign({ route: outage })).rejects.toMatchObject({ hint: expect.stringContaining(pendingPath) as string });
    expect(JSON.parse(readFileSync(pendingPath, 'utf8'))).toEqual({
      schemaVersion: '1.0.0',
      subject,
      input: 'out',
      reason: { code: 'REGISTRY_UNAVAILABLE', message: 'out' },
    });

    expect(await sign()).toEqual({ signer, resumed: false });
    expect(existsSync(pendingPath)).toBe(false);
  });

  it('keeps nothing of what will never work', async () => {
    await expect(sign({ route: () => Promise.reject(new AssayError('FILE_NOT_FOUND', 'no such root')) })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });

    expect(existsSync(pendingPath)).toBe(false);
  });

  it('does not use what was left for another artifact', async () => {
    await expect(sign({ deliver: outage, subject: { ...subject, digest: sha256('other') } })).rejects.toMatchObject({ exit: 3 });

    expect(await sign()).toEqual({ signer, resumed: false });
  });

  it('does not deliver a planted signature about something else', async () => {
    await expect(sign({ deliver: outage, subject: { ...subject, digest: sha256('other') } })).rejects.toMatchObject({ exit: 3 });
    const planted = JSON.parse(readFileSync(pendingPath, 'utf8')) as object;
    writeFileSync(pendingPath, JSON.stringify({ ...planted, subject }));

    await expect(sign()).rejects.toMatchObject({ code: 'SIGNATURE_STALE', exit: 2 });
    expect(delivered).toEqual([]);
  });

  it.each([
    ['no JSON', '{', 'JSON_INVALID'],
    ['a list', '[]', 'FILE_UNREADABLE'],
    ['another schema version', '{"schemaVersion":"2.0.0"}', 'FILE_UNREADABLE'],
    ['no subject', '{"schemaVersion":"1.0.0"}', 'FILE_UNREADABLE'],
    ['a signature that is no text', JSON.stringify({ schemaVersion: '1.0.0', subject, sigstoreBundle: 7 }), 'FILE_UNREADABLE'],
  ])('stops at a pending file that is %s', async (_, text, code) => {
    writeFileSync(pendingPath, text);

    await expect(sign()).rejects.toMatchObject({ code, exit: 2 });
  });
});

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDelivery, readSealed, writeDelivery, writeSealed, type DeliveryReport, type SealedHandover } from '#core/publish/handover.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

const digest = `sha256:${'ab'.repeat(32)}` as const;
const sealed = { schemaVersion: '1.0.0', runId: 'run-1', recipe: 'any', digest, sealedAt: '2026-01-02T03:04:05Z' } as SealedHandover;
const report = {
  schemaVersion: '1.0.0',
  runId: 'run-1',
  state: 'published',
  final: true,
  signer: { identity: 'me', issuer: 'https://issuer.example' },
  oci: 'registry.example/e:v1',
  digest,
  pointer: 'schemaVersion: 1.0.0\n',
} as DeliveryReport;

describe('handover from collector to signer', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'assay-handover-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('reads back what was written, and leaves no temporary file', async () => {
    await writeSealed(directory, sealed);
    await writeDelivery(directory, report);

    expect([await readSealed(directory), await readDelivery(directory)]).toEqual([sealed, report]);
    expect(readdirSync(directory).sort()).toEqual(['delivery.json', 'sealed.json']);
  });

  it('tells a file that is not there from one that is wrong', async () => {
    expect([await readSealed(directory), await readDelivery(join(directory, 'none'))]).toEqual([undefined, undefined]);
  });

  it.each([
    ['another version', { ...sealed, schemaVersion: '2.0.0' }, 'FILE_UNREADABLE'],
    ['no run', { ...sealed, runId: undefined }, 'FILE_UNREADABLE'],
    ['a bare digest', { ...sealed, digest: 'ab'.repeat(32) }, 'FILE_UNREADABLE'],
    ['a list', [], 'FILE_UNREADABLE'],
    ['null', null, 'FILE_UNREADABLE'],
  ])('refuses a handover with %s', async (_, value, code) => {
    writeFileSync(join(directory, 'sealed.json'), JSON.stringify(value));

    expect(await codeOfPromise(readSealed(directory))).toBe(code);
  });

  it.each([
    ['an unknown state', { ...report, state: 'done' }],
    ['no word whether it is final', { ...report, final: undefined }],
    ['half a signer', { ...report, signer: { identity: 'me' } }],
    ['a signer that is null', { ...report, signer: null }],
    ['a reason that is no text', { ...report, reason: 5 }],
  ])('refuses a delivery report with %s', async (_, value) => {
    writeFileSync(join(directory, 'delivery.json'), JSON.stringify(value));

    expect(await codeOfPromise(readDelivery(directory))).toBe('FILE_UNREADABLE');
  });

  it('reads neither half a document nor a huge one nor a directory', async () => {
    writeFileSync(join(directory, 'sealed.json'), JSON.stringify(sealed).slice(0, -1));
    writeFileSync(join(directory, 'delivery.json'), Buffer.alloc(3 << 20, ' '));
    const other = join(directory, 'other');
    mkdirSync(join(other, 'sealed.json'), { recursive: true });

    expect([
      await codeOfPromise(readSealed(directory)),
      await codeOfPromise(readDelivery(directory)),
      await codeOfPromise(readSealed(other)),
    ]).toEqual(['JSON_INVALID', 'FILE_TOO_LARGE', 'FILE_UNREADABLE']);
  });
});

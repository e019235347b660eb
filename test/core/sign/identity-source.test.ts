import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findIdentity } from '#core/sign/identity/identity-source.ts';

const NOW_MS = Date.UTC(2026, 10, 21, 12);
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-identity-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function token(subject: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part({ iss: 'https://issuer.test', sub: subject, aud: 'sigstore', exp: NOW_MS / 1000 + 600 })}.c2ln`;
}

function file(subject: string): string {
  const path = join(directory, subject);
  writeFileSync(path, `${token(subject)}\n`);
  return path;
}

describe('the identity that signs', () => {
  it('comes from the first place that is set up, in the documented order', async () => {
    const everything = {
      token: token('given'),
      tokenFile: file('file'),
      env: { ASSAY_IDENTITY_TOKEN: token('assay'), SIGSTORE_ID_TOKEN: token('sigstore'), COSIGN_IDENTITY_TOKEN: token('cosign') },
      projectedTokenFile: file('projected'),
    };
    const { token: _given, ...noToken } = everything;
    const { tokenFile: _file, ...noFile } = noToken;
    const inEnv = (env: Record<string, string>) => ({ ...noFile, env });

    const subjects = await Promise.all(
      [
        everything,
        noToken,
        noFile,
        inEnv({ SIGSTORE_ID_TOKEN: token('sigstore'), COSIGN_IDENTITY_TOKEN: token('cosign') }),
        inEnv({ SIGSTORE_ID_TOKEN: '', COSIGN_IDENTITY_TOKEN: token('cosign') }),
        inEnv({}),
      ].map(async (options) => (await findIdentity(options, NOW_MS)).subject),
    );

    expect(subjects).toEqual(['given', 'file', 'assay', 'sigstore', 'cosign', 'projected']);
  });

  it('is read from its file at the moment of signing, because clusters rotate it', async () => {
    const path = file('first');
    writeFileSync(path, token('second'));

    expect((await findIdentity({ tokenFile: path, env: {} }, NOW_MS)).subject).toBe('second');
  });

  it.each([
    ['nothing is set up', { env: {} }, 'IDENTITY_MISSING'],
    [
      'the named file does not exist',
      { env: { SIGSTORE_ID_TOKEN: token('other') }, tokenFile: '/nonexistent/token' },
      'IDENTITY_SOURCE_FAILED',
    ],
    ['the named file is a directory', { env: {}, tokenFile: '/' }, 'IDENTITY_SOURCE_FAILED'],
    [
      'the first place holds a bad token, whatever the next one holds',
      { env: { ASSAY_IDENTITY_TOKEN: 'x', SIGSTORE_ID_TOKEN: token('other') } },
      'IDENTITY_TOKEN_MALFORMED',
    ],
    [
      'GitHub would be asked over plain http',
      { env: { ACTIONS_ID_TOKEN_REQUEST_URL: 'http://github.test/token', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x' } },
      'IDENTITY_SOURCE_FAILED',
    ],
    [
      "GitHub's address is none",
      { env: { ACTIONS_ID_TOKEN_REQUEST_URL: 'token', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x' } },
      'IDENTITY_SOURCE_FAILED',
    ],
    [
      'the device flow would be asked over plain http',
      { env: {}, deviceFlow: { issuer: 'http://issuer.test', clientId: 'sigstore', prompt: () => undefined } },
      'IDENTITY_SOURCE_FAILED',
    ],
  ])('is an error when %s', async (_, options, code) => {
    await expect(findIdentity({ projectedTokenFile: join(directory, 'none'), ...options }, NOW_MS)).rejects.toMatchObject({
      code,
      exit: 3,
    });
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Credential } from '#core/oci/registry/credential.ts';
import { dockerCredentials, type HelperRunner } from '#core/oci/registry/docker-config.ts';

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'assay-docker-')), 'config.json');
});
afterEach(() => rmSync(join(path, '..'), { recursive: true }));

const encoded = (text: string): string => Buffer.from(text).toString('base64');
const noHelper: HelperRunner = () => Promise.resolve(undefined);

function lookup(config: unknown, host: string, runHelper: HelperRunner = noHelper): Promise<Credential | undefined> {
  writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config));
  return dockerCredentials(path, runHelper)(host);
}

describe('Docker credentials', () => {
  it.each<[string, unknown, string, Credential | undefined]>([
    [
      'user and password',
      { auths: { 'r.test': { auth: encoded('me:pa:ss') } } },
      'r.test',
      { kind: 'basic', username: 'me', password: 'pa:ss' },
    ],
    [
      'user and password in the clear',
      { auths: { 'r.test': { username: 'me', password: 'x' } } },
      'r.test',
      { kind: 'basic', username: 'me', password: 'x' },
    ],
    [
      'a refresh token',
      { auths: { 'r.test': { auth: encoded('me:'), identitytoken: 'refresh' } } },
      'r.test',
      { kind: 'identity-token', token: 'refresh' },
    ],
    ['a bearer token', { auths: { 'r.test': { registrytoken: 'bearer' } } }, 'r.test', { kind: 'registry-token', token: 'bearer' }],
    [
      'a key with scheme and path',
      { auths: { 'https://r.test/v1/': { auth: encoded('me:x') } } },
      'r.test',
      { kind: 'basic', username: 'me', password: 'x' },
    ],
    ['a port', { auths: { 'r.test:5000': { auth: encoded('me:x') } } }, 'r.test:5000', { kind: 'basic', username: 'me', password: 'x' }],
    [
      'the old name of Docker Hub',
      { auths: { 'https://index.docker.io/v1/': { auth: encoded('me:x') } } },
      'docker.io',
      { kind: 'basic', username: 'me', password: 'x' },
    ],
    ['nothing for another port', { auths: { 'r.test:5000': { auth: encoded('me:x') } } }, 'r.test', undefined],
    ['nothing for a host that begins alike', { auths: { 'r.test': { auth: encoded('me:x') } } }, 'r.test.evil.test', undefined],
    ['nothing for a subdomain', { auths: { 'r.test': { auth: encoded('me:x') } } }, 'a.r.test', undefined],
    ['nothing for an entry that the store keeps', { auths: { 'r.test': {} } }, 'r.test', undefined],
    ['nothing without user', { auths: { 'r.test': { auth: encoded(':x') } } }, 'r.test', undefined],
    ['nothing from an empty file', {}, 'r.test', undefined],
  ])('are %s', async (_, config, host, credential) => {
    expect(await lookup(config, host)).toEqual(credential);
  });

  it('are none when there is no file', async () => {
    expect(await dockerCredentials(join(path, 'none'), noHelper)('r.test')).toBeUndefined();
  });

  it("come from the host's helper, then from the store, then from the file", async () => {
    const asked: string[] = [];
    const runHelper: HelperRunner = (helper, host) => {
      asked.push(`${helper} ${host}`);
      return Promise.resolve(host === 'known.test' ? { username: '<token>', secret: 'refresh' } : undefined);
    };
    const config = { credHelpers: { 'known.test': 'own' }, credsStore: 'store', auths: { 'other.test': { auth: encoded('me:x') } } };

    expect(await lookup(config, 'known.test', runHelper)).toEqual({ kind: 'identity-token', token: 'refresh' });
    expect(await lookup(config, 'other.test', runHelper)).toEqual({ kind: 'basic', username: 'me', password: 'x' });
    expect(await lookup(config, 'docker.io', runHelper)).toBeUndefined();
    expect(asked).toEqual(['own known.test', 'store other.test', 'store https://index.docker.io/v1/']);
  });

  it.each([
    ['no JSON', '{"auths":{"r.test":{"auth":"c2VjcmV0'],
    ['a list', '[]'],
    ['a helper with a path for a name', '{"credsStore":"../../bin/sh"}'],
  ])('are an error that quotes nothing when the file is %s', async (_, text) => {
    const failure: unknown = await lookup(text, 'r.test').catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: 'CREDENTIALS_UNREADABLE', exit: 3 });
    expect(inspect(failure, { depth: 9 })).not.toContain('c2VjcmV0');
  });
});

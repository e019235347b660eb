import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCredentialHelper } from '#core/process/credential-helper.ts';
import type { Credential, CredentialLookup } from '#core/oci/registry/credential.ts';
import { dockerCredentials } from '#core/oci/registry/docker-config.ts';
import { registryStore } from '#core/oci/registry/registry-store.ts';
import type { ArtifactStore } from '#core/oci/store.ts';
import { packBundle } from '#core/publish/pack.ts';
import { publishArtifact } from '#core/publish/publish-artifact.ts';
import { startChild, type Child } from '../../../tools/services/child.ts';
import { startDistribution } from '../../../tools/services/stack.ts';
import { REGISTRY_USER, startTokenService, tokenAuthConfig, type TokenService } from '../../../tools/services/token-service.ts';
import { skipServices, WHY_SKIPPED } from '../../fixture/services.ts';

const artifact = packBundle(new Map([['recipe.yaml', Buffer.from('a: 1\n')]]), { version: 'v1' });
const signature = { sigstoreBundle: Buffer.from('{"x":1}\n'), predicateType: 'https://example.test/v1' };
const robot: Credential = { kind: 'basic', ...REGISTRY_USER };

describe.skipIf(skipServices)(`a registry with token login ${WHY_SKIPPED}`, () => {
  let tokens: TokenService;
  let host: string;
  let state: string;
  const children: Child[] = [];
  beforeAll(async () => {
    state = mkdtempSync(join(tmpdir(), 'assay-login-'));
    tokens = await startTokenService();
    writeFileSync(join(state, 'jwks.json'), tokens.jwks);
    host = await startDistribution(state, children, tokenAuthConfig(tokens, join(state, 'jwks.json')));
  });
  afterAll(async () => {
    await Promise.all([...children.map((child) => child.stop()), tokens?.close()]);
    rmSync(state, { recursive: true, force: true });
  });

  const store = (repository: string, credentials?: CredentialLookup): ArtifactStore =>
    registryStore({ registry: host, repository }, { retries: 0, ...(credentials === undefined ? {} : { credentials }) });
  /** Registries name the actions of a scope in any order. */
  const scopesSince = (index: number): string[] =>
    [...new Set(tokens.asked.slice(index).flatMap(({ scopes }) => scopes.map((scope) => scope.replace('push,pull', 'pull,push'))))].sort();
  const as = (credential: Credential) => (): Promise<Credential> => Promise.resolve(credential);

  it('takes a push with a password, growing from reading to writing', async () => {
    const before = tokens.asked.length;

    await publishArtifact(store('team/evidence', as(robot)), { artifact, signatures: [signature], tag: 'v1' });

    expect(scopesSince(before)).toEqual(['repository:team/evidence:pull', 'repository:team/evidence:pull,push']);
  });

  it('takes a refresh token too', async () => {
    const refresh = as({ kind: 'identity-token', token: REGISTRY_USER.refreshToken });

    await publishArtifact(store('team/refreshed', refresh), { artifact, signatures: [], tag: 'v1' });

    expect(tokens.asked.at(-1)).toMatchObject({ method: 'POST', user: 'refreshed' });
  });

  it('asks for both repositories when a blob is mounted', async () => {
    await publishArtifact(store('team/source', as(robot)), { artifact, signatures: [], tag: 'v1' });
    const before = tokens.asked.length;
    const [blob] = artifact.blobs;

    await registryStore({ registry: host, repository: 'team/mounted' }, { credentials: as(robot), mountFrom: 'team/source' }).putBlob(
      blob ?? expect.unreachable(),
    );

    expect(scopesSince(before)).toEqual(expect.arrayContaining(['repository:team/source:pull', 'repository:team/mounted:pull,push']));
  });

  it('lets anybody pull what is public, without credentials', async () => {
    await publishArtifact(store('public/evidence', as(robot)), { artifact, signatures: [signature], tag: 'v1' });

    expect((await store('public/evidence').getManifest('v1')).bytes).toEqual(artifact.manifest);
  });

  it.each<[string, Credential | undefined]>([
    ['without credentials', undefined],
    ['with a wrong password', { kind: 'basic', username: 'robot', password: 'wrong' }],
    ['with a wrong refresh token', { kind: 'identity-token', token: 'wrong' }],
    ['with a token that the registry does not know', { kind: 'registry-token', token: 'wrong' }],
  ])('refuses to show what is private %s', async (_, credential) => {
    const team = store('team/private', () => Promise.resolve(credential));

    await expect(team.getManifest('v1')).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED', exit: 3 });
  });

  it('finds the password in the Docker configuration, for exactly this host', async () => {
    const config = join(state, 'config.json');
    const auth = Buffer.from(`${REGISTRY_USER.username}:${REGISTRY_USER.password}`).toString('base64');
    writeFileSync(config, JSON.stringify({ auths: { [`${host}0`]: { auth: 'eDp5' }, [`https://${host}/v2/`]: { auth } } }));

    await publishArtifact(store('team/docker', dockerCredentials(config, runCredentialHelper)), { artifact, signatures: [], tag: 'v1' });

    expect(tokens.asked.at(-1)).toMatchObject({ user: REGISTRY_USER.username });
  });

  it('asks a credential helper, which may give a refresh token', async () => {
    const config = join(state, 'helper.json');
    writeFileSync(config, JSON.stringify({ credHelpers: { [host]: 'test' } }));
    const helper = join(state, 'docker-credential-test');
    writeFileSync(
      helper,
      `#!/bin/sh\nread host\n[ "$host" = "${host}" ] && echo '{"Username":"<token>","Secret":"${REGISTRY_USER.refreshToken}"}'\n`,
    );
    chmodSync(helper, 0o755);
    process.env['PATH'] = `${state}:${process.env['PATH']}`;

    await publishArtifact(store('team/helper', dockerCredentials(config, runCredentialHelper)), { artifact, signatures: [], tag: 'v1' });

    expect(tokens.asked.at(-1)).toMatchObject({ method: 'POST', user: 'refreshed' });
  });
});

describe.skipIf(skipServices)(`a registry with a password ${WHY_SKIPPED}`, () => {
  let registry: Child;
  let host: string;
  beforeAll(async () => {
    registry = startChild('registry', ['-user', `${REGISTRY_USER.username}:${REGISTRY_USER.password}`]);
    host = await registry.firstLine;
  });
  afterAll(() => registry?.stop());

  it('takes the right one', async () => {
    const store = registryStore({ registry: host, repository: 'team/evidence' }, { credentials: () => Promise.resolve(robot) });

    await publishArtifact(store, { artifact, signatures: [signature], tag: 'v1' });

    expect(await store.listTags()).toEqual(['v1']);
  });

  it.each<[string, Credential | undefined]>([
    ['none', undefined],
    ['a wrong one', { kind: 'basic', username: 'robot', password: 'wrong' }],
    ['a refresh token, which it cannot use', { kind: 'identity-token', token: 'x' }],
  ])('refuses %s', async (_, credential) => {
    const store = registryStore({ registry: host, repository: 'team/evidence' }, { credentials: () => Promise.resolve(credential) });

    await expect(publishArtifact(store, { artifact, signatures: [], tag: 'v2' })).rejects.toMatchObject({
      code: 'REGISTRY_UNAUTHORIZED',
      exit: 3,
    });
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probePublicRead, probePush } from '#core/oci/registry/probe-access.ts';
import { registryStore } from '#core/oci/registry/registry-store.ts';
import { fulcioIssuers, probeLog, probeTimestamps } from '#core/sign/service/probe-service.ts';
import { startFaultProxy } from '../../../tools/services/fault-proxy.ts';
import { startStack, type Stack } from '../../../tools/services/stack.ts';
import { skipServices, WHY_SKIPPED } from '../../fixture/services.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

const LIMIT_MS = 2_000;
const NOWHERE = new URL('http://127.0.0.1:1');

describe.skipIf(skipServices)(`asking services without using them ${WHY_SKIPPED}`, () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());

  it('learns from a real Fulcio which issuers it takes, and for which audience', async () => {
    const issuers = await fulcioIssuers(new URL(stack.fulcioUrl), LIMIT_MS);

    expect(issuers.filter(({ issuer }) => issuer === `${stack.oidc.url}/k8s`)).toEqual([
      { issuer: `${stack.oidc.url}/k8s`, audience: 'sigstore' },
    ]);
  });

  it('finds log and timestamp authority alive', async () => {
    await probeLog({ url: new URL(stack.rekorUrl), apiVersion: 2 }, LIMIT_MS);
    await probeLog({ url: new URL(stack.rekorV1.url), apiVersion: 1 }, LIMIT_MS);
    await probeTimestamps(new URL(`${stack.tsaUrl}/api/v1/timestamp`), LIMIT_MS);
  });

  it.each([
    ['a Fulcio that is not there', () => fulcioIssuers(NOWHERE, LIMIT_MS), 'FULCIO_UNAVAILABLE'],
    ['something that is no Fulcio', () => fulcioIssuers(new URL(`http://${stack.registry}`), LIMIT_MS), 'FULCIO_REFUSED'],
    ['a log that is not there', () => probeLog({ url: NOWHERE, apiVersion: 2 }, LIMIT_MS), 'REKOR_UNAVAILABLE'],
    ['a timestamp authority that is not there', () => probeTimestamps(NOWHERE, LIMIT_MS), 'TSA_UNAVAILABLE'],
  ])('tells %s', async (_, call, code) => {
    expect(await codeOfPromise(call())).toBe(code);
  });

  it('knows whether a push would be accepted, and leaves nothing in the registry', async () => {
    for (const registry of [stack.registry, stack.plainRegistry]) {
      const reference = { registry, repository: 'doctor/probe' };
      await probePush(reference, {});

      expect(await codeOfPromise(registryStore(reference, {}).listTags())).toBe('ARTIFACT_NOT_FOUND');
      expect(await probePublicRead(reference, {})).toBe('unknown');
    }
  });

  it.each([
    [401, 'REGISTRY_UNAUTHORIZED', 'private'],
    [403, 'REGISTRY_FORBIDDEN', 'private'],
  ])('tells a registry that answers %i', async (status, code, access) => {
    const proxy = await startFaultProxy(`http://${stack.registry}`);
    proxy.setFault(() => ({ kind: 'answer', status }));
    const reference = { registry: proxy.url.slice('http://'.length), repository: 'doctor/probe' };

    expect([await codeOfPromise(probePush(reference, { retries: 0 })), await probePublicRead(reference, { retries: 0 })]).toEqual([
      code,
      access,
    ]);
    await proxy.close();
  });

  it('does not mind a registry that cannot give an upload up', async () => {
    const proxy = await startFaultProxy(`http://${stack.registry}`);
    proxy.setFault(({ method }) => (method === 'DELETE' ? { kind: 'cut' } : undefined));

    await probePush({ registry: proxy.url.slice('http://'.length), repository: 'doctor/probe' }, { retries: 0 });

    expect(proxy.seen.map(({ method }) => method)).toEqual(['POST', 'DELETE']);
    await proxy.close();
  });
});

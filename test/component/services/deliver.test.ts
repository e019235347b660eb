import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { registryStore } from '#core/oci/registry/registry-store.ts';
import { readDelivery } from '#core/publish/handover.ts';
import { startFaultProxy, type FaultProxy } from '../../../tools/services/fault-proxy.ts';
import { startStack, type Stack } from '../../../tools/services/stack.ts';
import { sealed, startAssay } from '../../fixture/delivery.ts';
import { assay, place, skipServices, WHY_SKIPPED, type Ended } from '../../fixture/services.ts';

const COLLECTOR = 'https://kubernetes.io/namespaces/evidence/serviceaccounts/collector';

interface Proxies {
  readonly fulcio: FaultProxy;
  readonly rekor: FaultProxy;
  readonly registry: FaultProxy;
}

describe.skipIf(skipServices)(`assay deliver with real services ${WHY_SKIPPED}`, () => {
  let stack: Stack;
  let proxies: Proxies;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());
  beforeEach(async () => {
    const targets = [stack.fulcioUrl, stack.rekorUrl, `http://${stack.registry}`];
    const [fulcio, rekor, registry] = await Promise.all(targets.map((target) => startFaultProxy(target)));
    proxies = { fulcio, rekor, registry } as Proxies;
  });
  afterEach(() => Promise.all(Object.values(proxies).map((proxy: FaultProxy) => proxy.close())));

  /** A sealed directory, and the arguments that deliver it through the proxies to a repository of its own. */
  async function workplace(repository: string): Promise<{ out: string; digest: string; push: string; token: string; args: string[] }> {
    const [out, work] = [place(), place()];
    const digest = await sealed(out);
    const token = join(work, 'token');
    writeFileSync(token, stack.oidc.mint('/k8s'));
    writeFileSync(join(work, 'root.json'), stack.trustedRoot);
    const push = `${proxies.registry.url.slice('http://'.length)}/${repository}`;
    const services = ['--fulcio-url', proxies.fulcio.url, '--rekor-url', proxies.rekor.url, '--tsa-url', stack.tsaUrl];
    const args = ['deliver', out, '--push', push, '--identity-token-file', token, ...services, '--trusted-root', join(work, 'root.json')];
    return { out, digest, push, token, args: [...args, '--timeout', '2s', '--format', 'json'] };
  }

  const documentOf = ({ stdout }: Pick<Ended, 'stdout'>): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;
  const hang = () => ({ kind: 'hang' }) as const;
  const down = () => ({ kind: 'answer', status: 503 }) as const;

  async function referrers(repository: string, digest: string): Promise<number> {
    const store = registryStore({ registry: stack.registry, repository }, {});
    return (await store.referrers(digest as Parameters<typeof store.referrers>[0])).length;
  }

  it('signs and pushes: state published, and the pointer verifies', async () => {
    const { out, digest, push, args } = await workplace('team/straight');

    const ended = await assay(args);

    const document = documentOf(ended);
    expect({ exit: ended.exit, document }, ended.stderr).toMatchObject({
      exit: 0,
      document: { exit: 0, state: 'published', final: true, digest, signer: { identity: COLLECTOR, issuer: `${stack.oidc.url}/k8s` } },
    });
    expect([document['oci'], document['reason']]).toEqual([expect.stringMatching(new RegExp(`^${push}:`)), undefined]);
    expect(document['pointer']).toBe(readFileSync(join(out, 'pointer.yaml'), 'utf8'));
    const pins = ['--require-signature', '--expected-identity', COLLECTOR, '--max-age', '100y'];
    const verdict = await assay([
      'verify',
      join(out, 'pointer.yaml'),
      '--trusted-root',
      args[args.indexOf('--trusted-root') + 1] ?? '',
      ...pins,
    ]);
    expect(verdict.exit, verdict.stdout + verdict.stderr).toBe(0);
  });

  it('signs only, exit 0, where no repository is named', async () => {
    const { out, args } = await workplace('unused/repository');
    const at = args.indexOf('--push');

    const ended = await assay(args.filter((_, index) => index !== at && index !== at + 1));

    expect(documentOf(ended)).toMatchObject({ exit: 0, state: 'signed', final: true, signer: { identity: COLLECTOR } });
    expect(await readDelivery(out)).not.toHaveProperty('oci');
  });

  it('sits an outage of Fulcio out: the artifact is safe at once, unsigned, and signed when Fulcio is back', async () => {
    const { out, digest, args } = await workplace('team/fulcio-down');
    proxies.fulcio.setFault(down);
    const running = startAssay(args);
    await running.says('trying again in');
    const meanwhile = await readDelivery(out);
    const before = await referrers('team/fulcio-down', digest);
    proxies.fulcio.setFault(() => undefined);

    const document = documentOf(await running.ended);

    expect(meanwhile).toMatchObject({
      state: 'pending',
      final: false,
      oci: expect.any(String),
      reason: expect.stringMatching(/^FULCIO_UNAVAILABLE: /),
    });
    expect(document).toMatchObject({ exit: 0, state: 'published', digest });
    expect(document).not.toHaveProperty('reason');
    expect([before, await referrers('team/fulcio-down', digest)]).toEqual([0, 1]);
  });

  it('reads the token anew at each attempt: an expired one is an outage until the file has another', async () => {
    const { token, args } = await workplace('team/rotated');
    writeFileSync(token, stack.oidc.mint('/k8s', { exp: Math.floor(Date.now() / 1000) - 60 }));
    const running = startAssay(args);
    await running.says('IDENTITY_TOKEN_EXPIRED');
    writeFileSync(token, stack.oidc.mint('/k8s'));

    expect(documentOf(await running.ended)).toMatchObject({ exit: 0, state: 'published' });
  });

  it('keeps the signature through an outage of the registry, and does not sign twice', async () => {
    const { digest, args } = await workplace('team/registry-down');
    proxies.registry.setFault(down);
    const running = startAssay(args);
    await running.says('REGISTRY_UNAVAILABLE');
    proxies.registry.setFault(() => undefined);

    expect(documentOf(await running.ended)).toMatchObject({ exit: 0, state: 'published', digest });
    expect([proxies.fulcio.seen.length, await referrers('team/registry-down', digest)]).toEqual([1, 1]);
  });

  it('ends 3 when an outage lasts longer than it was told to wait, and a restart finishes the job', async () => {
    const { out, args } = await workplace('team/too-long');
    proxies.rekor.setFault(down);

    const first = await assay([...args, '--retry-for', '0s']);
    const report = await readDelivery(out);
    proxies.rekor.setFault(() => undefined);
    const second = await assay(args);

    expect([first.exit, documentOf(first)]).toMatchObject([3, { exit: 3, state: 'pending', final: true }]);
    expect(report?.reason).toMatch(/^REKOR_UNAVAILABLE: /);
    expect([second.exit, documentOf(second)]).toMatchObject([0, { exit: 0, state: 'published', final: true }]);
  });

  it.each<[string, (claims: { token: string }) => void, string]>([
    [
      'a token for another audience',
      ({ token }) => writeFileSync(token, stack.oidc.mint('/k8s', { aud: 'kubernetes' })),
      'IDENTITY_TOKEN_AUDIENCE',
    ],
    [
      'an issuer that Fulcio does not know',
      ({ token }) => writeFileSync(token, stack.oidc.mint('/k8s', { iss: `${stack.oidc.url}/nobody` })),
      'FULCIO_REFUSED',
    ],
    ['something that is no token', ({ token }) => writeFileSync(token, 'secret-secret'), 'IDENTITY_TOKEN_MALFORMED'],
  ])('ends 2 without trying again for %s, and the artifact is safe unsigned', async (_, spoil, code) => {
    const repository = `team/refused-${code.toLowerCase().replaceAll('_', '-')}`;
    const { out, digest, token, args } = await workplace(repository);
    spoil({ token });

    const ended = await assay(args);

    const reason = expect.stringMatching(new RegExp(`^${code}: `)) as string;
    expect([ended.exit, documentOf(ended)], ended.stderr).toMatchObject([2, { exit: 2, state: 'pending', final: true, reason }]);
    expect(await readDelivery(out)).toMatchObject({ final: true, reason, hint: expect.stringContaining('assay sign ') as string });
    expect(await registryStore({ registry: stack.registry, repository }, {}).resolve(digest)).toBeDefined();
    expect(ended.stderr + ended.stdout + JSON.stringify(await readDelivery(out))).not.toContain(
      readFileSync(token, 'utf8').split('.').at(-1),
    );
  });

  it.each([
    [401, 'REGISTRY_UNAUTHORIZED'],
    [403, 'REGISTRY_FORBIDDEN'],
  ])('ends 2 when the registry answers %i, and is signed all the same', async (status, code) => {
    const { args } = await workplace('team/no-entry');
    proxies.registry.setFault(() => ({ kind: 'answer', status }));

    const ended = await assay(args);

    expect([ended.exit, documentOf(ended)], ended.stderr).toMatchObject([
      2,
      { exit: 2, state: 'signed', final: true, reason: expect.stringMatching(new RegExp(`^${code}: `)) },
    ]);
  });

  it('is 3, not 2, when one service refuses and another is out: starting it again may still help', async () => {
    const { token, args } = await workplace('team/both');
    writeFileSync(token, stack.oidc.mint('/k8s', { aud: 'kubernetes' }));
    proxies.registry.setFault(down);

    expect(documentOf(await assay([...args, '--retry-for', '0s']))).toMatchObject({
      exit: 3,
      reason: expect.stringMatching(/^REGISTRY_UNAVAILABLE: /),
    });
  });

  it('does nothing a second time when all is done', async () => {
    const { args } = await workplace('team/twice');
    const first = documentOf(await assay(args));
    const asked = proxies.registry.seen.length;

    const second = documentOf(await assay(args));

    expect([second, proxies.registry.seen.length, proxies.fulcio.seen.length]).toEqual([first, asked, 1]);
  });

  it('killed between signature and push it goes on with the same signature', async () => {
    const { out, digest, args } = await workplace('team/killed');
    const asked = new Promise<void>((done) =>
      proxies.registry.setFault(() => {
        done();
        return hang();
      }),
    );
    const running = startAssay(args);
    await running.says('signed as');
    await asked;
    running.kill('SIGKILL');
    await running.ended;
    expect(await readDelivery(out)).toMatchObject({ state: 'signed', final: false, signer: { identity: COLLECTOR } });
    const signature = readFileSync(join(out, 'summary-bundle/attestation.intoto.jsonl'), 'utf8');
    proxies.registry.setFault(() => undefined);

    const ended = documentOf(await assay(args));

    expect(ended).toMatchObject({ exit: 0, state: 'published', digest });
    expect([readFileSync(join(out, 'summary-bundle/attestation.intoto.jsonl'), 'utf8'), proxies.fulcio.seen.length]).toEqual([
      signature,
      1,
    ]);
  });

  it.each(['fulcio', 'rekor', 'registry'] as const)('ends at once on SIGTERM while %s hangs, and says nothing final', async (which) => {
    const { out, args } = await workplace('team/hanging');
    const reached = new Promise<void>((done) =>
      proxies[which].setFault(() => {
        done();
        return hang();
      }),
    );
    const running = startAssay([...args, '--timeout', '60s']);
    await reached;
    const killedAt = performance.now();
    running.kill('SIGTERM');

    const { exit, signal } = await running.ended;

    expect({ exit, signal }).toEqual({ exit: 143, signal: null });
    expect(performance.now() - killedAt).toBeLessThan(3_000);
    expect((await readDelivery(out))?.final ?? false).toBe(false);
  });

  it('is 2 with the services named by halves, after the artifact was pushed', async () => {
    const { args } = await workplace('team/half');
    const at = args.indexOf('--tsa-url');

    const ended = await assay(args.filter((_, index) => index !== at && index !== at + 1));

    expect(documentOf(ended)).toMatchObject({
      exit: 2,
      state: 'pending',
      oci: expect.any(String),
      reason: expect.stringMatching(/^SIGNING_SERVICES_INVALID/),
    });
  });
});

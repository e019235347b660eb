import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planFromValues } from '../../../cli/cluster/doctor/chart-plan.ts';
import { readCluster } from '../../../cli/cluster/doctor/cluster-reading.ts';
import { registryLines } from '../../../cli/cluster/doctor/registry-lines.ts';
import { signingLines } from '../../../cli/cluster/doctor/signing-lines.ts';
import { startFaultProxy } from '../../../tools/services/fault-proxy.ts';
import { startStack, type Stack } from '../../../tools/services/stack.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';
import { skipServices, WHY_SKIPPED } from '../../fixture/services.ts';

describe.skipIf(skipServices)(`what doctor learns from real services ${WHY_SKIPPED}`, () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());

  const allowed =
    (isAllowed: boolean): MemoryClusterOptions['onCreate'] =>
    (object) => ({ ...object, status: { allowed: isAllowed } });

  /** Lines about signing for a cluster with an issuer, `level id` each. */
  async function signing(sigstore: object, issuer: string | undefined, onCreate = allowed(true)): Promise<readonly string[]> {
    const document = { status: 200, text: JSON.stringify({ issuer }) };
    const paths = issuer === undefined ? {} : { '/.well-known/openid-configuration': document };
    const cluster = new MemoryCluster({ paths, ...(onCreate === undefined ? {} : { onCreate }) });
    const plan = planFromValues({ sigstore }, { namespace: 'assay', helmRelease: 'assay' });
    const lines = await signingLines(plan, await readCluster(cluster, plan), { cluster, timeoutMs: 1_000, nowMs: Date.now() });
    return lines.map(({ level, id }) => `${level} ${id}`);
  }

  const own = (): object => ({ fulcioUrl: stack.fulcioUrl, rekorUrl: stack.rekorUrl, tsaUrl: stack.tsaUrl });
  const WELL = ['ok fulcio', 'ok issuer', 'ok rekor', 'ok timestamp'];

  it('finds a Fulcio that takes the tokens of the cluster, by addresses and by a signing configuration', async () => {
    const signingConfig = Buffer.from(stack.signingConfig).toString();

    expect(await signing(own(), `${stack.oidc.url}/k8s`)).toEqual(WELL);
    expect(await signing({ signingConfig }, `${stack.oidc.url}/k8s`)).toEqual(WELL);
  });

  it('says that it does not take them, or wants another audience', async () => {
    expect(await signing(own(), 'https://kubernetes.default.svc')).toEqual(['ok fulcio', 'fail issuer', 'ok rekor', 'ok timestamp']);
    expect(await signing({ ...own(), audience: 'other' }, `${stack.oidc.url}/k8s`)).toEqual([
      'ok fulcio',
      'fail issuer',
      'ok rekor',
      'ok timestamp',
    ]);
  });

  it('says that strangers may not read the keys of the issuer', async () => {
    expect(await signing(own(), `${stack.oidc.url}/k8s`, allowed(false))).toEqual([
      'ok fulcio',
      'ok issuer',
      'warn discovery',
      'ok rekor',
      'ok timestamp',
    ]);
  });

  it('does not take silence for a no', async () => {
    expect(await signing({ ...own(), fulcioUrl: 'http://127.0.0.1:1' }, 'https://kubernetes.default.svc')).toEqual([
      'warn fulcio',
      'warn issuer',
      'ok rekor',
      'ok timestamp',
    ]);
    expect(await signing({ ...own(), rekorUrl: 'http://127.0.0.1:1', tsaUrl: 'http://127.0.0.1:1' }, `${stack.oidc.url}/k8s`)).toEqual([
      'ok fulcio',
      'ok issuer',
      'warn rekor',
      'warn timestamp',
    ]);
    expect(await signing(own(), undefined)).toEqual(['ok fulcio', 'warn issuer', 'ok rekor', 'ok timestamp']);
  });

  it.each([
    ['services that are named by halves', { fulcioUrl: 'https://fulcio.example' }, ['fail services']],
    ['signing that is off', { enabled: false }, ['warn enabled']],
  ])('needs nobody for %s', async (_, sigstore, expected) => {
    expect(await signing(sigstore, undefined)).toEqual(expected);
  });

  it('asks the registry with the credentials of the release, and as a stranger', async () => {
    const proxy = await startFaultProxy(`http://${stack.registry}`);
    const host = proxy.url.slice('http://'.length);
    const auth = Buffer.from('me:secret').toString('base64');
    proxy.setFault(({ headers }) => {
      if (headers.authorization === `Basic ${auth}`) return undefined;
      return { kind: 'answer', status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } };
    });
    const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { [host]: { auth } } })).toString('base64') };
    const cluster = new MemoryCluster({
      objects: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'assay' }, data }],
    });
    const ask = async (registry: object): Promise<readonly string[]> => {
      const plan = planFromValues({ registry }, { namespace: 'assay', helmRelease: 'assay' });
      return (await registryLines(plan, { cluster, options: { retries: 0 } })).map(({ level, id }) => `${level} ${id}`);
    };

    expect(await ask({ repository: `${host}/team/evidence`, secretName: 's' })).toEqual(['ok push', 'warn public-read']);
    expect(await ask({ repository: `${host}/team/evidence` })).toEqual(['fail push', 'warn public-read']);
    expect(await ask({ repository: '127.0.0.1:1/team/evidence' })).toEqual(['warn push', 'warn public-read']);
    await proxy.close();
  });
});

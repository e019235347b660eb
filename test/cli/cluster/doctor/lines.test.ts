import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import type { NewObject } from '#core/cluster/cluster.ts';
import { AssayError } from '#core/error.ts';
import type { RegistryOptions } from '#core/oci/registry/credential.ts';
import * as defaults from '../../../../cli/cluster/doctor/chart-defaults.ts';
import { planFromValues, type ChartPlan } from '../../../../cli/cluster/doctor/chart-plan.ts';
import { checkLines } from '../../../../cli/cluster/doctor/check-lines.ts';
import { CHECK_NEEDS } from '../../../../cli/cluster/doctor/check-needs.ts';
import { readCluster } from '../../../../cli/cluster/doctor/cluster-reading.ts';
import { configuredIssuer, publicIssuer } from '../../../../cli/cluster/doctor/issuer-match.ts';
import { namespaceLines } from '../../../../cli/cluster/doctor/namespace-lines.ts';
import { parseQuantity } from '../../../../cli/cluster/doctor/quantity.ts';
import { registryLines } from '../../../../cli/cluster/doctor/registry-lines.ts';
import { diagnose, diagnosisExit, examine } from '../../../../cli/cluster/doctor/run-doctor.ts';
import { CLUSTER_CHECKS } from '../../../../collector/check/catalog.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../../fixture/cluster/memory-cluster.ts';
import { gpuNode } from '../../../fixture/cluster/objects.ts';

function plan(values: object = {}): ChartPlan {
  return planFromValues(values, { namespace: 'assay', helmRelease: 'assay' });
}

function namespace(labels: Readonly<Record<string, string>> = {}): NewObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'assay', labels } };
}

function quota(hard: Readonly<Record<string, string>>, used: Readonly<Record<string, string>> = {}): NewObject {
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q', namespace: 'assay' }, spec: { hard }, status: { hard, used } };
}

const ENFORCE = 'pod-security.kubernetes.io/enforce';

describe('whether the namespace lets the pods in', () => {
  it.each<[string, readonly NewObject[], object, readonly string[]]>([
    ['it is not there yet', [], {}, ['ok namespace']],
    ['no level', [namespace()], {}, ['ok pod-security']],
    ['restricted, nothing of the node is mounted', [namespace({ [ENFORCE]: 'restricted' })], {}, ['ok pod-security']],
    ['baseline, a driver directory is mounted', [namespace({ [ENFORCE]: 'baseline' })], { gpuAccess: 'driverRoot' }, ['fail pod-security']],
    ['privileged, AMD devices are mounted', [namespace({ [ENFORCE]: 'privileged' })], { gpuAccess: 'amd' }, ['ok pod-security']],
    [
      'quotas with room',
      [namespace(), quota({ pods: '10', 'requests.cpu': '1', 'requests.memory': '1Gi' })],
      {},
      ['ok pod-security', 'ok quota'],
    ],
    [
      'a quota of pods that is nearly used',
      [namespace(), quota({ pods: '10' }, { pods: '8' })],
      {},
      ['ok pod-security', 'fail quota-pods'],
    ],
    ['a quota of memory', [namespace(), quota({ 'requests.memory': '300Mi' })], {}, ['ok pod-security', 'fail quota-requests.memory']],
    ['a quota of what we do not use', [namespace(), quota({ services: '0' })], {}, ['ok pod-security', 'ok quota']],
    [
      'a quota of CPU limits, which we do not name',
      [namespace(), quota({ 'limits.cpu': '100' })],
      {},
      ['ok pod-security', 'fail quota-limits.cpu'],
    ],
    [
      'a quota of CPU limits, with a default',
      [
        namespace(),
        quota({ 'limits.cpu': '100' }),
        {
          apiVersion: 'v1',
          kind: 'LimitRange',
          metadata: { name: 'l', namespace: 'assay' },
          spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] },
        },
      ],
      {},
      ['ok pod-security', 'ok quota'],
    ],
  ])('%s', async (_, objects, values, expected) => {
    const asked = plan(values);
    const reading = await readCluster(new MemoryCluster({ objects: [gpuNode('a'), gpuNode('b'), ...objects] }), asked);

    expect(namespaceLines(asked, reading).map(({ level, id }) => `${level} ${id}`)).toEqual(expected);
  });

  it.each([
    ['250m', 0.25],
    ['1.5', 1.5],
    ['96Mi', 96 * 1024 * 1024],
    ['2Ti', 2 * 1024 ** 4],
    ['12e6', 12_000_000],
    ['1E', 1e18],
    ['-3k', -3_000],
    ['1K', Number.NaN],
    ['', Number.NaN],
    ['ten', Number.NaN],
  ])('reads the amount %s', (text, amount) => {
    expect(parseQuantity(text)).toBe(amount);
  });
});

describe('whose tokens the public Fulcio takes', () => {
  it.each([
    ['https://oidc.eks.eu-north-1.amazonaws.com/id/0123456789ABCDEF', 'EKS'],
    ['https://container.googleapis.com/v1/projects/p-1/locations/europe-west4/clusters/c_1', 'GKE'],
    ['https://oidc.prod-aks.azure.com/0123', 'AKS'],
    ['https://westeurope.oic.prod-aks.azure.com/0123/4567/', 'AKS'],
    ['https://oidc.eks.cn-north-1.amazonaws.com.cn/id/0123456789ABCDEF', undefined],
    ['https://kubernetes.default.svc.cluster.local', undefined],
    ['https://oidc.eks.eu-north-1.amazonaws.com.evil.example/id/0', undefined],
    ['https://oidc.eks.eu.north.amazonaws.com/id/0', undefined],
    ['http://oidc.eks.eu-north-1.amazonaws.com/id/0', undefined],
  ])('%s: %s', (issuer, service) => {
    expect(publicIssuer(issuer)).toBe(service);
  });

  it.each([
    ['https://a.example/x', 'https://a.example/x', true],
    ['https://a.example/x', 'https://a.example/*', true],
    ['https://a.example/x/y', 'https://a.example/*', false],
    ['https://aXexample/x', 'https://a.example/*', false],
    ['https://a.example/', 'https://a.example/*', false],
  ])('a configuration matches %s with %s: %s', (issuer, entry, matches) => {
    expect(configuredIssuer(issuer, [{ issuer: entry, audience: 'sigstore' }]) !== undefined).toBe(matches);
  });
});

describe('what doctor knows of the other parts', () => {
  it('names only checks that there are, and every check that makes objects for its own sake', () => {
    const known = new Map(CLUSTER_CHECKS.map((check) => [check.name, check]));
    const needsWrites = CHECK_NEEDS.filter(({ needs }) => needs.some(({ kind }) => kind === 'writes')).map(({ check }) => check);

    expect(CHECK_NEEDS.map(({ check }) => check).filter((name) => !known.has(name))).toEqual([]);
    expect(needsWrites.filter((name) => known.get(name)?.writes.length === 0)).toEqual([]);
    expect(
      CLUSTER_CHECKS.filter(({ name, writes }) => writes.length > 0 && !needsWrites.includes(name)).map(({ name }) => name),
      'does not only look with objects, it looks without them too',
    ).toEqual(['dra-support']);
    expect(CHECK_NEEDS.filter(({ check, always }) => (known.get(check)?.origin === 'cluster') !== (always === true))).toEqual([]);
  });

  it('has the defaults of the chart', () => {
    const values = parse(readFileSync('charts/assay/values.yaml', 'utf8')) as Record<string, any>;

    expect([
      defaults.TOLERATIONS,
      defaults.REQUESTS.agent,
      defaults.REQUESTS.collect,
      defaults.REQUESTS.sign,
      defaults.RUNTIME_CLASS,
      defaults.AUDIENCE,
    ]).toEqual([
      values['agent'].tolerations,
      values['agent'].resources,
      values['collector'].resources,
      values['collector'].signResources,
      values['gpu'].runtimeClassName,
      values['sigstore'].audience,
    ]);
  });
});

describe('which checks would be skipped', () => {
  it('is told by what is missing, for the checks that the recipe names', async () => {
    const asked = plan();
    const reading = await readCluster(new MemoryCluster({ objects: [gpuNode('a')] }), asked);
    const recipe = { validation: { conformance: { checks: ['gang-scheduling', 'robust-controller'] } } } as unknown as Parameters<
      typeof checkLines
    >[2];

    expect(checkLines(asked, reading, recipe).map(({ id, text }) => [id, text.slice(text.indexOf(':'))])).toEqual([
      ['checks-active', ': gang-scheduling, robust-controller, node-all-reduce-bw are skipped'],
      ['workload-kai-scheduler-default', ': gang-scheduling is skipped'],
    ]);
  });
});

describe('the registry, when nothing need be asked', () => {
  const lines = async (values: object, options: MemoryClusterOptions = {}): Promise<readonly string[]> => {
    const question = { cluster: new MemoryCluster(options), options: { timeoutMs: 200, retries: 0 } satisfies RegistryOptions };
    return (await registryLines(plan(values), question)).map(({ level, id, text }) => `${level} ${id}: ${text.split(':')[0]}`);
  };
  const registry = { repository: '127.0.0.1:1/team/evidence', secretName: 's' };
  const secret = (data: object): NewObject => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'assay' }, ...data });

  it.each<[string, object, MemoryClusterOptions, readonly string[]]>([
    ['no repository', {}, {}, ['warn repository: no repository is named']],
    ['a reference that is none', { registry: { repository: 'NOT A REF' } }, {}, ['fail repository: REFERENCE_INVALID']],
    [
      'a Secret that is missing',
      { registry },
      {},
      ["fail secret: the Secret assay/s that should hold the registry's credentials does not exist"],
    ],
    [
      'a Secret of another kind',
      { registry },
      { objects: [secret({ data: {} })] },
      ['fail secret: the Secret assay/s has no .dockerconfigjson'],
    ],
    [
      'a Secret that holds something else',
      { registry },
      { objects: [secret({ data: { '.dockerconfigjson': Buffer.from('secret-secret').toString('base64') } })] },
      ['fail secret: CREDENTIALS_UNREADABLE'],
    ],
    [
      'a Secret that may not be read',
      { registry },
      { fault: () => new AssayError('CLUSTER_FORBIDDEN', 'no') },
      ['warn secret: the Secret assay/s may not be read'],
    ],
  ])('%s', async (_, values, options, expected) => {
    expect(await lines(values, options)).toEqual(expected);
  });
});

describe('a diagnosis', () => {
  it('of a cluster that is as it should be has nothing to fix, and says what it could not read', async () => {
    const cluster = new MemoryCluster({
      objects: [gpuNode('a'), { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'nvidia' } }],
      paths: { '/version': { status: 200, text: '{"gitVersion":"v1.36.3"}', date: new Date().toUTCString() } },
      fault: ({ what }) => (what.startsWith('v1/ResourceQuota') ? new AssayError('CLUSTER_FORBIDDEN', 'quotas are forbidden') : undefined),
    });
    const question = { offline: true, registry: {}, timeoutMs: 200, values: { checks: { active: true } } };
    const place = { cluster, namespace: 'assay' };
    const diagnosis = await diagnose(place, await examine(place, question), question);

    expect([diagnosis.installed, diagnosisExit(diagnosis)]).toEqual([false, 0]);
    expect(diagnosis.lines.filter(({ section }) => section === 'cluster').map(({ level, text }) => `${level} ${text}`)).toEqual([
      'ok Kubernetes v1.36.3 with 1 node(s)',
      expect.stringMatching(/^ok clocks agree within [01] s$/),
      'warn could not be read, ResourceQuota: quotas are forbidden',
    ]);
  });

  it.each([
    [3_600_000, 'fail clock', 1],
    [-30_000, 'warn clock', 0],
  ])('tells a clock that is %i ms off', async (skewMs, expected, exit) => {
    const date = new Date(Date.now() - skewMs).toUTCString();
    const cluster = new MemoryCluster({ objects: [gpuNode('a')], paths: { '/version': { status: 200, text: '{}', date } } });
    const question = { offline: true, registry: {}, timeoutMs: 200 };
    const place = { cluster, namespace: 'assay' };
    const diagnosis = await diagnose(place, await examine(place, question), question);

    expect([diagnosis.lines.map(({ level, id }) => `${level} ${id}`).includes(expected), diagnosisExit(diagnosis)]).toEqual([true, exit]);
  });

  it('says that a recipe does not resolve', async () => {
    const cluster = new MemoryCluster({ objects: [gpuNode('a')] });
    const question = {
      offline: true,
      registry: {},
      timeoutMs: 200,
      values: { recipe: { criteria: { accelerator: 'abacus', service: 'eks' } } },
    };
    const place = { cluster, namespace: 'assay' };
    const { lines } = await diagnose(place, await examine(place, question), question);

    expect(lines.find(({ id }) => id === 'recipe')).toMatchObject({
      level: 'fail',
      text: expect.stringMatching(/^CRITERIA_INVALID: /) as string,
    });
  });
});

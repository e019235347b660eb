import { describe, expect, test } from 'vitest';
import { systemClock } from '#core/clock.ts';
import type { NewObject } from '#core/cluster/cluster.ts';
import { AssayError } from '#core/error.ts';
import { TestObjectKeeper, type TestObjects, type TestObjectOptions } from '../../../collector/check/workload/test-objects.ts';
import { teardownVerdict } from '../../../collector/check/workload/test-objects-removed.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';

const RUN = 'run-0123456789abcdef';
const POD: NewObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'assay-a', labels: { mine: 'yes' } }, spec: {} };

function keeperOn(
  options: MemoryClusterOptions | MemoryCluster,
  change: Partial<TestObjectOptions> = {},
): { cluster: MemoryCluster; keeper: TestObjectKeeper; objects: TestObjects } {
  const cluster = options instanceof MemoryCluster ? options : new MemoryCluster(options);
  const keeper = new TestObjectKeeper({
    cluster,
    runId: RUN,
    namespace: 'checks',
    clock: systemClock,
    everyMs: 1,
    timeoutMs: 10,
    ...change,
  });
  return { cluster, keeper, objects: keeper.forCheck('made-up', new AbortController().signal) };
}

describe('what is made', () => {
  test('carries whose it is, and lives where the checks live', async () => {
    const { objects } = keeperOn({});
    const { metadata } = await objects.create(POD);
    expect({ ...metadata, uid: '', resourceVersion: '', creationTimestamp: '' }).toEqual({
      name: 'assay-a',
      namespace: 'checks',
      labels: { mine: 'yes', 'app.kubernetes.io/managed-by': 'assay', 'assay.dev/run': RUN },
      annotations: { 'assay.dev/check': 'made-up' },
      uid: '',
      resourceVersion: '',
      creationTimestamp: '',
    });
  });

  test("is owned by the collector's Job in its own namespace, and only there: an owner elsewhere would have it deleted", async () => {
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'assay-run-1', uid: 'uid-1' };
    const near = await keeperOn({}, { owner: { ...owner, namespace: 'checks' } }).objects.create(POD);
    const far = await keeperOn({}, { owner: { ...owner, namespace: 'assay' } }).objects.create(POD);
    expect([near.metadata.ownerReferences, far.metadata.ownerReferences]).toEqual([[owner], undefined]);
  });

  test.each(['smi', 'a-very-long-purpose-that-would-not-fit-into-the-name-of-any-kubernetes-object-at-all'])(
    '%s has a name of at most 63 characters',
    (purpose) => {
      const name = keeperOn({}).objects.name(purpose);
      expect(name).toMatch(/^assay-[a-z-]+-[\da-f]{8}$/);
      expect(name.length).toBeLessThanOrEqual(63);
    },
  );

  test('can be changed by the check that made it, and nothing else can', async () => {
    const { objects, cluster } = keeperOn({});
    await objects.create(POD);
    await objects.patch({ apiVersion: 'v1', kind: 'Pod', name: 'assay-a' }, { spec: { changed: true } });
    expect(await cluster.read({ apiVersion: 'v1', kind: 'Pod', namespace: 'checks', name: 'assay-a' })).toMatchObject({
      spec: { changed: true },
    });
    await expect(objects.patch({ apiVersion: 'v1', kind: 'Pod', name: 'other' }, {})).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  test('a refusal goes to the check', async () => {
    const { objects } = keeperOn({ fault: ({ verb }) => (verb === 'create' ? new AssayError('CLUSTER_FORBIDDEN', 'no') : undefined) });
    await expect(objects.create(POD)).rejects.toMatchObject({ code: 'CLUSTER_FORBIDDEN' });
  });
});

describe('what is removed', () => {
  test('everything that was made, and it is looked for afterwards', async () => {
    const { objects, keeper, cluster } = keeperOn({});
    await objects.create(POD);
    await objects.create({ ...POD, apiVersion: 'batch/v1', kind: 'Job' });
    expect(await keeper.clear()).toEqual({ created: 2, left: [], problems: [] });
    expect(await cluster.list({ apiVersion: 'v1', kind: 'Pod' })).toEqual([]);
    expect(cluster.calls.some(({ verb, what }) => verb === 'list' && what === 'batch/v1/Job checks')).toBe(true);
  });

  test('what a process before this one left behind, and nobody else’s', async () => {
    const of = (name: string, run: string, namespace = 'checks'): NewObject => ({
      ...POD,
      metadata: { name, namespace, labels: { 'assay.dev/run': run } },
    });
    const { keeper, cluster } = keeperOn({ objects: [of('old', RUN), of('other-run', 'run-other'), of('elsewhere', RUN, 'somewhere')] });
    expect(await keeper.sweep()).toEqual({ created: 0, left: [], problems: [] });
    expect((await cluster.list({ apiVersion: 'v1', kind: 'Pod' }))?.map(({ metadata }) => metadata.name)).toEqual([
      'other-run',
      'elsewhere',
    ]);
  });

  test('what is on its way when the check is over', async () => {
    const { objects, keeper, cluster } = keeperOn({});
    const making = objects.create(POD);
    expect(await keeper.clear()).toEqual({ created: 1, left: [], problems: [] });
    await making;
    expect(await cluster.list({ apiVersion: 'v1', kind: 'Pod' })).toEqual([]);
  });

  test('what does not go is named', async () => {
    const { objects, keeper } = keeperOn({
      fault: ({ verb }) => (verb === 'remove' ? new AssayError('CLUSTER_FORBIDDEN', 'no') : undefined),
    });
    await objects.create(POD);
    expect(await keeper.clear()).toEqual({ created: 1, left: ['Pod assay-a'], problems: ['Pod assay-a: no'] });
  });

  test('what cannot be looked at is a problem, not an empty list', async () => {
    const { keeper } = keeperOn({
      fault: ({ verb, what }) => (verb === 'list' && what.startsWith('v1/Pod') ? new AssayError('CLUSTER_UNREACHABLE', 'away') : undefined),
    });
    expect(await keeper.sweep()).toEqual({ created: 0, left: [], problems: ['Pod: away'] });
  });

  test('kinds that the cluster does not know hold nothing', async () => {
    const { keeper } = keeperOn({ unknownKinds: ['trainer.kubeflow.org/v1alpha1/TrainJob'] });
    expect(await keeper.sweep()).toEqual({ created: 0, left: [], problems: [] });
  });
});

describe('what the record says', () => {
  const place = { runId: RUN, namespace: 'checks' };
  test.each([
    ['nothing could be made', undefined, 'skip', 'this run makes no test objects: checks.active is not set'],
    ['nothing had to be made', { created: 0, left: [], problems: [] }, 'skip', 'no check had to make a test object'],
    ['all gone', { created: 3, left: [], problems: [] }, 'pass', 'all 3 test objects are gone'],
    [
      'some are there',
      { created: 3, left: ['Pod assay-a'], problems: [] },
      'fail',
      `1 test objects are still there: Pod assay-a; remove them: kubectl delete pods,jobs,deployments,hpa,resourceclaims -n checks -l assay.dev/run=${RUN}`,
    ],
    [
      'nobody knows',
      { created: 0, left: [], problems: ['Pod: away'] },
      'unknown',
      `it is not known whether all test objects are gone: Pod: away; look: kubectl delete pods,jobs,deployments,hpa,resourceclaims -n checks -l assay.dev/run=${RUN}`,
    ],
  ])('%s', (_what, teardown, outcome, message) => {
    expect(teardownVerdict(teardown, place)).toMatchObject({ outcome, message });
  });
});

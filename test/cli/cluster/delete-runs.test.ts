import { describe, expect, it } from 'vitest';
import type { NewObject } from '#core/cluster/cluster.ts';
import { runIdOfJob } from '#core/cluster/run-status.ts';
import { AssayError } from '#core/error.ts';
import { deleteRuns, type Deletion } from '../../../cli/cluster/delete-runs.ts';
import { findRelease } from '../../../cli/cluster/find-release.ts';
import { listRuns } from '../../../cli/cluster/find-run.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';
import { JOB_UID, RUN_ID, runJob, runPod, runStatus, statusMap } from '../../fixture/cluster/release-objects.ts';

const LEASE = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'assay', name: 'assay' } as const;
const OTHER = runIdOfJob('uid-job-0');

function testPod(run: string, namespace = 'assay-checks'): NewObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: `assay-smi-${run}`, namespace, labels: { 'assay.dev/run': run } } };
}

function lease(holder: string): NewObject {
  return { ...LEASE, metadata: { name: 'assay', namespace: 'assay' }, spec: { holderIdentity: holder } };
}

const OBJECTS: readonly NewObject[] = [
  statusMap(runStatus(), { 'pointer.yaml': 'schemaVersion: 1.0.0\n' }),
  runJob(),
  runPod(),
  testPod(RUN_ID),
  testPod(OTHER),
  lease(JOB_UID),
  runJob({ uid: 'uid-job-0', name: 'assay-run-0', createdAt: '2026-11-20T12:00:00Z', ended: 'Complete' }),
  runPod({ name: 'assay-run-0-x', uid: 'uid-job-0' }),
  // Not ours, whatever it is called.
  { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'assay-run-1-fake', namespace: 'assay' } },
];

async function remove(cluster: MemoryCluster, which: 'newest' | 'all' = 'newest', timeoutMs = 5_000): Promise<Deletion> {
  const place = { cluster, namespace: 'assay' };
  const release = await findRelease(place);
  const runs = await listRuns(place, release);
  return deleteRuns(place, release, { runs: which === 'all' ? runs : runs.slice(-1), timeoutMs, signal: new AbortController().signal });
}

async function left(cluster: MemoryCluster): Promise<readonly string[]> {
  const kinds = [
    { apiVersion: 'v1', kind: 'Pod' },
    { apiVersion: 'batch/v1', kind: 'Job' },
  ];
  const lists = await Promise.all(kinds.map((kind) => cluster.list(kind)));
  return lists.flatMap((list) => (list ?? []).map(({ kind, metadata }) => `${kind} ${metadata.name}`));
}

function memory(options: Omit<MemoryClusterOptions, 'objects'> = {}, objects = OBJECTS): MemoryCluster {
  return new MemoryCluster({ ...options, objects });
}

describe('assay delete', () => {
  it('removes the newest run with its pods and test objects, resets status and lease, and leaves everything else', async () => {
    const cluster = memory();

    expect(await remove(cluster)).toEqual({
      runs: [RUN_ID],
      removed: ['Job assay/assay-run-1', 'Pod assay/assay-run-1-x', `Pod assay-checks/assay-smi-${RUN_ID}`],
      left: [],
      problems: [],
      statusReset: true,
    });
    expect(await left(cluster)).toEqual([`Pod assay-smi-${OTHER}`, 'Pod assay-run-0-x', 'Pod assay-run-1-fake', 'Job assay-run-0']);
    const status = await cluster.read({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'assay', name: 'assay-status' });
    expect([status?.['data'], (await cluster.read(LEASE))?.['spec']]).toEqual([
      { 'pointer.yaml': 'schemaVersion: 1.0.0\n' },
      { holderIdentity: '' },
    ]);
  });

  it('removes all runs when it is told to', async () => {
    const cluster = memory();

    expect((await remove(cluster, 'all')).runs).toEqual([OTHER, RUN_ID]);
    expect(await left(cluster)).toEqual(['Pod assay-run-1-fake']);
  });

  it('run again has nothing to do, and says so', async () => {
    const cluster = memory();
    await remove(cluster, 'all');

    expect(await remove(cluster, 'all')).toEqual({ runs: [], removed: [], left: [], problems: [], statusReset: false });
  });

  it('touches neither the status nor the lease of another run', async () => {
    const cluster = memory({}, [...OBJECTS.filter(({ kind }) => kind !== 'Lease'), lease('uid-of-another')]);
    cluster.put(statusMap(runStatus({ runId: OTHER })));

    const deletion = await remove(cluster);

    expect([deletion.statusReset, (await cluster.read(LEASE))?.['spec']]).toEqual([false, { holderIdentity: 'uid-of-another' }]);
  });

  it('resets a status object that nobody can read', async () => {
    const cluster = memory({}, [statusMap(undefined, { 'status.json': 'x' })]);

    expect((await remove(cluster)).statusReset).toBe(true);
  });

  it('does not take a removal that was refused for one that was done', async () => {
    const cluster = memory({
      fault: ({ verb, what }) =>
        verb === 'remove' && what.includes('assay-smi') ? new AssayError('CLUSTER_FORBIDDEN', 'pods is forbidden') : undefined,
    });

    expect(await remove(cluster, 'newest', 0)).toMatchObject({
      removed: ['Job assay/assay-run-1', 'Pod assay/assay-run-1-x'],
      left: [`Pod assay-checks/assay-smi-${RUN_ID}`],
      problems: [`Pod assay-checks/assay-smi-${RUN_ID}: pods is forbidden`],
    });
  });

  it('says where it could not look', async () => {
    const cluster = memory({
      fault: ({ verb, what }) =>
        verb === 'list' && what === 'apps/v1/Deployment assay-checks' ? new AssayError('CLUSTER_FORBIDDEN', 'no') : undefined,
    });

    expect((await remove(cluster)).problems).toEqual(['Deployment in assay-checks: no']);
  });

  it('waits for what goes slowly', async () => {
    const cluster = memory();
    const place = { cluster, namespace: 'assay' };
    const release = await findRelease(place);
    const runs = (await listRuns(place, release)).slice(-1);
    let looks = 0;
    // A pod with a grace period: it is still listed a while after it was deleted.
    const slow = new Proxy(cluster, {
      get: (target, name) =>
        name === 'list'
          ? async (selection: Parameters<typeof cluster.list>[0]) => {
              const found = (await target.list(selection)) ?? [];
              const isPod = selection.kind === 'Pod' && selection.namespace === 'assay';
              if (isPod) looks += 1;
              return isPod && looks === 2 ? [...found, runPod()] : found;
            }
          : Reflect.get(target, name),
    });
    const deletion = await deleteRuns({ cluster: slow, namespace: 'assay' }, release, {
      runs,
      timeoutMs: 5_000,
      signal: new AbortController().signal,
    });

    expect([deletion.left, looks]).toEqual([[], 3]);
  });
});

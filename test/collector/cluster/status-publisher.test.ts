import { describe, expect, it } from 'vitest';
import { readRunStatus } from '#core/cluster/read-run-status.ts';
import type { RunStatus } from '#core/cluster/run-status.ts';
import { AssayError } from '#core/error.ts';
import { createLog } from '#core/log.ts';
import { RunStanding } from '../../../collector/cluster/run-state.ts';
import { StatusPublisher } from '../../../collector/cluster/status-publisher.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';
import { runEntry } from '../../fixture/uplink/entries.ts';

const MAP = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'r-status', namespace: 'ns', labels: { helm: 'yes' } } };
const PROGRESS = { expected: 3, connected: 0, finished: 0, absent: {}, checks: { passed: 0, failed: 0, skipped: 0, other: 0 } };
const DIGEST = `sha256:${'a'.repeat(64)}` as const;

function scene(options: MemoryClusterOptions = {}) {
  const cluster = new MemoryCluster({ objects: [MAP], ...options });
  const progress = { ...PROGRESS };
  const standing = new RunStanding({ run: runEntry(['a', 'b', 'c']), jobUid: 'job-1', recipe: 'recipe' }, () => ({ ...progress }));
  const log = createLog({ program: 'test', level: 'silent' });
  const publisher = new StatusPublisher({ cluster, namespace: 'ns', release: 'r', log, resourceVersion: undefined }, () =>
    standing.toStatus(),
  );
  const read = async (): Promise<RunStatus | undefined> => (await readRunStatus(cluster, 'ns', 'r'))?.status;
  const writes = (): number => cluster.calls.filter(({ verb }) => verb === 'patch').length;
  return { cluster, progress, standing, publisher, read, writes };
}

describe('published status', () => {
  it('is written when something has changed, and only then', async () => {
    const { progress, publisher, read, writes } = scene();
    await publisher.flush();
    await publisher.flush();
    progress.connected = 1;
    await publisher.flush();

    expect(writes()).toBe(2);
    expect((await read())?.nodes.connected).toBe(1);
  });

  it('leaves the labels of the object alone', async () => {
    const { cluster, publisher } = scene();
    await publisher.flush();

    expect((await cluster.read({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'ns', name: 'r-status' }))?.metadata.labels).toEqual({
      helm: 'yes',
    });
  });

  it('replaces what somebody else wrote meanwhile', async () => {
    const { cluster, progress, publisher, read } = scene();
    await publisher.flush();
    cluster.put({ ...MAP, data: { 'status.json': 'nonsense' } });
    progress.finished = 2;
    await publisher.flush();

    expect((await read())?.nodes.finished).toBe(2);
  });

  it('is tried again after an outage, and nobody is stopped by one', async () => {
    let isOut = true;
    const { publisher, read } = scene({
      fault: ({ verb }) => (isOut && verb === 'patch' ? new AssayError('CLUSTER_UNREACHABLE', 'down') : undefined),
    });
    await publisher.flush();
    isOut = false;
    const during = await read();
    await publisher.end();

    expect([during, (await read())?.state]).toEqual([undefined, 'waiting']);
  });

  it('carries the pointer once there is one', async () => {
    const { cluster, publisher } = scene();
    publisher.setPointer('pointer');
    await publisher.flush();

    expect((await readRunStatus(cluster, 'ns', 'r'))?.pointer).toBe('pointer');
  });

  it('stays a few hundred bytes with ten thousand nodes', async () => {
    const { progress, standing } = scene();
    progress.expected = 10_000;
    standing.seal(
      1,
      Array.from({ length: 10_000 }, (_, index) => ({
        node: `node-${String(index)}` as never,
        reason: 'tainted' as const,
        detail: 'x'.repeat(500),
      })),
    );

    expect(JSON.stringify(standing.toStatus()).length).toBeLessThan(1024);
  });
});

describe('standing of a run', () => {
  it('goes from waiting to published', () => {
    const { progress, standing } = scene();
    const states = [standing.toStatus().state];
    progress.connected = 1;
    states.push(standing.toStatus().state);
    standing.seal(1_750_000_009_000, [{ node: 'c' as never, reason: 'gone', detail: 'x' }]);
    states.push(standing.toStatus().state);
    const report = { schemaVersion: '1.0.0', runId: 'run-test', digest: DIGEST as never } as const;
    standing.deliver({ ...report, state: 'pending', final: false, reason: 'REKOR_UNAVAILABLE: down', hint: 'wait' });
    const pending = standing.toStatus();
    standing.deliver({ ...report, state: 'signed', final: false });
    states.push(pending.state, standing.toStatus().state);

    expect(states).toEqual(['waiting', 'gathering', 'sealed', 'pending', 'signed']);
    expect(pending).toMatchObject({
      reason: 'REKOR_UNAVAILABLE: down',
      hint: 'wait',
      sealedAt: '2025-06-15T15:06:49.000Z',
      nodes: { connected: 0, absent: { gone: 1 } },
    });
    expect(standing.toStatus().reason).toBeUndefined();
  });

  it('stays failed, with the reason', () => {
    const { standing } = scene();
    standing.stay('failed', 'NO_GPU_NODE: none', 'install one');

    expect(standing.toStatus()).toMatchObject({ state: 'failed', reason: 'NO_GPU_NODE: none', hint: 'install one' });
  });
});

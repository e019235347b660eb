import { describe, expect, it, vi } from 'vitest';
import type { RunState } from '#core/cluster/run-status.ts';
import { AssayError } from '#core/error.ts';
import { awaitState, type Goal, type Reached } from '../../../cli/cluster/await-state.ts';
import { MemoryCluster, type ClusterCall } from '../../fixture/cluster/memory-cluster.ts';
import { RUN_ID, runJob, runStatus, statusMap } from '../../fixture/cluster/release-objects.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

function cluster(fault?: (call: ClusterCall) => AssayError | undefined): MemoryCluster {
  return new MemoryCluster({ objects: [statusMap(runStatus()), runJob()], ...(fault === undefined ? {} : { fault }) });
}

function wait(at: MemoryCluster, goal: Goal, signal = new AbortController().signal): Promise<Reached> {
  return awaitState({ cluster: at, namespace: 'assay' }, { goal, signal });
}

/** Resolves when the run was looked at again. */
async function looked(at: MemoryCluster): Promise<void> {
  const looks = (): number => at.calls.filter(({ verb, what }) => verb === 'list' && what.startsWith('batch/v1/Job')).length;
  const before = looks();
  await vi.waitFor(() => expect(looks()).toBeGreaterThan(before), { timeout: 5_000 });
}

/** What waiting says when the run comes to a state, and its Job then ends or not. */
async function outcome(goal: Goal, state: RunState, ended?: 'Complete' | 'Failed'): Promise<boolean | 'still waiting'> {
  const at = cluster();
  const abort = new AbortController();
  const waiting = wait(at, goal, abort.signal).then(
    ({ reached }) => reached,
    () => 'still waiting' as const,
  );
  await looked(at);
  if (ended !== undefined) at.put(runJob({ ended }));
  at.put(statusMap(runStatus({ state })));
  await Promise.race([waiting, looked(at)]);
  // A look that had begun before the change says nothing about it: the next one does.
  at.put(statusMap(runStatus({ state })));
  await Promise.race([waiting, looked(at)]);
  abort.abort(new AssayError('TIMEOUT', 'late'));
  return waiting;
}

describe('assay wait', () => {
  it.each<[Goal, RunState, 'Complete' | 'Failed' | undefined, boolean | 'still waiting']>([
    ['sealed', 'sealed', undefined, true],
    ['sealed', 'pending', undefined, true],
    ['sealed', 'published', undefined, true],
    ['sealed', 'failed', 'Failed', false],
    ['sealed', 'gathering', 'Failed', false],
    ['sealed', 'gathering', undefined, 'still waiting'],
    ['signed', 'signed', undefined, true],
    ['signed', 'published', 'Complete', true],
    ['signed', 'pending', undefined, 'still waiting'],
    ['signed', 'pending', 'Failed', false],
    ['published', 'published', undefined, true],
    ['published', 'signed', undefined, 'still waiting'],
    ['published', 'signed', 'Complete', false],
    ['published', 'failed', undefined, 'still waiting'],
  ])('for %s, the run %s, its Job %s: %s', async (goal, state, ended, expected) => {
    expect(await outcome(goal, state, ended)).toBe(expected);
  });

  it('says who signed what, and where it is', async () => {
    const at = cluster();
    const digest = `sha256:${'ab'.repeat(32)}`;
    const signer = { identity: 'me', issuer: 'https://issuer.example' };
    const waiting = wait(at, 'published');
    at.put(statusMap(runStatus({ state: 'published', oci: 'registry.example/e:v1', digest, signer })));

    expect(await waiting).toEqual({ reached: true, run: RUN_ID, state: 'published', signer, oci: 'registry.example/e:v1', digest });
  });

  it('says why it never will', async () => {
    const at = cluster();
    const waiting = wait(at, 'published');
    at.put(statusMap(runStatus({ state: 'pending', reason: 'IDENTITY_MISSING: none', hint: 'assay sign' })));
    at.put(runJob({ ended: 'Failed' }));

    expect(await waiting).toEqual({ reached: false, run: RUN_ID, state: 'pending', reason: 'IDENTITY_MISSING: none', hint: 'assay sign' });
  });

  it('waits for the run that was the newest at the begin, whatever comes after it', async () => {
    const at = cluster();
    const waiting = wait(at, 'published');
    await looked(at);
    at.put(runJob({ uid: 'uid-job-2', name: 'assay-run-2', createdAt: '2026-11-22T12:00:00Z' }));
    at.put(statusMap(runStatus({ state: 'published' })));

    expect((await waiting).run).toBe(RUN_ID);
  });

  it('sits an outage out after the first look', async () => {
    let isOut = false;
    const at = cluster(({ verb }) => (isOut && verb !== 'watch' ? new AssayError('CLUSTER_UNREACHABLE', 'down') : undefined));
    const waiting = wait(at, 'sealed');
    await looked(at);
    isOut = true;
    const asked = at.calls.length;
    at.put(statusMap(runStatus({ state: 'sealed' })));
    await vi.waitFor(() => expect(at.calls.length).toBeGreaterThan(asked));
    isOut = false;
    at.put(runJob({ ended: 'Complete' }));

    expect((await waiting).reached).toBe(true);
  });

  it.each([
    ['cannot be reached', new AssayError('CLUSTER_UNREACHABLE', 'down'), 'CLUSTER_UNREACHABLE'],
    ['does not let us look', new AssayError('CLUSTER_FORBIDDEN', 'no'), 'CLUSTER_FORBIDDEN'],
  ])('ends at once when the cluster %s at the begin', async (_, error, code) => {
    expect(
      await codeOfPromise(
        wait(
          cluster(() => error),
          'sealed',
        ),
      ),
    ).toBe(code);
  });

  it('does without watches where those are not allowed', async () => {
    const at = cluster(({ verb }) => (verb === 'watch' ? new AssayError('CLUSTER_FORBIDDEN', 'no') : undefined));
    at.put(statusMap(runStatus({ state: 'sealed' })));

    expect((await wait(at, 'sealed')).reached).toBe(true);
  });

  it('ends with the reason of whoever ends it', async () => {
    const abort = new AbortController();
    const waiting = wait(cluster(), 'sealed', abort.signal);
    abort.abort(new AssayError('TERMINATED', 'x'));

    expect(await codeOfPromise(waiting)).toBe('TERMINATED');
  });
});

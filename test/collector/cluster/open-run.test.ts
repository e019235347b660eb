import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FoundStatus } from '#core/cluster/read-run-status.ts';
import type { RunStatus } from '#core/cluster/run-status.ts';
import { createLog } from '#core/log.ts';
import { readExpectedSet } from '../../../collector/cluster/expected-set.ts';
import { isAlreadyPublished, openRun } from '../../../collector/cluster/open-run.ts';
import { readCollectorConfig } from '../../../collector/config.ts';
import type { RunEntry } from '../../../collector/ledger/entry.ts';
import { readRunRecipe } from '../../../collector/read-run-recipe.ts';
import { MemoryCluster } from '../../fixture/cluster/memory-cluster.ts';
import { gpuNode, plainNode } from '../../fixture/cluster/objects.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

const NONCE = 'ab'.repeat(32);
const OLD = `sha256:${'1'.repeat(64)}`;
const OLDER = `sha256:${'2'.repeat(64)}`;

function status(change: Partial<RunStatus>): FoundStatus {
  const base = { schemaVersion: '1.0.0', runId: 'run-old', nonce: NONCE, jobUid: 'job-1', state: 'gathering', recipe: 'recipe' } as const;
  const times = { openedAt: '2026-01-02T03:04:05.000Z', deadlineAt: '2026-01-02T03:19:05.000Z', expectedDigest: '' };
  const counts = { nodes: { expected: 1, connected: 0, finished: 0, absent: {} }, checks: { passed: 0, failed: 0, skipped: 0, other: 0 } };
  return { status: { ...base, ...times, ...counts, ...change }, pointer: undefined, resourceVersion: '1' };
}

describe('opening a run in a cluster', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'assay-open-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const nothing: FoundStatus = { status: undefined, pointer: undefined, resourceVersion: '1' };
  const config = (...flags: readonly string[]) =>
    readCollectorConfig(
      [
        '--cluster',
        '--release',
        'r',
        '--job-uid',
        'job-1',
        '--state-dir',
        directory,
        '--criteria',
        'service=eks,accelerator=h100,intent=training',
        ...flags,
      ],
      {},
    );

  async function opened(
    found: FoundStatus,
    { jobUid = 'job-1', flags = [] }: { jobUid?: string; flags?: readonly string[] } = {},
  ): Promise<RunEntry> {
    const cluster = new MemoryCluster({
      objects: [gpuNode('gpu-2'), plainNode('cpu-1', { metadata: { labels: { pool: 'x' } } }), gpuNode('gpu-1')],
    });
    const context = {
      clock: { nowMs: () => 1_767_999_999_000, monotonicMs: () => 0 },
      log: createLog({ program: 'test', level: 'silent' }),
      emit: () => undefined,
      signal: new AbortController().signal,
      finish: () => Promise.reject(new Error('not here')),
    };
    const recipe = await readRunRecipe(config(...flags));
    const { ledger, run } = await openRun({ cluster, config: config(...flags), jobUid, runId: 'run-x', recipe, found }, context);
    await ledger.close();
    return run;
  }

  it('fixes the GPU nodes by name and UID, and takes the accelerator of the recipe', async () => {
    const run = await opened(nothing);

    expect(run).toMatchObject({
      runId: 'run-x',
      openedAtMs: 1_767_999_999_000,
      expected: ['gpu-1', 'gpu-2'],
      cluster: { nodeUids: ['uid-gpu-1', 'uid-gpu-2'] },
      plan: { accelerator: 'h100' },
    });
    expect(run.nonce).toMatch(/^[\da-f]{64}$/);
    expect(run.previous).toBeUndefined();
  });

  it('adds the nodes that a selector names, and keeps an accelerator that was given', async () => {
    const run = await opened(nothing, { flags: ['--expect-selector', 'pool in (x,y)', '--accelerator', 'h200'] });

    expect([run.expected, run.plan.accelerator]).toEqual([['cpu-1', 'gpu-1', 'gpu-2'], 'h200']);
  });

  it('goes on with what is in the ledger, whatever the status says', async () => {
    const first = await opened(nothing);

    expect(await opened(status({ jobUid: 'job-1', nonce: NONCE }))).toEqual(first);
  });

  it.each<[string, Partial<RunStatus>, Partial<RunEntry>]>([
    ['waits', { state: 'waiting' }, { nonce: NONCE, openedAtMs: Date.parse('2026-01-02T03:04:05Z') }],
    ['gathers', { state: 'gathering', previousDigest: OLDER }, { nonce: NONCE, previous: OLDER as never }],
  ])('goes on with the run of its own Job that %s', async (_, change, expected) => {
    expect(await opened(status(change))).toMatchObject({ runId: 'run-x', ...expected });
  });

  it.each<[string, Partial<RunStatus>, string | undefined]>([
    ['was sealed and then lost', { state: 'sealed', previousDigest: OLDER }, OLDER],
    ['waited for its signature', { state: 'pending' }, undefined],
    ['failed', { state: 'failed' }, undefined],
    ['belongs to another Job', { jobUid: 'job-0' }, undefined],
    ['another Job published', { jobUid: 'job-0', state: 'published', digest: OLD, previousDigest: OLDER }, OLD],
    ['another Job did not publish', { jobUid: 'job-0', state: 'pending', digest: OLD, previousDigest: OLDER }, OLDER],
  ])('begins with a fresh nonce after one that %s', async (_, change, previous) => {
    const run = await opened(status(change));

    expect(run.nonce).not.toBe(NONCE);
    expect(run.previous).toBe(previous);
  });

  it('is not needed when this Job has published and its disk is gone', () => {
    const published = status({ state: 'published' });
    const ask = (found: FoundStatus, jobUid = 'job-1'): boolean => isAlreadyPublished({ config: config(), jobUid, found });

    expect([ask(published), ask(published, 'job-2'), ask(status({ state: 'signed' })), ask(nothing)]).toEqual([true, false, false, false]);
    writeFileSync(join(directory, 'ledger'), '');
    expect(ask(published)).toBe(false);
  });
});

describe('set of expected nodes', () => {
  it('is in byte order, from all nodes', async () => {
    const names = ['b', 'a', 'Z', 'ä'];
    const cluster = new MemoryCluster({ objects: [...names.map((name) => gpuNode(name)), plainNode('c')] });

    expect(await readExpectedSet(cluster, undefined)).toEqual(['Z', 'a', 'b', 'ä'].map((name) => ({ name, uid: `uid-${name}` })));
  });

  it.each([
    ['no nodes', []],
    ['no accelerators', [plainNode('a'), plainNode('b')]],
  ])('is an error with %s', async (_, objects) => {
    expect(await codeOfPromise(readExpectedSet(new MemoryCluster({ objects }), []))).toBe('NO_GPU_NODE');
  });
});

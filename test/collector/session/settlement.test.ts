import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentState } from '#core/cluster/agent-state.ts';
import { systemClock } from '#core/clock.ts';
import { createLog } from '#core/log.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import { Ledger, type OpenedLedger } from '../../../collector/ledger/ledger.ts';
import { Gathering } from '../../../collector/session/gathering.ts';
import type { ClusterSide } from '../../../collector/session/node-presence.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';
import { runEntry } from '../../fixture/uplink/entries.ts';

const TAINTED: AgentState = { state: 'absent', reason: 'tainted', detail: 'a taint', mayHeal: false };

/** A gathering in a cluster that a test plays. */
class Scene {
  readonly events: RunEvent[] = [];
  readonly checks = Promise.withResolvers<void>();
  readonly abort = new AbortController();
  readonly states = new Map<string, AgentState>();
  readonly settled = new Set<string>();
  readonly gathering: Gathering;
  readonly opened: OpenedLedger;
  stopped = 0;
  readonly #listeners: ((node: string) => void)[] = [];

  private constructor(opened: OpenedLedger, stallMs: number) {
    this.opened = opened;
    const cluster: ClusterSide = {
      presence: {
        stateOf: (node) => this.states.get(node),
        isSettled: (node) => this.settled.has(node),
        settledCount: () => this.settled.size,
        listen: (listener) => this.#listeners.push(listener),
      },
      checks: {
        done: this.checks.promise,
        stop: () => {
          this.stopped += 1;
          this.checks.resolve();
        },
      },
      stallMs,
      incidentCounts: () => ({ NODE_BUSY: 2 }),
    };
    const log = createLog({ program: 'test', level: 'silent' });
    this.gathering = new Gathering({ ...opened, clock: systemClock, emit: (event) => this.events.push(event), log, graceMs: 10, cluster });
  }

  static async open(directory: string, expected: readonly string[], { stallMs = 60_000, deadlineMs = 60_000 } = {}): Promise<Scene> {
    const newRun = () => runEntry(expected, { openedAtMs: Date.now(), deadlineMs, cluster: { nodeUids: expected } });
    return new Scene(await Ledger.open({ directory, newRun, nowMs: Date.now }), stallMs);
  }

  /** The node has this state, and is settled in it or not. */
  put(node: string, state: AgentState, isSettled = false): void {
    this.states.set(node, state);
    if (isSettled) this.settled.add(node);
    else this.settled.delete(node);
    for (const listener of this.#listeners) listener(node);
  }

  async sealed() {
    return (await this.opened.ledger.openSealed()).run;
  }
}

describe('settlement of a run in a cluster', () => {
  let directory: string;
  let scene: Scene;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'assay-settle-'));
  });
  afterEach(async () => {
    await scene.opened.ledger.close();
    rmSync(directory, { recursive: true });
  });

  it('comes when no node that is open can report, and the checks of the cluster are done', async () => {
    scene = await Scene.open(directory, ['a', 'b']);
    const gathered = scene.gathering.gather(scene.abort.signal);
    scene.put('a', TAINTED, true);
    scene.put('b', TAINTED, true);
    const order: string[] = [];
    const sealed = gathered.then(() => order.push('sealed'));
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    order.push('checks');
    scene.checks.resolve();
    await sealed;

    expect(order).toEqual(['checks', 'sealed']);
    expect((await scene.sealed()).absences).toEqual(['a', 'b'].map((node) => ({ node, reason: 'tainted', detail: 'a taint' })));
    expect((await scene.sealed()).cluster?.incidentCounts).toEqual({ NODE_BUSY: 2 });
    expect(scene.events.map(({ event }) => event)).toEqual(['waiting', 'waiting', 'absent', 'absent']);
  });

  it('stops the checks of the cluster at the deadline, and waits for their end', async () => {
    scene = await Scene.open(directory, ['a'], { deadlineMs: 30 });
    await scene.gathering.gather(scene.abort.signal);

    expect(scene.stopped).toBe(1);
    expect((await scene.sealed()).absences).toMatchObject([{ node: 'a', reason: 'never-connected' }]);
  });

  it('does not come early while checks of the cluster run', async () => {
    scene = await Scene.open(directory, ['a'], { stallMs: 20, deadlineMs: 300 });
    await scene.gathering.gather(scene.abort.signal);

    expect(scene.events[0]).toEqual({ event: 'deadline' });
  });

  it('is put off by whatever brings an open node nearer', async () => {
    scene = await Scene.open(directory, ['a'], { stallMs: 200, deadlineMs: 5000 });
    scene.checks.resolve();
    const startedMs = performance.now();
    let moves = 0;
    const moving = setInterval(
      () => (moves++ < 4 ? scene.put('a', { state: 'starting', detail: String(moves) }) : clearInterval(moving)),
      100,
    );
    await scene.gathering.gather(scene.abort.signal);

    expect(scene.events[0]).toEqual({ event: 'deadline', stalled: true });
    expect(performance.now() - startedMs).toBeGreaterThan(550);
  });

  it('tells of a reason once, also when its words change, and when it is over', async () => {
    scene = await Scene.open(directory, ['a']);
    const pull = (detail: string): AgentState => ({ state: 'absent', reason: 'image-pull', detail, mayHeal: true });
    for (const state of [pull('1'), pull('2'), TAINTED, { state: 'starting', detail: '' } as const]) scene.put('a', state);
    scene.put('unexpected', TAINTED);

    expect(scene.events).toEqual([
      { event: 'waiting', node: 'a', reason: 'image-pull', detail: '1' },
      { event: 'waiting', node: 'a', reason: 'tainted', detail: 'a taint' },
      { event: 'waiting', node: 'a' },
    ]);
  });

  it('seals any number of absences, in the order of the nodes', async () => {
    const names = Array.from({ length: 2500 }, (_, index) => `node-${String(index).padStart(5, '0')}`);
    scene = await Scene.open(directory, names);
    for (const name of names) scene.put(name, { ...TAINTED, detail: 'x'.repeat(700) }, true);
    scene.checks.resolve();
    await scene.gathering.gather(scene.abort.signal);

    expect((await scene.sealed()).absences.map(({ node }) => node)).toEqual(names);
  });

  it('takes nothing in after the seal', async () => {
    scene = await Scene.open(directory, ['a']);
    scene.put('a', TAINTED, true);
    scene.checks.resolve();
    await scene.gathering.gather(scene.abort.signal);
    const incident = { code: 'NODE_BUSY', detail: 'late', atMs: 1 };
    await scene.gathering.addIncident(incident);

    expect(await codeOfPromise(scene.gathering.addClusterFacts([]))).toBe('RUN_SEALED');
    expect(scene.events.at(-1)).toEqual({ event: 'incident', code: 'NODE_BUSY', detail: 'late' });
    expect((await scene.sealed()).cluster?.incidents).toEqual([]);
  });

  it('does not come after the signal: the next collector goes on', async () => {
    scene = await Scene.open(directory, ['a']);
    const gathered = scene.gathering.gather(scene.abort.signal);
    scene.abort.abort();

    await expect(gathered).rejects.toThrow('aborted');
    expect(await codeOfPromise(scene.opened.ledger.openSealed())).toBe('LEDGER_CORRUPT');
  });

  it('shows how far it is', async () => {
    scene = await Scene.open(directory, ['a', 'b', 'c']);
    scene.put('a', TAINTED);
    scene.put('b', { state: 'starting', detail: '' });
    await scene.gathering.addClusterCheck({
      phase: 'deployment',
      check: 'x',
      status: 'failed',
      durationMs: 1,
      startedAtMs: 1,
      message: 'm',
    });

    expect(scene.gathering.progress).toEqual({
      expected: 3,
      connected: 0,
      finished: 0,
      absent: { tainted: 1 },
      checks: { passed: 0, failed: 1, skipped: 0, other: 0 },
    });
    expect(scene.events.at(-1)).toEqual({ event: 'cluster-check', phase: 'deployment', check: 'x', status: 'failed', message: 'm' });
  });
});

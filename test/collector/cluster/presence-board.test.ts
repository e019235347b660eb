import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AgentState } from '#core/cluster/agent-state.ts';
import { PresenceBoard } from '../../../collector/cluster/presence-board.ts';

const RUNNING: AgentState = { state: 'running', detail: 'runs' };
const TAINTED: AgentState = { state: 'absent', reason: 'tainted', detail: 'a', mayHeal: false };
const PULLING: AgentState = { state: 'absent', reason: 'image-pull', detail: 'b', mayHeal: true };

describe('presence of nodes', () => {
  let states: Record<string, AgentState>;
  let told: string[];
  let board: PresenceBoard;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    states = { a: RUNNING, b: TAINTED, c: PULLING };
    told = [];
    board = new PresenceBoard({ nowMs: () => 0, monotonicMs: () => performance.now() }, (node) => states[node]);
    board.listen((node) => told.push(node));
  });
  afterEach(() => {
    board.end();
    vi.useRealTimers();
  });

  const change = (node: string, state: AgentState): void => {
    states[node] = state;
    board.update(node);
  };

  it('says nothing before everything was seen', () => {
    board.update('b');

    expect([board.stateOf('b'), told]).toEqual([undefined, []]);
  });

  it('tells the state of every node, and every change of it once', () => {
    board.begin(['a', 'b', 'c']);
    board.update('a');
    change('c', { ...PULLING });
    change('c', RUNNING);

    expect(told).toEqual(['a', 'b', 'c', 'c']);
    expect(['a', 'b', 'c', 'd'].map(board.stateOf)).toEqual([RUNNING, TAINTED, RUNNING, undefined]);
  });

  it('settles only what waiting does not heal, after twenty seconds without change', () => {
    board.begin(['a', 'b', 'c']);
    vi.advanceTimersByTime(19_000);
    const before = board.settledCount();
    vi.advanceTimersByTime(2_000);

    expect([before, board.settledCount(), ['a', 'b', 'c'].map(board.isSettled)]).toEqual([0, 1, [false, true, false]]);
    expect(told).toEqual(['a', 'b', 'c', 'b']);
  });

  it('begins to count again when the state changes', () => {
    board.begin(['b']);
    vi.advanceTimersByTime(15_000);
    change('b', { ...TAINTED, detail: 'another taint' });
    vi.advanceTimersByTime(15_000);
    const before = board.isSettled('b');
    vi.advanceTimersByTime(6_000);

    expect([before, board.isSettled('b')]).toEqual([false, true]);
  });

  it('takes a settled node back when it heals after all', () => {
    board.begin(['b']);
    vi.advanceTimersByTime(25_000);
    change('b', RUNNING);

    expect([board.isSettled('b'), board.settledCount()]).toEqual([false, 0]);
    vi.advanceTimersByTime(60_000);
    expect(board.settledCount()).toBe(0);
  });
});

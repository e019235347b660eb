import { describe, expect, it } from 'vitest';
import { backoffMs, PACE, type Pace } from '../../../agent/uplink/backoff.ts';

function waits(pace: Pace, random: number): readonly number[] {
  return [0, 1, 2, 3, 6, 7, 1000].map((failures) => backoffMs(failures, random, pace));
}

describe('backoff', () => {
  it('doubles from a quarter of a second to half a minute', () => {
    expect(waits(PACE.run, 1)).toEqual([250, 500, 1000, 2000, 16_000, 30_000, 30_000]);
  });

  it('takes at least half of it', () => {
    expect(waits(PACE.run, 0)).toEqual([125, 250, 500, 1000, 8000, 15_000, 15_000]);
  });

  it('stays short while the collector is about to come up', () => {
    expect(waits(PACE.starting, 1)).toEqual([250, 500, 1000, 2000, 2000, 2000, 2000]);
  });

  it('looks for the next run every 7.5 to 15 s, from the first time on', () => {
    expect([waits(PACE.idle, 0), waits(PACE.idle, 1)]).toEqual([Array(7).fill(7500), Array(7).fill(15_000)]);
  });

  it('never leaves a run for longer than 15 s in an agent that stays', () => {
    expect(Math.max(...waits(PACE.staying, 1))).toBe(15_000);
  });
});

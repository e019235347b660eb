import { describe, expect, it } from 'vitest';
import { RateBucket, type Rate } from '../../../collector/session/rate-bucket.ts';

function bucketAt(rate: Rate): { readonly bucket: RateBucket; readonly clock: { nowMs: number } } {
  const clock = { nowMs: 1000 };
  return { bucket: new RateBucket(rate, () => clock.nowMs), clock };
}

function take(bucket: RateBucket, count: number): readonly number[] {
  return Array.from({ length: count }, () => bucket.take());
}

describe('rate bucket', () => {
  it('lets a burst through and gives each one after it a later turn', () => {
    const { bucket } = bucketAt({ perSecond: 10, burst: 3 });

    expect(take(bucket, 6)).toEqual([0, 0, 0, 100, 200, 300]);
  });

  it('fills up with time, and not above its burst', () => {
    const { bucket, clock } = bucketAt({ perSecond: 10, burst: 3 });
    take(bucket, 3);
    clock.nowMs += 200;

    expect(take(bucket, 3)).toEqual([0, 0, 100]);
    clock.nowMs += 3_600_000;
    expect(bucket.isFull).toBe(true);
    expect(take(bucket, 4)).toEqual([0, 0, 0, 100]);
    expect(bucket.isFull).toBe(false);
  });

  it('tells nobody to wait longer than a minute', () => {
    const { bucket } = bucketAt({ perSecond: 1, burst: 0 });

    expect(Math.max(...take(bucket, 500))).toBe(60_000);
  });

  it('lets 10,000 agents that come at once in within a minute, in few attempts, however they spread over a second', () => {
    const { bucket, clock } = bucketAt({ perSecond: 200, burst: 500 });
    // A small generator of its own: the same sequence in every run of the test.
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    // Agents by the millisecond in which they come.
    const due: number[][] = [];
    const plan = (agent: number, atMs: number): void => void (due[Math.ceil(atMs)] ??= []).push(agent);
    for (let agent = 0; agent < 10_000; agent += 1) plan(agent, 1000 + random() * 50);
    let attempts = 0;
    let waiting = 10_000;
    for (; waiting > 0; clock.nowMs += 1)
      for (const agent of due[clock.nowMs] ?? []) {
        attempts += 1;
        const waitMs = bucket.take();
        if (waitMs === 0) waiting -= 1;
        // As a server says it, in whole seconds, and as an agent takes it.
        else plan(agent, clock.nowMs + Math.ceil(waitMs / 1000) * 1000 + random() * 1000);
      }

    expect(clock.nowMs).toBeLessThan(61_000);
    expect(attempts).toBeLessThan(25_000);
  });
});

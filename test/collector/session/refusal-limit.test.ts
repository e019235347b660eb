import { expect, it } from 'vitest';
import { RefusalLimit } from '../../../collector/session/refusal-limit.ts';

function limitAt(): { readonly limit: RefusalLimit; readonly clock: { nowMs: number } } {
  const clock = { nowMs: 1000 };
  return { limit: new RefusalLimit(() => clock.nowMs), clock };
}

function note(limit: RefusalLimit, node: string, count: number): void {
  for (let time = 0; time < count; time += 1) limit.note(node);
}

it('turns a node away after eight refused hellos in a row, and no other node', () => {
  const { limit } = limitAt();
  note(limit, 'node-a', 8);

  expect(limit.waitMs('node-a')).toBe(0);
  limit.note('node-a');
  expect([limit.waitMs('node-a'), limit.waitMs('node-b')]).toEqual([5000, 0]);
});

it('lets it come back after a while', () => {
  const { limit, clock } = limitAt();
  note(limit, 'node-a', 9);
  clock.nowMs += 5000;

  expect(limit.waitMs('node-a')).toBe(0);
});

it('never turns away an agent that waits for the next run: it comes back every 7.5 s at the fastest', () => {
  const { limit, clock } = limitAt();
  const waits = Array.from({ length: 200 }, () => {
    limit.note('node-a');
    clock.nowMs += 7500;
    return limit.waitMs('node-a');
  });

  expect(Math.max(...waits)).toBe(0);
});

it('forgets quiet nodes before troublesome ones', () => {
  const { limit, clock } = limitAt();
  for (let node = 0; node < 4096; node += 1) limit.note(`node-${String(node)}`);
  clock.nowMs += 3_600_000;
  note(limit, 'node-7', 9);
  limit.note('node-new');

  expect(limit.waitMs('node-7')).toBe(5000);
});

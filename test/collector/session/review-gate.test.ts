import { expect, it } from 'vitest';
import { systemClock } from '#core/clock.ts';
import { AssayError } from '#core/error.ts';
import { retryAfterOf, ReviewGate } from '../../../collector/session/review-gate.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

const DOWN = new AssayError('CLUSTER_UNREACHABLE', 'down');

it('asks 16 questions at one time, and the next as soon as one is answered', async () => {
  const gate = new ReviewGate(systemClock);
  const answers: (() => void)[] = [];
  let most = 0;
  let running = 0;
  const questions = { left: 40 };
  const ask = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => answers.push(resolve));
    running -= 1;
    questions.left -= 1;
  };
  const all = Array.from({ length: 40 }, () => gate.run(ask));
  while (questions.left > 0) {
    answers.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(all);

  expect(most).toBe(16);
});

it('sends the 601st question of one moment back with a time to return', async () => {
  const gate = new ReviewGate(systemClock);
  const answer = Promise.withResolvers<void>();
  const all = Array.from({ length: 600 }, () =>
    gate
      .run(() => answer.promise)
      .then(
        () => 'answered',
        (error: unknown) => retryAfterOf(error),
      ),
  );
  answer.resolve();
  const outcomes = await Promise.all(all);

  expect(outcomes.filter((outcome) => outcome === 'answered').length).toBeGreaterThanOrEqual(500);
  expect(outcomes.at(-1)).toBeGreaterThan(0);
});

it('lets what waits go at once when the API server is found to be down', async () => {
  const gate = new ReviewGate(systemClock);
  const fail = Promise.withResolvers<never>();
  let asked = 0;
  const all = Array.from({ length: 100 }, () => codeOfPromise(gate.run(() => ((asked += 1), fail.promise))));
  fail.reject(DOWN);

  expect(new Set(await Promise.all(all))).toEqual(new Set(['CLUSTER_UNREACHABLE']));
  expect(asked).toBe(16);
});

it('does not keep others waiting for a question that is refused for what it asks', async () => {
  const gate = new ReviewGate(systemClock);
  const refuse = (): Promise<never> => Promise.reject(new AssayError('CLUSTER_REFUSED', 'no such kind'));

  expect(await codeOfPromise(gate.run(refuse))).toBe('CLUSTER_REFUSED');
  expect(await gate.run(() => Promise.resolve('answered'))).toBe('answered');
});

it('is patient again after one answer', async () => {
  let nowMs = 0;
  const gate = new ReviewGate({ ...systemClock, monotonicMs: () => nowMs });
  const waits: number[] = [];
  for (const isDown of [true, true, false, true]) {
    await codeOfPromise(gate.run(() => (isDown ? Promise.reject(DOWN) : Promise.resolve('answered'))));
    const waitMs = await gate.run(() => Promise.resolve(0)).catch((error: unknown) => retryAfterOf(error));
    waits.push(waitMs);
    nowMs += waitMs;
  }

  expect(waits).toEqual([1000, 2000, 0, 1000]);
});

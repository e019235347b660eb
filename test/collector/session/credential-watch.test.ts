import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NodeName } from '#core/wire/run.ts';
import type { AdmissionResult, Credential } from '../../../collector/session/admission.ts';
import { CredentialWatch } from '../../../collector/session/credential-watch.ts';

const START_MS = 1_750_000_000_000;
const UNAVAILABLE: AdmissionResult = { admitted: false, status: 503, code: 'CLUSTER_UNREACHABLE', reason: 'no answer' };
const REFUSED: AdmissionResult = { admitted: false, status: 401, code: 'CREDENTIAL_UNKNOWN', reason: 'unknown' };
const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

beforeEach(() => void vi.useFakeTimers({ now: START_MS }));
afterEach(() => void vi.useRealTimers());

/** A credential of the pod of node-a. @param leftS seconds from the start */
function good(leftS: number): { readonly admitted: true } & Credential {
  const pod = { name: 'agent-a', uid: 'uid-a', createdAtMs: 0, ofDaemonSet: true };
  return { admitted: true, node: 'node-a' as NodeName, pod, expiresAtMs: START_MS + leftS * 1000 };
}

interface Watched {
  readonly watch: CredentialWatch;
  /** What happened, with the second in which it did. */
  readonly events: (readonly [second: number, what: string])[];
}

/** @param answer what admission says to a token, now */
function watched(credential: Credential, answer: (token: string) => Promise<AdmissionResult> | AdmissionResult): Watched {
  const events: [number, string][] = [];
  const note = (what: string): void => void events.push([(Date.now() - START_MS) / 1000, what]);
  const admit = async (authorization: string | undefined): Promise<AdmissionResult> => {
    note(String(authorization));
    return answer(authorization ?? '');
  };
  const onRefused = (code: string): void => note(code);
  const watch = new CredentialWatch(credential, { admission: { admit }, clock, onRefused, onEnd: ({ code }) => note(code) });
  return { watch, events };
}

async function pass(seconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(seconds * 1000);
}

describe('credential watch', () => {
  it('ends a minute after the credential', async () => {
    const { events } = watched(good(100), () => REFUSED);
    await pass(159.9);
    expect(events).toEqual([]);
    await pass(1000);

    expect(events).toEqual([[160, 'CREDENTIAL_EXPIRED']]);
  });

  it('ends at once for one that expired long ago', async () => {
    const { events } = watched(good(-1000), () => REFUSED);
    await pass(0);

    expect(events).toEqual([[0, 'CREDENTIAL_EXPIRED']]);
  });

  it('never ends for one that does not expire, and asks nobody about a renewal', async () => {
    const { watch, events } = watched({ node: undefined }, () => REFUSED);
    await watch.renew('x');
    await pass(1_000_000);

    expect(events).toEqual([]);
  });

  it('survives a lifetime that no timer can have', async () => {
    const { events } = watched(good(365 * 86_400), () => REFUSED);
    await pass(20 * 86_400);

    expect(events).toEqual([]);
  });

  it('goes by the renewal, also by one that comes in the last minute', async () => {
    const { watch, events } = watched(good(100), () => good(500));
    await pass(150);
    await watch.renew('new');
    await pass(1000);

    expect(events).toEqual([
      [150, 'Bearer new'],
      [560, 'CREDENTIAL_EXPIRED'],
    ]);
  });

  it('does not depend on what the wall clock does later', async () => {
    const { events } = watched(good(100), () => REFUSED);
    vi.setSystemTime(START_MS + 86_400_000);
    await vi.advanceTimersByTimeAsync(159_000);
    expect(events).toEqual([]);
    await vi.advanceTimersByTimeAsync(2000);

    expect(events.map(([, what]) => what)).toEqual(['CREDENTIAL_EXPIRED']);
  });

  it('asks about one token at a time, and of those that come meanwhile about the last one', async () => {
    const answers: ((result: AdmissionResult) => void)[] = [];
    const { watch, events } = watched(good(100), () => new Promise((resolve) => answers.push(resolve)));
    const renewals = ['a', 'b', 'c'].map((token) => watch.renew(token));
    answers.shift()?.(REFUSED);
    await pass(0);
    answers.shift()?.(good(500));
    await Promise.all(renewals);
    await pass(300);

    expect(events).toEqual([
      [0, 'Bearer a'],
      [0, 'CREDENTIAL_UNKNOWN'],
      [0, 'Bearer c'],
    ]);
  });

  it.each<[string, () => Promise<AdmissionResult>]>([
    ['cannot be reviewed', () => Promise.resolve(UNAVAILABLE)],
    ['breaks the admission', () => Promise.reject(new Error('bug'))],
  ])('keeps a session whose renewal %s, asks again with each ping, and ends it when the answer is no', async (_, unavailable) => {
    let answer = unavailable;
    const { watch, events } = watched(good(100), () => answer());
    await pass(90);
    await watch.renew('new');
    await pass(200);
    watch.tryAgain();
    await pass(10);
    answer = () => Promise.resolve(REFUSED);
    watch.tryAgain();
    await pass(100);

    expect(events).toEqual([
      [90, 'Bearer new'],
      [290, 'Bearer new'],
      [300, 'Bearer new'],
      [300, 'CREDENTIAL_UNKNOWN'],
      [310, 'CREDENTIAL_EXPIRED'],
    ]);
  });

  it('asks nobody again when there is nothing to ask', async () => {
    const { watch, events } = watched(good(100), () => good(200));
    watch.tryAgain();
    await watch.renew('new');
    watch.tryAgain();
    await pass(1);

    expect(events).toEqual([[0, 'Bearer new']]);
  });

  it.each<[string, Partial<Credential>]>([
    ['another node', { node: 'node-b' as NodeName }],
    ['another pod', { pod: { name: 'agent-b', uid: 'uid-b', createdAtMs: 0, ofDaemonSet: true } }],
  ])('ends for a renewal of %s', async (_, other) => {
    const { watch, events } = watched(good(100), () => ({ ...good(500), ...other }));
    await watch.renew('new');

    expect(events.map(([, what]) => what)).toEqual(['Bearer new', 'CREDENTIAL_NODE']);
  });

  it('says nothing after it was stopped', async () => {
    const answer = Promise.withResolvers<AdmissionResult>();
    const { watch, events } = watched(good(100), () => answer.promise);
    const renewal = watch.renew('new');
    watch.stop();
    answer.resolve({ ...good(1), node: 'node-b' as NodeName });
    await renewal;
    await pass(1000);

    expect(events).toEqual([[0, 'Bearer new']]);
  });
});

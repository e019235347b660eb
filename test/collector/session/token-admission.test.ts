import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock, type Clock } from '#core/clock.ts';
import type { NewObject } from '#core/cluster/cluster.ts';
import { AssayError } from '#core/error.ts';
import type { Admission, AdmissionResult } from '../../../collector/session/admission.ts';
import { readingPodDirectory } from '../../../collector/session/pod-directory.ts';
import { tokenAdmission } from '../../../collector/session/token-admission.ts';
import { MemoryCluster, type MemoryClusterOptions } from '../../fixture/cluster/memory-cluster.ts';
import { agentPod, AUDIENCE, podToken, reviewOf, type PodTokenClaims } from '../../fixture/cluster/pod-token.ts';

const CREATED_AT_MS = Date.parse('2026-01-02T03:04:05Z');
const nowS = Math.floor(Date.now() / 1000);

afterEach(() => void vi.useRealTimers());

interface Place {
  readonly cluster: MemoryCluster;
  readonly admission: Admission;
  readonly reviews: () => number;
}

function place(options: MemoryClusterOptions = {}, clock: Clock = systemClock): Place {
  const pods: readonly NewObject[] = [agentPod('agent-a', 'node-a')];
  const cluster = new MemoryCluster({ namespace: 'ns', objects: pods, onCreate: reviewOf, ...options });
  const admission = tokenAdmission({
    cluster,
    audience: AUDIENCE,
    namespace: 'ns',
    serviceAccount: 'r-agent',
    daemonSet: 'r-agent',
    pods: readingPodDirectory(cluster, 'ns'),
    clock,
  });
  return { cluster, admission, reviews: () => cluster.calls.filter(({ verb }) => verb === 'create').length };
}

/** Status and code, or the node for a credential that is admitted. */
function outcome(result: AdmissionResult): string {
  return result.admitted ? `admitted ${String(result.node)}` : `${String(result.status)} ${result.code}`;
}

async function ask(admission: Admission, change: Partial<PodTokenClaims> = {}): Promise<string> {
  return outcome(await admission.admit(`Bearer ${podToken(change)}`));
}

describe('token admission', () => {
  it('proves pod, node and expiry', async () => {
    expect(await place().admission.admit(`Bearer ${podToken({ exp: nowS + 500 })}`)).toEqual({
      admitted: true,
      node: 'node-a',
      pod: { name: 'agent-a', uid: 'uid-a', nodeUid: 'node-uid-a', createdAtMs: CREATED_AT_MS, ofDaemonSet: true },
      expiresAtMs: (nowS + 500) * 1000,
    });
  });

  it('finds the node by the pod where the API server is too old to say it', async () => {
    expect(await place().admission.admit(`Bearer ${podToken({ node: undefined, exp: nowS + 500 })}`)).toEqual({
      admitted: true,
      node: 'node-a',
      pod: { name: 'agent-a', uid: 'uid-a', createdAtMs: CREATED_AT_MS, ofDaemonSet: true },
      expiresAtMs: (nowS + 500) * 1000,
    });
  });

  it.each<[string, string | undefined]>([
    ['no header', undefined],
    ['another scheme', `Basic ${podToken()}`],
    ['no token', 'Bearer '],
    ['a shared secret', 'Bearer a-token-of-enough-length'],
    ['two parts', `Bearer ${podToken().split('.').slice(0, 2).join('.')}`],
    ['four parts', `Bearer ${podToken()}.x`],
    ['claims that are no JSON', 'Bearer a.b.c'],
    ['claims that are a list', `Bearer a.${Buffer.from('[]').toString('base64url')}.c`],
    ['no times', `Bearer a.${Buffer.from('{"aud":["assay.ns.r"]}').toString('base64url')}.c`],
  ])('refuses %s without asking anybody', async (_, header) => {
    const { admission, cluster } = place();

    expect(outcome(await admission.admit(header))).toBe('401 CREDENTIAL_UNKNOWN');
    expect(cluster.calls).toEqual([]);
  });

  it.each<[string, Partial<PodTokenClaims>, string]>([
    ['for another audience', { aud: ['sigstore'] }, '403 CREDENTIAL_AUDIENCE'],
    ['for the API server', { aud: ['https://kubernetes.default.svc'] }, '403 CREDENTIAL_AUDIENCE'],
    ['for no audience', { aud: [] }, '403 CREDENTIAL_AUDIENCE'],
    ['that has expired', { iat: nowS - 700, exp: nowS - 100 }, '401 CREDENTIAL_EXPIRED'],
    ['of another service account', { sub: 'system:serviceaccount:ns:r-collector' }, '403 CREDENTIAL_SUBJECT'],
    ['of the same name in another namespace', { sub: 'system:serviceaccount:other:r-agent' }, '403 CREDENTIAL_SUBJECT'],
    ['of a user', { sub: 'admin' }, '403 CREDENTIAL_SUBJECT'],
    ['bound to no pod', { pod: undefined, node: undefined }, '403 CREDENTIAL_POD'],
    ['bound to a node only', { pod: undefined }, '403 CREDENTIAL_POD'],
    ['of a pod that is not there', { pod: { name: 'agent-z', uid: 'uid-z' } }, '403 CREDENTIAL_POD'],
    ['of an earlier pod of the same name', { pod: { name: 'agent-a', uid: 'uid-before' } }, '403 CREDENTIAL_POD'],
    ['that names another node than its pod', { node: { name: 'node-b', uid: 'x' } }, '403 CREDENTIAL_POD'],
  ])('refuses a token %s', async (_, change, expected) => {
    expect(await ask(place().admission, change)).toBe(expected);
  });

  it('refuses a token that the API server does not know, and repeats its reason but not the token', async () => {
    const { admission } = place({ onCreate: (review) => reviewOf(review, new Set(['uid-a'])) });
    const token = podToken();
    const result = await admission.admit(`Bearer ${token}`);

    expect(result).toEqual({
      admitted: false,
      status: 401,
      code: 'CREDENTIAL_UNKNOWN',
      reason: 'the API server does not vouch for the token: [invalid bearer token, service account token has been invalidated]',
    });
    expect(JSON.stringify(result)).not.toContain(token);
  });

  it('does not take the word of an API server that vouches for another audience', async () => {
    const { admission } = place({
      onCreate: (review) => ({ ...reviewOf(review), status: { ...(reviewOf(review)['status'] as object), audiences: ['other'] } }),
    });

    expect(await ask(admission)).toBe('403 CREDENTIAL_AUDIENCE');
  });

  it.each<[string, Parameters<typeof agentPod>[2]]>([
    ['is ending', { metadata: { deletionTimestamp: '2026-01-02T03:05:05Z' } }],
    ['has ended', { phase: 'Succeeded' }],
    ['has failed', { phase: 'Failed' }],
  ])('refuses the token of a pod that %s', async (_, change) => {
    expect(await ask(place({ objects: [agentPod('agent-a', 'node-a', change)] }).admission)).toBe('403 CREDENTIAL_POD');
  });

  it('refuses the token of a pod that has no node yet, and names the node that the token proved', async () => {
    const { admission } = place({ objects: [agentPod('agent-a', '')] });

    expect(await admission.admit(`Bearer ${podToken()}`)).toMatchObject({ status: 403, node: 'node-a' });
  });

  it('knows a pod that is not of the DaemonSet', async () => {
    const { admission } = place({ objects: [agentPod('agent-a', 'node-a', { metadata: { ownerReferences: [] } })] });

    expect(await admission.admit(`Bearer ${podToken()}`)).toMatchObject({ admitted: true, pod: { ofDaemonSet: false } });
  });
});

describe('token admission while the API server is away', () => {
  it.each(['CLUSTER_UNREACHABLE', 'CLUSTER_FORBIDDEN', 'CLUSTER_REFUSED'] as const)('lets nobody in after %s', async (code) => {
    const { admission } = place({ fault: () => new AssayError(code, 'no') });

    expect(await admission.admit(`Bearer ${podToken()}`)).toEqual({
      admitted: false,
      status: 503,
      code,
      reason: 'no',
      retryAfterMs: 1000,
    });
  });

  it('lets nobody in when the pod cannot be read', async () => {
    const { admission } = place({ fault: ({ verb }) => (verb === 'read' ? new AssayError('CLUSTER_UNREACHABLE', 'no') : undefined) });

    expect(await ask(admission)).toBe('503 CLUSTER_UNREACHABLE');
  });

  it('gives an API server that hangs five seconds', async () => {
    vi.useFakeTimers();
    const { cluster, admission } = place();
    cluster.create = () => new Promise(() => undefined);
    const asked = admission.admit(`Bearer ${podToken()}`);
    await vi.advanceTimersByTimeAsync(5000);

    expect(outcome(await asked)).toBe('503 CLUSTER_UNREACHABLE');
  });

  it('asks again after a while, the longer the more often it failed', async () => {
    const clock = { ...systemClock, monotonicMs: () => at };
    let at = 0;
    const { admission, reviews } = place({ fault: () => new AssayError('CLUSTER_UNREACHABLE', 'no') }, clock);
    const retries: number[] = [];
    for (let failure = 0; failure < 6; failure += 1) {
      await ask(admission);
      // The second one of the same moment is told when to come back without another question.
      const result = await admission.admit(`Bearer ${podToken()}`);
      const retryAfterMs = result.admitted ? 0 : (result.retryAfterMs ?? 0);
      retries.push(retryAfterMs);
      at += retryAfterMs;
    }

    expect(retries).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
    expect(reviews()).toBe(6);
  });

  it('goes on letting in whom the server vouched for a moment ago', async () => {
    let isDown = false;
    const { admission } = place({
      fault: ({ verb }) => (isDown && verb === 'create' ? new AssayError('CLUSTER_UNREACHABLE', 'no') : undefined),
    });
    const known = podToken();
    await admission.admit(`Bearer ${known}`);
    isDown = true;

    expect(outcome(await admission.admit(`Bearer ${known}`))).toBe('admitted node-a');
    expect(await ask(admission, { iat: nowS - 20 })).toBe('503 CLUSTER_UNREACHABLE');
  });
});

describe('what token admission remembers', () => {
  it('asks once about a token that comes twice, also at the same time', async () => {
    const { admission, reviews } = place();
    const token = podToken();
    await Promise.all([0, 1, 2].map(() => admission.admit(`Bearer ${token}`)));
    await admission.admit(`Bearer ${token}`);

    expect(reviews()).toBe(1);
  });

  it('looks at the pod every time', async () => {
    const { admission, cluster } = place();
    const token = podToken();
    const before = await admission.admit(`Bearer ${token}`);
    cluster.drop({ apiVersion: 'v1', kind: 'Pod', namespace: 'ns', name: 'agent-a' });

    expect([outcome(before), outcome(await admission.admit(`Bearer ${token}`))]).toEqual(['admitted node-a', '403 CREDENTIAL_POD']);
  });

  it('does not remember a refusal', async () => {
    const gone = new Set(['uid-a']);
    const { admission } = place({ onCreate: (review) => reviewOf(review, gone) });
    const token = podToken();
    const before = await admission.admit(`Bearer ${token}`);
    gone.clear();

    expect([outcome(before), outcome(await admission.admit(`Bearer ${token}`))]).toEqual(['401 CREDENTIAL_UNKNOWN', 'admitted node-a']);
  });

  it.each<[string, number, number, number]>([
    ['two minutes', 600, 119_000, 1],
    ['no longer', 600, 121_000, 2],
    ['no longer than the token', 30, 31_000, 2],
  ])('believes a review for %s', async (_, lifeS, laterMs, reviewed) => {
    let nowMs = Date.now();
    const { admission, reviews } = place({}, { nowMs: () => nowMs, monotonicMs: systemClock.monotonicMs });
    const token = podToken({ exp: Math.floor(nowMs / 1000) + lifeS });
    await admission.admit(`Bearer ${token}`);
    nowMs += laterMs;
    await admission.admit(`Bearer ${token}`);

    expect(reviews()).toBe(reviewed);
  });

  it.each<[string, number, (nowMs: number) => number]>([
    ['an hour fast: the token counts for two minutes', 3_600_000, (nowMs) => nowMs + 120_000],
    ['an hour slow: the token counts for what it was issued for', -3_600_000, (nowMs) => nowMs + 600_000],
  ])('does not let a wrong clock decide: %s', async (_, skewMs, expected) => {
    const nowMs = Math.floor(Date.now() / 1000) * 1000 + skewMs;
    const { admission } = place({}, { nowMs: () => nowMs, monotonicMs: systemClock.monotonicMs });
    const trueNowS = (nowMs - skewMs) / 1000;
    const result = await admission.admit(`Bearer ${podToken({ iat: trueNowS, exp: trueNowS + 600 })}`);

    expect(result).toMatchObject({ admitted: true, expiresAtMs: expected(nowMs) });
  });
});

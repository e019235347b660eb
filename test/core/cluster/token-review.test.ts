import { describe, expect, it } from 'vitest';
import { AssayError } from '#core/error.ts';
import { reviewToken } from '#core/cluster/token-review.ts';
import type { ClusterObject } from '#core/cluster/cluster.ts';
import { MemoryCluster } from '../../fixture/cluster/memory-cluster.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

/** An API server that answers every review with this status. */
function answering(status: unknown, asked: ClusterObject[] = []): MemoryCluster {
  return new MemoryCluster({
    onCreate: (object) => {
      asked.push(object);
      return { ...object, status };
    },
  });
}

const USER = { username: 'system:serviceaccount:ns:a', extra: { 'k/pod-name': ['p'], 'k/pod-uid': ['u', 'v'] } };

describe('token review', () => {
  it('asks about one token and one audience', async () => {
    const asked: ClusterObject[] = [];
    await reviewToken(answering({}, asked), 'a.b.c', 'assay.ns.r');

    expect(asked).toEqual([
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        metadata: { name: 'assay' },
        spec: { token: 'a.b.c', audiences: ['assay.ns.r'] },
      },
    ]);
  });

  it('says whose the token is, for what, and what it is bound to', async () => {
    const status = { authenticated: true, audiences: ['a'], user: USER };

    expect(await reviewToken(answering(status), 't', 'a')).toEqual({
      authenticated: true,
      audiences: ['a'],
      username: 'system:serviceaccount:ns:a',
      extra: { 'k/pod-name': ['p'], 'k/pod-uid': ['u', 'v'] },
    });
  });

  it('repeats why not', async () => {
    expect(await reviewToken(answering({ authenticated: false, error: 'x'.repeat(600), user: USER }), 't', 'a')).toEqual({
      authenticated: false,
      reason: 'x'.repeat(500),
    });
  });

  it.each<[string, unknown]>([
    ['without status', undefined],
    ['with an empty status', {}],
    ['that is no object', 'authenticated'],
    ['whose yes is a text', { authenticated: 'true', user: USER, audiences: ['a'] }],
    ['whose yes is a number', { authenticated: 1, user: USER, audiences: ['a'] }],
  ])('takes an answer %s for a no', async (_, status) => {
    expect(await reviewToken(answering(status), 't', 'a')).toEqual({ authenticated: false, reason: '' });
  });

  it('does not believe a yes about nobody', async () => {
    expect(await codeOfPromise(reviewToken(answering({ authenticated: true, user: {}, audiences: ['a'] }), 't', 'a'))).toBe(
      'CLUSTER_REFUSED',
    );
  });

  it('takes odd lists for empty ones', async () => {
    const status = { authenticated: true, audiences: 'a', user: { username: 'u', extra: { a: 'x', b: [1, 'y', null], c: null } } };

    expect(await reviewToken(answering(status), 't', 'a')).toEqual({
      authenticated: true,
      audiences: [],
      username: 'u',
      extra: { a: [], b: ['y'], c: [] },
    });
  });

  it.each(['CLUSTER_UNREACHABLE', 'CLUSTER_FORBIDDEN', 'CLUSTER_REFUSED'] as const)('knows nothing after %s', async (code) => {
    const cluster = new MemoryCluster({ fault: () => new AssayError(code, 'no') });

    expect(await codeOfPromise(reviewToken(cluster, 't', 'a'))).toBe(code);
  });
});

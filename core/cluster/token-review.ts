import { AssayError } from '#core/error.ts';
import type { Cluster } from './cluster.ts';

/** What the API server says about a token. */
export type TokenVerdict =
  | {
      readonly authenticated: false;
      /** The server's own words, at most 500 characters. */
      readonly reason: string;
    }
  | {
      readonly authenticated: true;
      /** Those of the asked audiences that the token is made for. */
      readonly audiences: readonly string[];
      /** `system:serviceaccount:<namespace>:<name>` for a service account. */
      readonly username: string;
      /** What the token is bound to: `authentication.kubernetes.io/pod-name` and more, each with its values. */
      readonly extra: Readonly<Record<string, readonly string[]>>;
    };

const KIND = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' };
/** Longest text of the server that is kept. */
const REASON_LENGTH = 500;

/**
 * Asks the API server whether a token is good for an audience: signature, times, and that what it is bound to still exists.
 * Only an answer that says so in so many words counts as yes.
 * @param token never logged, never part of an error
 * @throws CLUSTER_UNREACHABLE, CLUSTER_FORBIDDEN, CLUSTER_REFUSED: nothing is known about the token
 * @source Kubernetes API reference, authentication.k8s.io/v1 TokenReview
 */
export async function reviewToken(cluster: Pick<Cluster, 'create'>, token: string, audience: string): Promise<TokenVerdict> {
  // The server keeps no such object; the name is there because every object has one.
  const answer = await cluster.create({ ...KIND, metadata: { name: 'assay' }, spec: { token, audiences: [audience] } });
  const status = recordOf(answer['status']);
  const user = recordOf(status['user']);
  if (status['authenticated'] !== true) return { authenticated: false, reason: textOf(status['error']).slice(0, REASON_LENGTH) };
  if (textOf(user['username']) === '')
    throw new AssayError('CLUSTER_REFUSED', 'the API server vouches for a token without saying whose it is');
  const extra = Object.entries(recordOf(user['extra'])).map(([key, values]) => [key, textsOf(values)] as const);
  return {
    authenticated: true,
    audiences: textsOf(status['audiences']),
    username: textOf(user['username']),
    extra: Object.fromEntries(extra),
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

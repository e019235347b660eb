import { createHash } from 'node:crypto';
import type { Clock } from '#core/clock.ts';
import type { Cluster } from '#core/cluster/cluster.ts';
import { reviewToken, type TokenVerdict } from '#core/cluster/token-review.ts';
import { AssayError, isAssayError, type ErrorCode } from '#core/error.ts';
import type { NodeName } from '#core/wire/run.ts';
import { bearerToken, type Admission, type AdmissionResult } from './admission.ts';
import type { PodDirectory } from './pod-directory.ts';
import { inTime, retryAfterOf, ReviewGate } from './review-gate.ts';
import { parseTokenClaims, type TokenClaims } from './token-claims.ts';

/** Whose tokens open a session. */
export interface TokenAdmissionOptions {
  readonly cluster: Pick<Cluster, 'create'>;
  /** Audience that the agents' tokens are made for. */
  readonly audience: string;
  readonly namespace: string;
  /** Service account of the agents. */
  readonly serviceAccount: string;
  /** DaemonSet of the agents: its pods outrank others of the same service account. */
  readonly daemonSet: string;
  readonly pods: PodDirectory;
  readonly clock: Clock;
}

/** What the API server vouched for. */
interface Vouched {
  readonly podName: string;
  readonly podUid: string;
  /** Undefined when the server is too old to say it. */
  readonly nodeName: string | undefined;
  readonly nodeUid: string | undefined;
  readonly expiresAtMs: number;
}

/** A good answer is believed for so long. */
const BELIEVED_MS = 120_000;
/** Tokens in the cache: two of each node of the largest cluster. */
const CACHE_SIZE = 20_000;
const EXTRA = 'authentication.kubernetes.io/';
const EXPIRED = /expired/i;

/**
 * Admits agents by the service account token of their pod. The API server must vouch for it, and it must be made for our
 * audience, of the agents' service account, and bound to a live pod, which proves the node.
 */
export function tokenAdmission(options: TokenAdmissionOptions): Admission {
  const reviews = new Reviews(options);
  return {
    admit: async (authorization) => {
      const token = bearerToken(authorization);
      const claims = token === undefined ? undefined : parseTokenClaims(token);
      if (token === undefined || claims === undefined)
        return { admitted: false, status: 401, code: 'CREDENTIAL_UNKNOWN', reason: 'no service account token was presented' };
      try {
        checkAudience(claims.audiences, options.audience);
        return await credentialOf(await reviews.review(token, claims), options);
      } catch (error) {
        return refusalOf(error);
      }
    },
  };
}

/** Reviews of tokens, the good ones remembered for a while. */
class Reviews {
  readonly #options: TokenAdmissionOptions;
  readonly #gate: ReviewGate;
  /** By SHA-256 of the token, oldest first. */
  readonly #known = new Map<string, { readonly vouched: Vouched; readonly believedUntilMs: number }>();
  readonly #asked = new Map<string, Promise<Vouched>>();

  constructor(options: TokenAdmissionOptions) {
    this.#options = options;
    this.#gate = new ReviewGate(options.clock);
  }

  /** @throws the CREDENTIAL_ codes when it is refused, the CLUSTER_ codes when it cannot be reviewed */
  async review(token: string, claims: TokenClaims): Promise<Vouched> {
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.#known.get(key);
    if (known !== undefined && known.believedUntilMs > this.#options.clock.nowMs()) return known.vouched;
    this.#known.delete(key);
    const asked = this.#asked.get(key) ?? this.#ask(key, token, claims);
    this.#asked.set(key, asked);
    return asked;
  }

  async #ask(key: string, token: string, claims: TokenClaims): Promise<Vouched> {
    const { cluster, audience, clock } = this.#options;
    try {
      const verdict = await this.#gate.run(() => reviewToken(cluster, token, audience));
      const vouched = vouchedBy(verdict, claims, this.#options);
      this.#known.set(key, { vouched, believedUntilMs: Math.min(vouched.expiresAtMs, clock.nowMs() + BELIEVED_MS) });
      if (this.#known.size > CACHE_SIZE) this.#forgetOldest();
      return vouched;
    } finally {
      this.#asked.delete(key);
    }
  }

  #forgetOldest(): void {
    for (const key of this.#known.keys()) {
      this.#known.delete(key);
      return;
    }
  }
}

/** Checks an answer of the API server against what the tokens of this release must be. @throws the CREDENTIAL_ codes */
function vouchedBy(verdict: TokenVerdict, claims: TokenClaims, options: TokenAdmissionOptions): Vouched {
  const nowMs = options.clock.nowMs();
  if (!verdict.authenticated)
    throw claims.expiresAtMs <= nowMs || EXPIRED.test(verdict.reason)
      ? new AssayError('CREDENTIAL_EXPIRED', `the token expired at ${new Date(claims.expiresAtMs).toISOString()}`)
      : new AssayError('CREDENTIAL_UNKNOWN', `the API server does not vouch for the token: ${verdict.reason}`);
  checkAudience(verdict.audiences, options.audience);
  const subject = `system:serviceaccount:${options.namespace}:${options.serviceAccount}`;
  if (verdict.username !== subject) throw new AssayError('CREDENTIAL_SUBJECT', `the token is of ${verdict.username}, not ${subject}`);
  const bound = (name: string): string | undefined => verdict.extra[EXTRA + name]?.[0];
  const [podName, podUid] = [bound('pod-name'), bound('pod-uid')];
  if (podName === undefined || podUid === undefined) throw new AssayError('CREDENTIAL_POD', 'the token is not bound to a pod');
  return { podName, podUid, nodeName: bound('node-name'), nodeUid: bound('node-uid'), expiresAtMs: expiryOf(claims, nowMs) };
}

/**
 * When a token that the API server has just vouched for expires by this computer's clock. Where the two disagree the clock is
 * wrong: a token that it calls expired is good for a while yet, and none is good for longer than it was issued for.
 */
function expiryOf({ issuedAtMs, expiresAtMs }: TokenClaims, nowMs: number): number {
  return expiresAtMs <= nowMs ? nowMs + BELIEVED_MS : Math.min(expiresAtMs, nowMs + expiresAtMs - issuedAtMs);
}

/** What is vouched for, compared with the pod as it is now. @throws CREDENTIAL_POD, and the CLUSTER_ codes */
async function credentialOf(vouched: Vouched, { pods, daemonSet }: TokenAdmissionOptions): Promise<AdmissionResult> {
  const { podName, podUid, nodeName, nodeUid, expiresAtMs } = vouched;
  const pod = await inTime(pods.find(podName, podUid));
  const details = { node: nodeName };
  if (pod === undefined) throw new AssayError('CREDENTIAL_POD', `pod ${podName} (${podUid}) is gone, ending, or has no node`, { details });
  if (nodeName !== undefined && nodeName !== pod.node)
    throw new AssayError('CREDENTIAL_POD', `the token is for node ${nodeName}, pod ${podName} runs on ${pod.node}`, { details });
  const identity = { name: podName, uid: podUid, ...(nodeUid === undefined ? {} : { nodeUid }) };
  const standing = { createdAtMs: pod.createdAtMs, ofDaemonSet: pod.daemonSet === daemonSet };
  return { admitted: true, node: pod.node, pod: { ...identity, ...standing }, expiresAtMs };
}

function checkAudience(audiences: readonly string[], expected: string): void {
  if (!audiences.includes(expected))
    throw new AssayError('CREDENTIAL_AUDIENCE', `the token is for audience "${audiences.join('", "')}", not "${expected}"`);
}

const FORBIDDEN = new Set<ErrorCode>(['CREDENTIAL_AUDIENCE', 'CREDENTIAL_SUBJECT', 'CREDENTIAL_POD']);

/** Whatever is not a plain no is "not now": nobody is let in, and nobody is told to go for good. */
function refusalOf(error: unknown): AdmissionResult {
  if (!isAssayError(error)) throw error;
  const { code, message, details } = error;
  const refusal = { admitted: false, code, reason: message } as const;
  if (FORBIDDEN.has(code)) {
    const node = details?.['node'];
    return { ...refusal, status: 403, ...(typeof node === 'string' ? { node: node as NodeName } : {}) };
  }
  if (code === 'CREDENTIAL_UNKNOWN' || code === 'CREDENTIAL_EXPIRED') return { ...refusal, status: 401 };
  return { ...refusal, status: 503, retryAfterMs: retryAfterOf(error) };
}

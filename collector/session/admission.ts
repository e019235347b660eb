import { createHash, timingSafeEqual } from 'node:crypto';
import type { ErrorCode } from '#core/error.ts';
import type { NodeName } from '#core/wire/run.ts';

/** The pod that a credential is bound to. */
export interface CredentialPod {
  readonly name: string;
  readonly uid: string;
  /** UID of its node; left out where the token does not say it. */
  readonly nodeUid?: string;
  readonly createdAtMs: number;
  /** True for a pod of the release's own DaemonSet: it outranks any other pod with the same service account. */
  readonly ofDaemonSet: boolean;
}

/** What a credential proves about whoever shows it. */
export interface Credential {
  /** The node that the credential is bound to; undefined when it names none, then the hello's word counts. */
  readonly node: NodeName | undefined;
  readonly pod?: CredentialPod;
  /** When it stops to prove anything, by this computer's clock; undefined when never. */
  readonly expiresAtMs?: number;
}

/** Why a credential does not open a session. */
export interface AdmissionRefusal {
  readonly admitted: false;
  /** HTTP status of the refusal: 401 unknown credential, 403 not for this run, 503 cannot be checked now. */
  readonly status: 401 | 403 | 503;
  readonly code: ErrorCode;
  /** For the log and the record of incidents; holds nothing of the credential. */
  readonly reason: string;
  /** The node, when the credential proved it before something else was found wrong. */
  readonly node?: NodeName;
  /** With 503: when to come back. */
  readonly retryAfterMs?: number;
}

/** What the credential of a connection proves, or why it proves nothing. */
export type AdmissionResult = ({ readonly admitted: true } & Credential) | AdmissionRefusal;

/** Decides who may open a session, from the `Authorization` header alone. Never fails open. */
export interface Admission {
  readonly admit: (authorization: string | undefined) => Promise<AdmissionResult>;
}

const BEARER = /^Bearer ([\w.~+/-]+=*)$/i;

/** The token of an `Authorization` header (RFC 6750, section 2.1), or undefined when it holds none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return BEARER.exec(authorization ?? '')?.[1];
}

/** One shared secret for all agents of a run; it never expires. @param token at least 16 characters */
export function bearerAdmission(token: string): Admission {
  const expected = digestOf(token);
  return {
    admit: (authorization) => {
      const given = bearerToken(authorization);
      // Digests have one length, so that the comparison takes the same time for every guess.
      const admitted = given !== undefined && timingSafeEqual(digestOf(given), expected);
      return Promise.resolve(
        admitted
          ? { admitted, node: undefined }
          : { admitted, status: 401, code: 'CREDENTIAL_UNKNOWN', reason: 'the bearer token is missing or wrong' },
      );
    },
  };
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

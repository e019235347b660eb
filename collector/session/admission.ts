import { createHash, timingSafeEqual } from 'node:crypto';
import type { NodeName } from '#core/wire/run.ts';

/** What the credential of a connection proves. */
export type AdmissionResult =
  | {
      readonly admitted: true;
      /** The node that the credential is bound to; undefined when it names none, then the hello's word counts. */
      readonly node: NodeName | undefined;
    }
  | {
      readonly admitted: false;
      /** HTTP status of the refusal: 401 unknown credential, 403 not for this run, 503 cannot be checked now. */
      readonly status: 401 | 403 | 503;
      readonly reason: string;
    };

/** Decides who may open a session, from the `Authorization` header alone. Never fails open. */
export interface Admission {
  readonly admit: (authorization: string | undefined) => Promise<AdmissionResult>;
}

const BEARER = /^Bearer ([\w.~+/-]+=*)$/i;

/** One shared secret for all agents of a run. @param token at least 16 characters */
export function bearerAdmission(token: string): Admission {
  const expected = digestOf(token);
  return {
    admit: (authorization) => {
      const given = BEARER.exec(authorization ?? '')?.[1];
      // Digests have one length, so that the comparison takes the same time for every guess.
      const admitted = given !== undefined && timingSafeEqual(digestOf(given), expected);
      return Promise.resolve(
        admitted ? { admitted, node: undefined } : { admitted, status: 401, reason: 'the bearer token is missing or wrong' },
      );
    },
  };
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

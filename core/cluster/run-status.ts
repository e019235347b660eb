import { bareHex, sha256 } from '#core/digest/sha256.ts';

/** Where a run stands. `pending` is sealed and waits for its signature or push; `failed` ended without a bundle. */
export type RunState = 'waiting' | 'gathering' | 'sealed' | 'pending' | 'signed' | 'published' | 'failed';

/**
 * `status.json` in the ConfigMap `<release>-status`: one run in a few hundred bytes, whatever the number of nodes. No node is
 * named in it: who is slow or missing stands in the collector's log and in the evidence.
 */
export interface RunStatus {
  readonly schemaVersion: '1.0.0';
  readonly runId: string;
  /** 64 hex digits; a collector that lost its disk goes on with them. */
  readonly nonce: string;
  /** UID of the Job that the run belongs to; pods that follow one another in it serve one run. */
  readonly jobUid: string;
  readonly state: RunState;
  readonly recipe: string;
  /** RFC 3339. */
  readonly openedAt: string;
  readonly deadlineAt: string;
  readonly sealedAt?: string;
  /** Digest over the sorted names of the expected nodes: a second pod can tell whether the set is still the same. */
  readonly expectedDigest: string;
  readonly nodes: {
    readonly expected: number;
    readonly connected: number;
    readonly finished: number;
    /** Nodes that cannot report as things stand, by reason. */
    readonly absent: Readonly<Record<string, number>>;
  };
  readonly checks: { readonly passed: number; readonly failed: number; readonly skipped: number; readonly other: number };
  /** Why the run is pending or failed: `CODE: message`. */
  readonly reason?: string;
  readonly hint?: string;
  readonly signer?: { readonly identity: string; readonly issuer: string };
  /** Reference of the pushed artifact, and its digest. */
  readonly oci?: string;
  readonly digest?: string;
  /** Digest of the last artifact that this release published before the run, for the chain of re-certifications. */
  readonly previousDigest?: string;
}

/** Keys of the status ConfigMap. `pointer.yaml` holds the pointer of the last published run. */
export const STATUS_KEY = { status: 'status.json', pointer: 'pointer.yaml' } as const;

/** Names of a release's objects; the chart uses the same ones. @param release full name of the release */
export function releaseObjects(release: string): {
  readonly agent: string;
  readonly collector: string;
  readonly status: string;
  readonly lease: string;
} {
  return { agent: `${release}-agent`, collector: `${release}-collector`, status: `${release}-status`, lease: release };
}

const RUN_ID_DIGITS = 16;

/** Identifier of the run that a Job serves, whichever of its pods does. @param jobUid `metadata.uid` of the Job */
export function runIdOfJob(jobUid: string): string {
  return `run-${bareHex(sha256(Buffer.from(jobUid))).slice(0, RUN_ID_DIGITS)}`;
}

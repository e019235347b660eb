import type { CtrfStatus, Phase } from '#core/ctrf/report.ts';
import type { AbsenceReason } from './run.ts';

/**
 * What the collector program prints on stdout, one JSON object per line, in the order in which it happens.
 * Everything that names a node is printed after it is on stable storage.
 */
export type RunEvent =
  | {
      readonly event: 'listening';
      /** `wss://host:port/v1/agent` with the port that is really used, or `wss+unix:/path/of/socket`. */
      readonly url: string;
      /** `sha256:` digest of the server's public key (SPKI, DER): what agents pin. */
      readonly key: string;
      readonly runId: string;
    }
  | { readonly event: 'node-connected'; readonly node: string; readonly attempt: number; readonly agentVersion: string }
  | { readonly event: 'phase-started'; readonly node: string; readonly phase: Phase }
  | {
      readonly event: 'check';
      readonly node: string;
      readonly phase: Phase;
      readonly check: string;
      readonly status: CtrfStatus;
      readonly message?: string;
    }
  | { readonly event: 'phase-ended'; readonly node: string; readonly phase: Phase }
  | { readonly event: 'node-finished'; readonly node: string }
  /** A node cannot report as things stand, or, without a reason, nothing stands in its way any more. Printed when that changes. */
  | { readonly event: 'waiting'; readonly node: string; readonly reason?: AbsenceReason; readonly detail?: string }
  /** A connection was refused, or an agent did what no honest one does. `node` is what its credential proves, if it got that far. */
  | { readonly event: 'incident'; readonly code: string; readonly node?: string; readonly detail: string }
  /** A check of the cluster as a whole has its result. */
  | {
      readonly event: 'cluster-check';
      readonly phase: Phase;
      readonly check: string;
      readonly status: CtrfStatus;
      readonly message?: string;
    }
  | { readonly event: 'absent'; readonly node: string; readonly reason: AbsenceReason; readonly detail: string }
  | { readonly event: 'stalled'; readonly code: 'DISK_FULL'; readonly message: string }
  | { readonly event: 'resumed' }
  /** Time is over, or, when `stalled`, nothing has moved for so long that nobody waits any longer. */
  | { readonly event: 'deadline'; readonly stalled?: true }
  | {
      readonly event: 'sealed';
      readonly runId: string;
      /** Digest of the ledger file, seal record included. */
      readonly ledger: string;
      readonly expected: number;
      readonly complete: number;
      readonly records: number;
    }
  | { readonly event: 'assembled'; readonly bundle: string; readonly recipe: string }
  | {
      readonly event: 'signed';
      readonly identity: string;
      readonly issuer: string;
      readonly trust: 'lab' | 'sigstore';
      /** Path of the trusted root written beside the bundle, when the signature brought its own. */
      readonly trustedRoot?: string;
    }
  /** The bundle is sealed and unsigned: it can be signed later with the same digest. */
  | { readonly event: 'pending'; readonly reason: string }
  | { readonly event: 'published'; readonly oci: string; readonly digest: string; readonly pointer: string }
  /** How far whoever signs and pushes is; printed when that changes. */
  | {
      readonly event: 'delivery';
      readonly state: 'pending' | 'signed' | 'published';
      /** True when nothing more will be tried. */
      readonly final: boolean;
      readonly oci?: string;
      readonly digest: string;
      readonly reason?: string;
    }
  | { readonly event: 'failed'; readonly code: string; readonly message: string; readonly hint?: string };

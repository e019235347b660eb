import type { Digest } from '#core/digest/sha256.ts';

/**
 * `sealed.json` in the output directory: written last by the collector. Whoever signs waits for it; the directory then holds
 * `summary-bundle/`, `oci/` and `pointer.yaml`, unsigned and final.
 */
export interface SealedHandover {
  readonly schemaVersion: '1.0.0';
  readonly runId: string;
  readonly recipe: string;
  /** Digest of the artifact that the bundle packs to. */
  readonly digest: Digest;
  readonly sealedAt: string;
}

/** `delivery.json` in the output directory: written by whoever signs and pushes, at each change, whole. */
export interface DeliveryReport {
  readonly schemaVersion: '1.0.0';
  readonly runId: string;
  /** `pending`: a service was out or there is no identity; the work goes on, or `final` says that it does not. */
  readonly state: 'pending' | 'signed' | 'published';
  /** True when nothing more will be tried. */
  readonly final: boolean;
  readonly signer?: { readonly identity: string; readonly issuer: string };
  readonly oci?: string;
  readonly digest: Digest;
  /** Text of the pointer file. */
  readonly pointer?: string;
  /** `CODE: message` of the last failure. */
  readonly reason?: string;
  readonly hint?: string;
}

/** Names of the two files. */
export const HANDOVER_FILE = { sealed: 'sealed.json', delivery: 'delivery.json' } as const;

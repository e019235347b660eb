/** Who signed, as read from the certificate. */
export interface PointerSigner {
  readonly identity: string;
  readonly issuer: string;
  readonly rekorLogIndex?: number;
}

/** A pointer file (`recipes/evidence/<recipe>/<source>/sha256-<hex>.yaml`), schema 1.0.0. `oci` and `digest` are empty when nothing was pushed. */
export interface Pointer {
  readonly schemaVersion: string;
  readonly recipe: string;
  readonly attestations: readonly [PointerAttestation];
}

/** The one attestation of a pointer. */
export interface PointerAttestation {
  readonly attestedAt?: string;
  readonly bundle: { readonly oci: string; readonly digest: string; readonly predicateType: string };
  readonly signer?: PointerSigner;
}

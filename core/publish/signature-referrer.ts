import { OCI_MANIFEST_TYPE, SIGSTORE_BUNDLE_TYPE } from '#core/attestation/media-type.ts';
import { bytesSource } from '#core/oci/blob-source.ts';
import { CREATED, TITLE, type Descriptor } from '#core/oci/descriptor.ts';
import { EMPTY_CONFIG, EPOCH, seal, type PackedArtifact } from './pack.ts';

/** What a signature is attached to, and what it says. */
export interface Attachment {
  readonly subject: Descriptor;
  /** Exact bytes of the Sigstore bundle. */
  readonly sigstoreBundle: Uint8Array;
  readonly predicateType: string;
}

/**
 * A Sigstore bundle as a referrer of an artifact, in the form that upstream and cosign both find: artifact type on the
 * manifest and, for registries that report the config's type instead, on the config too; exactly one layer.
 * The same signature gives the same digest, so attaching it twice changes nothing.
 * @source recipe-evidence v1, signature referrer; cosign bundle specification, "OCI 1.1 referrers"
 */
export function packSignature({ subject, sigstoreBundle, predicateType }: Attachment): PackedArtifact {
  const bundle = bytesSource(sigstoreBundle);
  const blob = { digest: bundle.digest, size: bundle.size };
  return seal(
    {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST_TYPE,
      artifactType: SIGSTORE_BUNDLE_TYPE,
      config: { mediaType: SIGSTORE_BUNDLE_TYPE, digest: EMPTY_CONFIG.digest, size: EMPTY_CONFIG.size },
      layers: [{ mediaType: SIGSTORE_BUNDLE_TYPE, ...blob, annotations: { [TITLE]: 'payload' } }],
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
      annotations: {
        'dev.sigstore.bundle.content': 'dsse-envelope',
        'dev.sigstore.bundle.predicateType': predicateType,
        [CREATED]: EPOCH,
        'org.opencontainers.image.vendor': 'NVIDIA',
      },
    },
    [EMPTY_CONFIG, bundle],
  );
}

import { LOGS_ARTIFACT_TYPE, OCI_EMPTY_TYPE, OCI_MANIFEST_TYPE } from '#core/attestation/media-type.ts';
import { isBundlePath } from '#core/attestation/bundle-path.ts';
import { compareText } from '#core/digest/compare-text.ts';
import { AssayError } from '#core/error.ts';
import type { BlobSource } from '#core/oci/blob-source.ts';
import { CREATED, TITLE, type Descriptor } from '#core/oci/descriptor.ts';
import { EMPTY_CONFIG, EPOCH, seal, type PackedArtifact } from './pack.ts';

const DESCRIPTION = 'Raw logs and pages per phase of an evidence bundle; the bundle names this artifact by digest.';

/**
 * Packs raw logs as an OCI artifact of their own, one layer per file in path order. Its digest stands in the predicate of the
 * bundle, so the logs cannot be changed afterwards, and whoever may not read them can still verify the bundle.
 * @param files slash paths below `logs-bundle/`
 * @throws ARTIFACT_INVALID when a path cannot stand in a bundle
 * @source OCI image specification 1.1, "Guidelines for Artifact Usage"
 */
export function packLogs(files: ReadonlyMap<string, BlobSource>, { version }: { readonly version: string }): PackedArtifact {
  const sorted = [...files].sort(([left], [right]) => compareText(left, right));
  return seal(
    {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST_TYPE,
      artifactType: LOGS_ARTIFACT_TYPE,
      config: { mediaType: OCI_EMPTY_TYPE, digest: EMPTY_CONFIG.digest, size: EMPTY_CONFIG.size },
      layers: sorted.map(([path, source]) => layer(path, source)),
      annotations: {
        [CREATED]: EPOCH,
        'org.opencontainers.image.description': DESCRIPTION,
        [TITLE]: 'Evidence logs',
        'org.opencontainers.image.version': version,
      },
    },
    [EMPTY_CONFIG, ...sorted.map(([, source]) => source)],
  );
}

function layer(path: string, { digest, size }: BlobSource): Descriptor {
  if (!isBundlePath(path)) throw new AssayError('ARTIFACT_INVALID', `the path ${JSON.stringify(path)} cannot stand in a logs bundle`);
  const mediaType = path.endsWith('.md') ? 'text/markdown' : 'text/plain';
  return { mediaType, digest, size, annotations: { [TITLE]: path } };
}

import { isBundlePath } from '#core/attestation/bundle-path.ts';
import { SIZE_LIMIT } from '#core/attestation/media-type.ts';
import type { Pointer } from '#core/attestation/pointer.ts';
import { canonicalYaml } from '#core/digest/canonical-yaml.ts';
import { isDigest } from '#core/digest/sha256.ts';
import { parseYamlNode } from '#core/digest/read-yaml.ts';
import { canonicalValue, YamlTimestamp } from '#core/digest/yaml-value.ts';
import { AssayError } from '#core/error.ts';
import { decodePointer } from './decode-pointer.ts';
import { sourceSlug } from './source-slug.ts';

/** Where a repository keeps the pointers of its recipes. */
export const EVIDENCE_ROOT = 'recipes/evidence';
const INDENT = 2;

/**
 * Text of a pointer file: keys sorted, two-space indent.
 * @source recipe-evidence v1, pointer
 */
export function pointerYaml({ schemaVersion, recipe, attestations }: Pointer): string {
  const [{ attestedAt, bundle, signer }] = attestations;
  const attestation = {
    ...(attestedAt === undefined ? {} : { attestedAt: new YamlTimestamp(attestedAt) }),
    bundle: { ...bundle },
    ...(signer === undefined ? {} : { signer: { ...signer } }),
  };
  return canonicalYaml({ schemaVersion, recipe, attestations: [attestation] }, INDENT);
}

/**
 * Reads a pointer file. Unknown fields are ignored, as upstream does; everything else must be right.
 * @param text YAML or JSON text, or its UTF-8 bytes, at most 1 MiB
 * @param name how messages call the file
 * @throws FILE_TOO_LARGE, YAML_INVALID, POINTER_INVALID
 * @source recipe-evidence v1, pointer, "validation on load"
 */
export function parsePointer(text: string | Uint8Array, name = 'the pointer'): Pointer {
  return decodePointer(canonicalValue(parseYamlNode(text, { name, maxBytes: SIZE_LIMIT.pointer })), name);
}

/**
 * Path of a committed pointer, relative to the repository: one file per signer and artifact when signed, one flat file per
 * recipe while it waits for a signature.
 * @throws POINTER_INVALID when the recipe name cannot be a file name, or a signed pointer has no digest
 * @source recipe-evidence v1, pointer layouts
 */
export function committedPointerPath({ recipe, attestations }: Pointer): string {
  if (recipe.includes('/') || !isBundlePath(recipe))
    throw new AssayError('POINTER_INVALID', `the recipe name ${JSON.stringify(recipe)} cannot be a file name`);
  const [{ bundle, signer }] = attestations;
  if (signer === undefined) return `${EVIDENCE_ROOT}/${recipe}.yaml`;
  if (!isDigest(bundle.digest))
    throw new AssayError('POINTER_INVALID', `a signed pointer needs the digest of its artifact, not ${JSON.stringify(bundle.digest)}`);
  return `${EVIDENCE_ROOT}/${recipe}/${sourceSlug(signer.issuer, signer.identity)}/${bundle.digest.replace(':', '-')}.yaml`;
}

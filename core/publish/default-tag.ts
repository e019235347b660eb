import { bareHex, type Digest } from '#core/digest/sha256.ts';

const MAX_NAME = 80;
const DIGEST_DIGITS = 12;

/**
 * The tag of an artifact that was given none, for example `h100-eks-ubuntu-training-1cdec8857098`.
 * @param recipeName name as in the predicate
 * @param manifestDigest digest of the bundle's `manifest.json`
 * @source recipe-evidence v1, tags and references
 */
export function defaultTag(recipeName: string, manifestDigest: Digest): string {
  const name = recipeName.toLowerCase().replaceAll(/[^a-z0-9_.-]/g, '-');
  const short = name.replaceAll(/^[-.]+|[-.]+$/g, '').slice(0, MAX_NAME);
  return `${short === '' ? 'recipe' : short}-${bareHex(manifestDigest).slice(0, DIGEST_DIGITS)}`;
}

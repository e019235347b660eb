import { stat } from 'node:fs/promises';
import { isLayoutDirectory } from '#core/oci/layout.ts';
import { hasOciScheme, parseReference, type ArtifactReference } from '#core/oci/reference.ts';

/** What a verb is given: a bundle directory, or an artifact in a layout or registry. */
export type EvidenceInput =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'artifact'; readonly reference: ArtifactReference };

/**
 * Tells a directory from a reference: what exists on disk is a directory, unless it is a layout.
 * @throws REFERENCE_INVALID for a text that is neither
 */
export async function readInput(text: string): Promise<EvidenceInput> {
  if (hasOciScheme(text) || !(await isDirectory(text))) return { kind: 'artifact', reference: parseReference(text) };
  if (await isLayoutDirectory(text)) return { kind: 'artifact', reference: parseReference(`oci-layout:${text}`) };
  return { kind: 'directory', path: text };
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

import { stat } from 'node:fs/promises';
import { AssayError } from '#core/error.ts';
import { isLayoutDirectory } from '#core/oci/layout.ts';
import { hasOciScheme, parseReference, type ArtifactReference } from '#core/oci/reference.ts';

/** What a verb is given: a bundle directory, or an artifact in a layout or registry. */
export type EvidenceInput =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'artifact'; readonly reference: ArtifactReference };

/**
 * Tells a directory from a reference: what exists on disk is a directory, unless it is a layout.
 * @throws REFERENCE_INVALID for a text that is neither; FILE_UNREADABLE for a file, which no registry is asked about
 */
export async function readInput(text: string): Promise<EvidenceInput> {
  const found = hasOciScheme(text) ? undefined : await kindOf(text);
  if (found === 'file')
    throw new AssayError('FILE_UNREADABLE', `${text} is a file, not a bundle directory`, {
      hint: 'Name the bundle directory, oci-layout:DIR, or an OCI reference.',
    });
  if (found === undefined) return { kind: 'artifact', reference: parseReference(text) };
  if (await isLayoutDirectory(text)) return { kind: 'artifact', reference: parseReference(`oci-layout:${text}`) };
  return { kind: 'directory', path: text };
}

async function kindOf(path: string): Promise<'directory' | 'file' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'file';
  } catch {
    return undefined;
  }
}

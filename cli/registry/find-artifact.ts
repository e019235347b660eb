import { readFile } from 'node:fs/promises';
import { AssayError } from '#core/error.ts';
import { onlyTag } from '#core/oci/only-tag.ts';
import { parseReference, type ArtifactReference } from '#core/oci/reference.ts';
import type { ArtifactStore } from '#core/oci/store.ts';
import { readFailure } from '#core/oci/file-failure.ts';
import { parsePointer } from '#core/publish/pointer-file.ts';
import { registryOptions, type RegistryFlags } from './registry-flags.ts';

/** An artifact that an input names, and the store it is in. */
export interface FoundArtifact {
  readonly reference: ArtifactReference;
  readonly store: ArtifactStore;
  /** Tag or digest to read. */
  readonly name: string;
}

const POINTER = /\.ya?ml$/i;

/**
 * Finds the artifact behind a pointer file or a reference. A pointer pins its digest, and may only name a registry.
 * @throws POINTER_INVALID, REFERENCE_INVALID, FILE_NOT_FOUND
 */
export async function findArtifact(input: string, flags: RegistryFlags): Promise<FoundArtifact> {
  const reference = POINTER.test(input) ? await pointerReference(input) : parseReference(input);
  const { openStore } = await import('#core/oci/open-store.ts');
  const store = await openStore(reference, registryOptions(flags));
  return { reference, store, name: reference.digest ?? reference.tag ?? (await onlyTag(store)) };
}

async function pointerReference(path: string): Promise<ArtifactReference> {
  const text = await readFile(path).catch((cause: unknown) => {
    throw readFailure(path, cause);
  });
  const [{ bundle }] = parsePointer(text, path).attestations;
  if (bundle.oci === '') throw new AssayError('POINTER_INVALID', `${path} names no artifact: the evidence was never pushed`);
  const reference = parseReference(bundle.oci);
  if (reference.kind !== 'registry') throw new AssayError('POINTER_INVALID', `${path} names a local directory, which a pointer must not`);
  return parseReference(`${bundle.oci.replace(/@.*$/, '')}@${bundle.digest}`);
}

import { layoutStore } from './layout.ts';
import type { ArtifactReference } from './reference.ts';
import type { RegistryOptions } from './registry/credential.ts';
import type { ArtifactStore } from './store.ts';

/** The store that a reference lives in: a layout directory or a repository. Nothing is contacted yet. */
export async function openStore(reference: ArtifactReference, options: RegistryOptions): Promise<ArtifactStore> {
  if (reference.kind === 'layout') return layoutStore(reference.directory);
  const { registryStore } = await import('./registry/registry-store.ts');
  return registryStore(reference, options);
}

import type { PointerSigner } from '#core/attestation/pointer.ts';
import { layoutStore } from '#core/oci/layout.ts';
import { parseReference, type ArtifactReference } from '#core/oci/reference.ts';
import type { RegistryOptions } from '#core/oci/registry/credential.ts';
import type { ArtifactStore } from '#core/oci/store.ts';
import { loadDirectory } from '#core/publish/loaded-bundle.ts';
import { publishBundle, type PublishedBundle } from '#core/publish/publish-bundle.ts';
import type { KeylessChoice } from '#core/sign/keyless-route.ts';

/** Where a sealed bundle and its OCI layout are. */
export interface SealedPlace {
  /** Bundle directory. */
  readonly bundle: string;
  /** Absolute path of the OCI layout the collector wrote. */
  readonly layout: string;
}

/** A signature that is in the bundle now. */
export interface SignedSeal {
  readonly signer: PointerSigner;
  /** What the layout, which learned of the signature, is called; with its pointer. */
  readonly published: PublishedBundle;
}

/**
 * Signs a sealed bundle with an identity, and gives the signature to the layout and the pointer beside it too. Running it
 * again changes nothing.
 * @throws what signing throws; a bundle that has a signature already needs no identity
 */
export async function signSeal({ bundle, layout }: SealedPlace, identity: KeylessChoice): Promise<SignedSeal> {
  const [{ signDirectory }, { keylessRoute }] = [await import('#core/sign/sign-input.ts'), await import('#core/sign/keyless-route.ts')];
  const { signer } = await signDirectory(bundle, { route: () => keylessRoute(identity, Date.now()) });
  return { signer, published: await publishTo(bundle, { kind: 'layout', directory: layout }, layoutStore(layout)) };
}

/**
 * Pushes a sealed bundle, with its signature when it has one, and writes the pointer that names it.
 * @param to registry reference or layout; without a tag it gets the default one
 * @throws what the store throws; SIGNATURE_STALE
 */
export async function pushSeal(bundle: string, to: string, registry: RegistryOptions): Promise<PublishedBundle> {
  const reference = parseReference(to);
  const { openStore } = await import('#core/oci/open-store.ts');
  return publishTo(bundle, reference, await openStore(reference, registry));
}

async function publishTo(bundle: string, reference: ArtifactReference, store: ArtifactStore): Promise<PublishedBundle> {
  return publishBundle(await loadDirectory(bundle), { reference, store });
}

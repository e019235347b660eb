import { errorText, isAssayError } from '#core/error.ts';
import { layoutStore } from '#core/oci/layout.ts';
import type { RegistryOptions } from '#core/oci/registry/credential.ts';
import { parseReference, type ArtifactReference } from '#core/oci/reference.ts';
import type { ArtifactStore } from '#core/oci/store.ts';
import { loadDirectory } from '#core/publish/loaded-bundle.ts';
import { publishBundle } from '#core/publish/publish-bundle.ts';
import type { KeylessChoice } from '#core/sign/keyless-route.ts';
import type { RunEvent } from '#core/wire/run-event.ts';

/** What is left to do with a sealed bundle on this computer. */
export interface Delivery {
  readonly bundle: string;
  /** Absolute path of the OCI layout the collector wrote. */
  readonly layout: string;
  /** Who signs; nobody when absent. */
  readonly identity?: KeylessChoice;
  /** Registry reference or layout to publish to besides. */
  readonly push?: string;
  readonly registry: RegistryOptions;
  readonly emit: (event: RunEvent) => void;
}

/**
 * Signs a sealed bundle with an identity and publishes it, signature included. An outage loses nothing: the bundle stays
 * as it is, and `assay sign` and `assay publish` finish the job later with the same digest.
 * @returns 3 when a service did not do its part, else 0
 * @throws what is no outage: a refused identity, a wrong reference
 */
export async function deliverEvidence(delivery: Delivery): Promise<0 | 3> {
  try {
    if (delivery.identity !== undefined) await sign(delivery, delivery.identity);
    if (delivery.push !== undefined) await push(delivery, delivery.push);
    return 0;
  } catch (error) {
    if (!isAssayError(error) || error.exit !== 3) throw error;
    delivery.emit({ event: 'pending', reason: `${error.code}: ${errorText(error)}` });
    return 3;
  }
}

async function sign({ bundle, layout, emit }: Delivery, identity: KeylessChoice): Promise<void> {
  const [{ signDirectory }, { keylessRoute }] = [await import('#core/sign/sign-input.ts'), await import('#core/sign/keyless-route.ts')];
  const { signer } = await signDirectory(bundle, { route: () => keylessRoute(identity, Date.now()) });
  emit({ event: 'signed', identity: signer.identity, issuer: signer.issuer, trust: 'sigstore' });
  await publishTo(bundle, { reference: { kind: 'layout', directory: layout }, store: layoutStore(layout), emit });
}

async function push({ bundle, registry, emit }: Delivery, to: string): Promise<void> {
  const reference = parseReference(to);
  const { openStore } = await import('#core/oci/open-store.ts');
  await publishTo(bundle, { reference, store: await openStore(reference, registry), emit });
}

interface Place {
  readonly reference: ArtifactReference;
  readonly store: ArtifactStore;
  readonly emit: Delivery['emit'];
}

async function publishTo(bundle: string, { reference, store, emit }: Place): Promise<void> {
  const published = await publishBundle(await loadDirectory(bundle), { reference, store });
  emit({ event: 'published', oci: published.reference, digest: published.digest, pointer: published.pointerPath });
}

import { errorText, isAssayError } from '#core/error.ts';
import type { RegistryOptions } from '#core/oci/registry/credential.ts';
import type { PublishedBundle } from '#core/publish/publish-bundle.ts';
import type { KeylessChoice } from '#core/sign/keyless-route.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import { pushSeal, signSeal, type SealedPlace } from '../delivery/delivery-step.ts';

/** What is left to do with a sealed bundle on this computer. */
export interface Delivery extends SealedPlace {
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
  const { identity, push, emit } = delivery;
  try {
    if (identity !== undefined) {
      const { signer, published } = await signSeal(delivery, identity);
      emit({ event: 'signed', identity: signer.identity, issuer: signer.issuer, trust: 'sigstore' });
      emit(publishedEvent(published));
    }
    if (push !== undefined) emit(publishedEvent(await pushSeal(delivery.bundle, push, delivery.registry)));
    return 0;
  } catch (error) {
    if (!isAssayError(error) || error.exit !== 3) throw error;
    emit({ event: 'pending', reason: `${error.code}: ${errorText(error)}` });
    return 3;
  }
}

function publishedEvent({ reference, digest, pointerPath }: PublishedBundle): RunEvent {
  return { event: 'published', oci: reference, digest, pointer: pointerPath };
}

import type { PointerSigner } from '#core/attestation/pointer.ts';
import { systemClock, type Clock } from '#core/clock.ts';
import { checkOwnBundle } from './own-bundle.ts';
import { labIdentity } from './lab/identity.ts';

/** Sign on this computer alone: nothing leaves it, and every report of the result says LAB TRUST. */
export interface LabRoute {
  readonly kind: 'lab';
  readonly user: string;
  readonly host: string;
}

/** How a statement gets its signature. */
export type SigningRoute = LabRoute;

/** A signature and what a reader needs to check it. */
export interface SignedStatement {
  /** Bytes of `attestation.intoto.jsonl` and of the referrer's layer: a Sigstore bundle v0.3, one certificate, empty key id. */
  readonly sigstoreBundle: Uint8Array;
  readonly signer: PointerSigner;
  /** Whose word the signature rests on. */
  readonly trust: 'lab' | 'sigstore';
  /** JSON bytes of the trusted root, when the route made its own. */
  readonly trustedRoot?: Uint8Array;
}

/**
 * Signs an in-toto statement and checks the result as strictly as a foreign verifier would, before handing it out.
 * @param statement exact bytes; what is signed is what was given
 * @throws SIGNING_REJECTED when our own check fails
 */
export async function signStatement(statement: Uint8Array, route: SigningRoute, clock: Clock = systemClock): Promise<SignedStatement> {
  const { signInLab } = await import('./lab/authority.ts');
  const { bundle, trustedRoot } = await signInLab(statement, labIdentity(route.user, route.host), clock);
  const sigstoreBundle = Buffer.from(`${JSON.stringify(bundle)}\n`);
  return { sigstoreBundle, signer: checkOwnBundle(sigstoreBundle, { statement, trustedRoot }), trust: 'lab', trustedRoot };
}

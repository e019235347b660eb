import type { PointerSigner } from '#core/attestation/pointer.ts';
import { systemClock, type Clock } from '#core/clock.ts';
import { checkOwnBundle } from './own-bundle.ts';
import { labIdentity } from './lab/identity.ts';
import type { KeylessSigning } from './keyless.ts';

/** Sign on this computer alone: nothing leaves it, and every report of the result says LAB TRUST. */
export interface LabRoute {
  readonly kind: 'lab';
  readonly user: string;
  readonly host: string;
}

/** Sign with an identity at real signing services. */
export interface KeylessRoute extends KeylessSigning {
  readonly kind: 'keyless';
  /** JSON bytes of the services' trusted root: the signature is verified against it before anyone sees it. */
  readonly trustedRoot?: Uint8Array;
}

/** How a statement gets its signature. */
export type SigningRoute = LabRoute | KeylessRoute;

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
 * @throws SIGNING_REJECTED when our own check fails; FULCIO_*, REKOR_*, TSA_* when a service does not do its part
 */
export async function signStatement(statement: Uint8Array, route: SigningRoute, clock: Clock = systemClock): Promise<SignedStatement> {
  return route.kind === 'lab' ? signByLab(statement, route, clock) : signByServices(statement, route, clock);
}

async function signByLab(statement: Uint8Array, { user, host }: LabRoute, clock: Clock): Promise<SignedStatement> {
  const { signInLab } = await import('./lab/authority.ts');
  const { bundle, trustedRoot } = await signInLab(statement, labIdentity(user, host), clock);
  const sigstoreBundle = bundleBytes(bundle);
  return { sigstoreBundle, signer: checkOwnBundle(sigstoreBundle, { statement, trustedRoot }), trust: 'lab', trustedRoot };
}

async function signByServices(statement: Uint8Array, route: KeylessRoute, clock: Clock): Promise<SignedStatement> {
  const { signKeyless } = await import('./keyless.ts');
  const sigstoreBundle = bundleBytes(await signKeyless(statement, route, clock));
  const { trustedRoot } = route;
  return {
    sigstoreBundle,
    signer: checkOwnBundle(sigstoreBundle, { statement, ...(trustedRoot === undefined ? {} : { trustedRoot }) }),
    trust: 'sigstore',
  };
}

function bundleBytes(bundle: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(bundle)}\n`);
}

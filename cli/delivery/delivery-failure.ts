import { isAssayError, type AssayError, type ErrorCode } from '#core/error.ts';

/** What a failure of one step means for the delivery as a whole. */
export type FailureKind =
  /** There is nobody who could sign: nothing to do here. */
  | 'no-identity'
  /** The same request will be refused again. */
  | 'refused'
  /** Later it may work. */
  | 'outage';

/** Codes with exit 3 that waiting does not heal, because somebody has to change something first. */
const REFUSED: ReadonlySet<ErrorCode> = new Set([
  'IDENTITY_TOKEN_AUDIENCE',
  'IDENTITY_TOKEN_MALFORMED',
  'IDENTITY_TOKEN_UNVERIFIED',
  'SIGNING_SERVICES_INVALID',
  'SIGNING_REJECTED',
  'TRUST_ROOT_UNUSABLE',
  'FULCIO_REFUSED',
  'REKOR_REFUSED',
  'TSA_REFUSED',
  'REGISTRY_UNAUTHORIZED',
  'REGISTRY_FORBIDDEN',
  'REGISTRY_REFUSED',
  'CREDENTIALS_UNREADABLE',
]);

/**
 * What a failure of signing or pushing means.
 * @returns undefined for what no delivery goes on after: a wrong bundle, wrong usage, a bug
 */
export function failureKind(error: unknown): FailureKind | undefined {
  if (!isAssayError(error)) return undefined;
  if (error.code === 'IDENTITY_MISSING') return 'no-identity';
  if (REFUSED.has(error.code) || error.code === 'ARTIFACT_NOT_FOUND' || error.code === 'ADDRESS_REFUSED') return 'refused';
  return error.exit === 3 ? 'outage' : undefined;
}

/** A failure as it was told before signing wrapped it with where unfinished work is kept. */
export function innermost(error: AssayError): AssayError {
  return isAssayError(error.cause) && error.cause.code === error.code ? innermost(error.cause) : error;
}

import { bundleToJSON } from '@sigstore/bundle';
import { DSSEBundleBuilder, type Witness } from '@sigstore/sign';
import { PAYLOAD_TYPE } from '#core/attestation/media-type.ts';
import type { Clock } from '#core/clock.ts';
import { isAssayError } from '#core/error.ts';
import type { RetryPolicy } from '#core/http/retry.ts';
import type { IdentityToken } from './identity/identity-token.ts';
import { rekorV1Witness, timestampWitness } from './service/client-witness.ts';
import { fulcioSigner } from './service/fulcio.ts';
import { rekorV2Witness } from './service/rekor-v2.ts';
import type { SigningServices } from './service/signing-services.ts';

/** Sign with an identity token at signing services. */
export interface KeylessSigning {
  readonly token: IdentityToken;
  readonly services: SigningServices;
  /** Longest wait for one answer of certificate and timestamp authority, default 10 s. */
  readonly timeoutMs?: number;
  /** Longest wait for the log, default 20 s. */
  readonly logTimeoutMs?: number;
  /** Repetitions of one request; default 2 after 1 s and 2 s. */
  readonly retry?: RetryPolicy;
  /**
   * Breaks the requests to Fulcio and Rekor v2 off; what is thrown then is its reason. The clients of Rekor v1 and timestamp
   * authorities come to their own end.
   */
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** What upstream tells clients of Rekor v2 to allow: the log answers when a checkpoint covers the entry. */
const LOG_TIMEOUT_MS = 20_000;
const DEFAULT_RETRY: RetryPolicy = { retries: 2, baseDelayMs: 1000 };
/** Whole signatures that are tried when the log fails, each with fresh key and certificate. */
const ATTEMPTS = 3;

/**
 * Makes a Sigstore bundle: certificate for the token, signature, log entry and timestamps. When the log fails, everything is
 * made again with a fresh key, as often as token and patience allow: an old certificate is never offered twice.
 * @param statement exact bytes
 * @returns the bundle as a JSON value
 * @throws FULCIO_*, REKOR_*, TSA_*
 */
export async function signKeyless(statement: Uint8Array, signing: KeylessSigning, clock: Clock): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await signOnce(statement, signing);
    } catch (error) {
      const again =
        isAssayError(error) && error.code === 'REKOR_UNAVAILABLE' && attempt < ATTEMPTS && signing.token.isUsable(clock.nowMs());
      if (!again) throw error;
    }
  }
}

async function signOnce(statement: Uint8Array, signing: KeylessSigning): Promise<unknown> {
  const { token, services, timeoutMs = DEFAULT_TIMEOUT_MS, retry = DEFAULT_RETRY } = signing;
  const signal = signing.signal === undefined ? {} : { signal: signing.signal };
  const signer = fulcioSigner({ url: services.fulcio, token, timeoutMs, retry, ...signal });
  const stamps = services.timestamps.map((url) => timestampWitness({ url, timeoutMs, retry }));
  const builder = new DSSEBundleBuilder({ signer, witnesses: [logWitness(signing, retry), ...stamps] });
  return bundleToJSON(await builder.create({ data: Buffer.from(statement), type: PAYLOAD_TYPE }));
}

function logWitness(
  { services: { rekor }, logTimeoutMs: timeoutMs = LOG_TIMEOUT_MS, signal }: KeylessSigning,
  retry: RetryPolicy,
): Witness {
  const { url } = rekor;
  if (rekor.apiVersion === 1) return rekorV1Witness({ url, timeoutMs, retry });
  return rekorV2Witness({ url, timeoutMs, ...(signal === undefined ? {} : { signal }) });
}

import { RekorWitness, TSAWitness, type Witness } from '@sigstore/sign';
import type { RetryPolicy } from '#core/http/retry.ts';
import { clientFailure, REKOR, type ServiceName } from './service-call.ts';

/** How a witness of the maintained client is asked. */
export interface WitnessOptions {
  readonly url: URL;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
}

const TSA: ServiceName = { name: 'The timestamp authority', refused: 'TSA_REFUSED', unavailable: 'TSA_UNAVAILABLE' };

/** Stamps the signature at an RFC 3161 authority. @throws TSA_REFUSED, TSA_UNAVAILABLE (on `testify`) */
export function timestampWitness({ url, timeoutMs, retry }: WitnessOptions): Witness {
  return guarded(new TSAWitness({ tsaBaseURL: url.href, timeout: timeoutMs, retry: retryOptions(retry) }), TSA);
}

/** Logs the envelope in Rekor v1; when the log has it already (a retry after a lost answer), that entry is fetched. @throws REKOR_REFUSED, REKOR_UNAVAILABLE (on `testify`) */
export function rekorV1Witness({ url, timeoutMs, retry }: WitnessOptions): Witness {
  const rekorBaseURL = url.href.replace(/\/$/, '');
  return guarded(
    new RekorWitness({ rekorBaseURL, entryType: 'dsse', majorApiVersion: 1, timeout: timeoutMs, retry: retryOptions(retry) }),
    REKOR,
  );
}

function guarded(witness: Witness, service: ServiceName): Witness {
  return {
    testify: async (content, certificate) => {
      try {
        return await witness.testify(content, certificate);
      } catch (error) {
        throw clientFailure(service, error);
      }
    },
  };
}

function retryOptions({ retries, baseDelayMs }: RetryPolicy): { retries: number; minTimeout: number } {
  return { retries, minTimeout: baseDelayMs };
}

import { AssayError, errorText } from '#core/error.ts';
import { exchange } from '#core/http/retry.ts';
import { isSecureUrl } from '#core/http/secure-url.ts';
import { readAnswer, send, type HttpCall } from '#core/http/send.ts';

const IDLE_TIMEOUT_MS = 10_000;
const MAX_ANSWER = 1 << 20;

/** A JSON answer of an identity provider. */
export interface ProviderAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * One request to an identity provider. Messages name the provider and the status, never what was sent or answered.
 * @param provider how people call it
 * @throws IDENTITY_SOURCE_FAILED when it cannot be reached, is not secure, or answers with something else than a JSON object
 */
export async function askProvider(provider: string, call: Omit<HttpCall, 'idleTimeoutMs'>): Promise<ProviderAnswer> {
  if (!isSecureUrl(call.url)) throw providerFailure(provider, `its address ${call.url.origin} is not https`);
  try {
    return await exchange(
      () => send({ ...call, idleTimeoutMs: IDLE_TIMEOUT_MS }),
      async (answer) => ({ status: answer.status, body: parseBody(provider, await readAnswer(answer, MAX_ANSWER)) }),
    );
  } catch (cause) {
    if (cause instanceof AssayError) throw cause;
    throw providerFailure(provider, errorText(cause));
  }
}

/** The failure of a provider, for a reason that holds no secret. */
export function providerFailure(provider: string, reason: string): AssayError {
  return new AssayError('IDENTITY_SOURCE_FAILED', `${provider} gave no identity token: ${reason}`, {
    hint: 'Check the permissions and the network of this job, or give a token with --identity-token-file.',
  });
}

function parseBody(provider: string, bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // the parser's message would quote the answer
  }
  throw providerFailure(provider, 'its answer is not a JSON object');
}

import { AssayError, type ErrorCode } from '#core/error.ts';
import { readAnswer, type HttpAnswer, type HttpFailure } from '#core/http/send.ts';

const MAX_ERROR_BODY = 65_536;
const MAX_QUOTE = 160;
const SERVER_ERROR = 500;
const CODE_BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'REGISTRY_UNAUTHORIZED',
  403: 'REGISTRY_FORBIDDEN',
  404: 'ARTIFACT_NOT_FOUND',
  408: 'REGISTRY_UNAVAILABLE',
  429: 'REGISTRY_RATE_LIMITED',
};
const HINT_BY_CODE: Partial<Readonly<Record<ErrorCode, string>>> = {
  REGISTRY_UNAUTHORIZED: 'Log in with "docker login", or name a configuration with --registry-config.',
  REGISTRY_FORBIDDEN: 'Ask the owner of the repository for access, or log in as somebody else.',
  ARTIFACT_NOT_FOUND: 'Check repository, tag and digest; private registries answer so to strangers too.',
  REGISTRY_RATE_LIMITED: 'Wait and run the same command again; logging in often raises the limit.',
  REGISTRY_UNAVAILABLE: 'Nothing is lost: run the same command again later.',
  REGISTRY_REFUSED: 'Check that the registry supports OCI artifacts and that the reference is right.',
};

/**
 * The error for an answer that is not what was asked for. Reads the answer's body.
 * @param action what was asked, for people: `push the blob sha256:…`
 */
export async function registryFailure(answer: HttpAnswer, action: string): Promise<AssayError> {
  const errorCodes = errorCodesOf(await readAnswer(answer, MAX_ERROR_BODY).catch(() => Buffer.alloc(0)));
  const code = CODE_BY_STATUS[answer.status] ?? (answer.status >= SERVER_ERROR ? 'REGISTRY_UNAVAILABLE' : 'REGISTRY_REFUSED');
  const said = errorCodes.length === 0 ? '' : ` (${errorCodes.join(', ').slice(0, MAX_QUOTE)})`;
  return failure(code, `${answer.url.host} answered ${answer.status}${said} to: ${action}`, { httpStatus: answer.status, errorCodes });
}

/** The error for a registry that answered what no registry should. */
export function wrongAnswer(host: string, problem: string): AssayError {
  return failure('REGISTRY_REFUSED', `${host} ${problem}`, {});
}

/** The error for an exchange without a usable answer. */
export function exchangeFailure(cause: HttpFailure): AssayError {
  if (cause.kind === 'oversize') return new AssayError('ARTIFACT_INVALID', cause.message, { cause });
  return new AssayError('REGISTRY_UNAVAILABLE', `the registry is not available: ${cause.message}`, {
    cause,
    hint: HINT_BY_CODE.REGISTRY_UNAVAILABLE ?? '',
  });
}

function failure(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>>): AssayError {
  const hint = HINT_BY_CODE[code];
  return new AssayError(code, message, { details, ...(hint === undefined ? {} : { hint }) });
}

/** Codes of the distribution specification, such as `NAME_UNKNOWN`; free text of a registry is not repeated. */
function errorCodesOf(body: Buffer): readonly string[] {
  try {
    const { errors } = JSON.parse(body.toString('utf8')) as { errors?: readonly { code?: unknown }[] };
    return (errors ?? []).flatMap(({ code }) => (typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? [code] : []));
  } catch {
    return [];
  }
}

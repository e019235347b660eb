import { AssayError } from '#core/error.ts';

/** Longest text of the API server that a message repeats. */
const QUOTED_LENGTH = 600;
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const CONFLICT = 409;
const TOO_MANY = 429;
const SERVER_ERROR = 500;

/** A refusal of the API server. */
export interface ApiRefusal {
  /** `GET /api/v1/nodes` */
  readonly what: string;
  readonly status: number;
  /** Body of the answer: a `Status` object, or whatever a proxy says. */
  readonly text: string;
}

/** The error for an answer that is none. */
export function apiFailure({ what, status, text }: ApiRefusal): AssayError {
  const said = serverMessage(text);
  const message = `${what}: ${String(status)}${said === '' ? '' : `, ${said}`}`;
  const details = { status };
  if (status === UNAUTHORIZED)
    return new AssayError('CLUSTER_FORBIDDEN', message, {
      details,
      hint: 'The credentials are unknown or have expired: log in again, or check the kubeconfig.',
    });
  if (status === FORBIDDEN)
    return new AssayError('CLUSTER_FORBIDDEN', message, {
      details,
      hint: 'Compare with "kubectl auth can-i --list" of the same account; the chart grants what a run needs.',
    });
  if (status === CONFLICT) return new AssayError('CLUSTER_CONFLICT', message, { details });
  if (status === TOO_MANY || status >= SERVER_ERROR)
    return new AssayError('CLUSTER_UNREACHABLE', message, { details, hint: 'The API server is overloaded or down: try again later.' });
  return new AssayError('CLUSTER_REFUSED', message, { details });
}

/** The error for an exchange that had no answer. */
export function unreachable(what: string, why: string, cause?: unknown): AssayError {
  return new AssayError('CLUSTER_UNREACHABLE', `${what}: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Check that the API server can be reached from here: kubectl version',
  });
}

/** `message` of a `Status` object, or the beginning of anything else, on one line. */
function serverMessage(text: string): string {
  const status = parsed(text);
  const said = typeof status === 'object' && status !== null && 'message' in status ? String(status.message) : text;
  return said
    .replaceAll(/[^\P{C}\t\n]/gu, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, QUOTED_LENGTH);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** OS status and JSON `exit` of a verb; the meaning of each number stands in docs/reference/exit-code.md. */
export type ExitCode = 0 | 1 | 2 | 3 | 64 | 70 | 130 | 143;

interface ErrorRule {
  readonly exit: ExitCode;
  /** What the reader of the reference page learns: when this code is used. */
  readonly meaning: string;
}

/**
 * The only place where an error code is born. `exit` is what a program ends with when nothing catches the error.
 * `docs/reference/error.md` is generated from this table (`npm run gen`).
 */
export const ERROR_TABLE = {
  USAGE: { exit: 64, meaning: 'The command line is wrong: unknown verb, option or value.' },
  CONFIG_INVALID: { exit: 64, meaning: 'A setting (flag or ASSAY_* variable) is unknown, missing or out of range.' },
  FILE_NOT_FOUND: { exit: 2, meaning: 'An input file or directory does not exist.' },
  FILE_UNREADABLE: { exit: 2, meaning: 'An input exists but cannot be read as the kind of file that was asked for.' },
  FILE_TOO_LARGE: { exit: 2, meaning: 'An input exceeds the documented size limit; it was not read.' },
  DISK_FULL: { exit: 3, meaning: 'No space is left where records or bundles are written.' },
  OUTPUT_UNWRITABLE: { exit: 3, meaning: 'The result cannot be written where it was asked for.' },
  PROGRAM_FAILED: { exit: 3, meaning: 'A child program (agent, collector, credential helper, helm) did not start or ended unexpectedly.' },
  TIMEOUT: { exit: 3, meaning: 'A step did not end within its deadline.' },
  BUG: { exit: 70, meaning: 'An internal assumption does not hold. Please report it with the printed stack.' },
} as const satisfies Record<string, ErrorRule>;

/** A stable error identifier: match on this, never on the message. */
export type ErrorCode = keyof typeof ERROR_TABLE;

/** What an {@link AssayError} may carry besides its message. */
export interface AssayErrorOptions {
  /** What to do next, as one sentence or a command line. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** JSON-able facts for machines; never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Every expected failure: says what happened with the value (`message`) and what to do (`hint`). */
export class AssayError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: AssayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AssayError';
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
  }

  /** The OS status this error ends a program with. */
  get exit(): ExitCode {
    return ERROR_TABLE[this.code].exit;
  }
}

/** True for an {@link AssayError}, by shape, so that two loaded copies of the class agree. */
export function isAssayError(error: unknown): error is AssayError {
  return error instanceof Error && error.name === 'AssayError' && 'code' in error && String(error.code) in ERROR_TABLE;
}

/** The text of anything thrown, for a message or a `cause` line. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOENT`, `ENOSPC`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

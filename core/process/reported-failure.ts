import { AssayError, ERROR_TABLE, type ErrorCode } from '#core/error.ts';

/**
 * The failure that one of our programs reported about itself, as an error of this program with the same exit status.
 * @param report `{code, message, hint?}` as the program wrote it, not yet checked
 * @returns undefined when it is no such report
 */
export function reportedFailure(report: unknown): AssayError | undefined {
  if (typeof report !== 'object' || report === null) return undefined;
  const { code, message, hint } = report as { readonly code?: unknown; readonly message?: unknown; readonly hint?: unknown };
  if (typeof code !== 'string' || !Object.hasOwn(ERROR_TABLE, code)) return undefined;
  return new AssayError(code as ErrorCode, String(message), typeof hint === 'string' ? { hint } : {});
}

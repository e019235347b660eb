import { AssayError, errorText, isAssayError, systemCode } from '#core/error.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What a failed read of a file means to the user. */
export function readFailure(path: string, cause: unknown): unknown {
  if (isAssayError(cause) || systemCode(cause) === undefined) return cause;
  const code = systemCode(cause) === 'ENOENT' || systemCode(cause) === 'ENOTDIR' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE';
  return new AssayError(code, `cannot read ${path}: ${errorText(cause)}`, { cause });
}

/** What a failed write below a path means to the user. */
export function writeFailure(path: string, cause: unknown): unknown {
  if (isAssayError(cause) || systemCode(cause) === undefined) return cause;
  const full = FULL.has(systemCode(cause) ?? '');
  return new AssayError(full ? 'DISK_FULL' : 'OUTPUT_UNWRITABLE', `cannot write ${path}: ${errorText(cause)}`, {
    cause,
    hint: full ? 'Free some space and run the same command again.' : 'Check that the directory exists and may be written.',
  });
}

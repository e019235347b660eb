import type { AssayError, ErrorCode } from '#core/error.ts';
import type { FindingCode } from '../finding.ts';
import { Refusal } from '../refusal.ts';

/** What an error of a reader of pointers, layouts or registries means for a verdict. */
const FINDING_BY_ERROR: Partial<Readonly<Record<ErrorCode, FindingCode>>> = {
  POINTER_INVALID: 'POINTER_INVALID',
  YAML_INVALID: 'POINTER_INVALID',
  REFERENCE_INVALID: 'REFERENCE_INVALID',
  ARTIFACT_INVALID: 'ARTIFACT_INVALID',
  JSON_INVALID: 'ARTIFACT_INVALID',
  ARTIFACT_NOT_FOUND: 'ARTIFACT_NOT_FOUND',
  DIGEST_MISMATCH: 'DIGEST_MISMATCH',
  ADDRESS_REFUSED: 'ADDRESS_REFUSED',
  REGISTRY_UNAUTHORIZED: 'REGISTRY_REFUSED',
  REGISTRY_FORBIDDEN: 'REGISTRY_REFUSED',
  CREDENTIALS_UNREADABLE: 'REGISTRY_REFUSED',
  FILE_TOO_LARGE: 'LIMIT_EXCEEDED',
  FILE_NOT_FOUND: 'INPUT_NOT_FOUND',
};

/** The refusal that an expected error of a reader stands for: what may work later is undecided, the rest is invalid. */
export function refusalOf(error: AssayError): Refusal {
  const code = FINDING_BY_ERROR[error.code] ?? (error.exit === 3 ? 'REGISTRY_UNAVAILABLE' : 'INPUT_UNSUPPORTED');
  const status = error.details?.['httpStatus'] ?? error.details?.['status'];
  return new Refusal(code, error.message, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(typeof status === 'number' ? { httpStatus: status } : {}),
  });
}

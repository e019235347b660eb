import { readFile, rm } from 'node:fs/promises';
import { SIZE_LIMIT } from '#core/attestation/media-type.ts';
import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { isDigest, type Digest } from '#core/digest/sha256.ts';
import { AssayError, errorText, systemCode, type ErrorCode } from '#core/error.ts';
import { writeFileAtomically } from '#core/oci/atomic-file.ts';

/** What is still to be done for a signature, kept on disk between attempts. It holds no secret. */
export interface PendingSignature {
  readonly schemaVersion: '1.0.0';
  /** The artifact that is to be signed. */
  readonly subject: { readonly name: string; readonly digest: Digest };
  /** What was given to sign: a directory or a reference. */
  readonly input: string;
  /** Why it did not work the last time. */
  readonly reason?: { readonly code: ErrorCode; readonly message: string };
  /** The signature, when it was made and only not delivered yet. */
  readonly sigstoreBundle?: string;
}

const MAX_BYTES = SIZE_LIMIT.sigstoreBundle * 2;

/** @throws OUTPUT_UNWRITABLE, DISK_FULL */
export async function writePending(path: string, pending: PendingSignature): Promise<void> {
  await writeFileAtomically(path, [Buffer.from(`${JSON.stringify(pending, null, 2)}\n`)], 0o600);
}

/**
 * What an earlier attempt left for this artifact.
 * @returns undefined when there is nothing, or it is about another artifact
 * @throws FILE_UNREADABLE when the file is not one of ours
 */
export async function readPending(path: string, subject: Digest): Promise<PendingSignature | undefined> {
  const bytes = await readIfThere(path);
  if (bytes === undefined) return undefined;
  const value = parseStrictJson(bytes, path) as Partial<PendingSignature> | null;
  if (
    value?.schemaVersion !== '1.0.0' ||
    !isDigest(value.subject?.digest) ||
    typeof value.subject.name !== 'string' ||
    !isOptionalText(value.sigstoreBundle)
  )
    throw new AssayError('FILE_UNREADABLE', `${path} is not a pending signature`, { hint: 'Move the file away and sign again.' });
  return value.subject.digest === subject ? (value as PendingSignature) : undefined;
}

/** Forgets a pending signature that was delivered. */
export async function clearPending(path: string): Promise<void> {
  await rm(path, { force: true });
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    const bytes = await readFile(path);
    if (bytes.length <= MAX_BYTES) return bytes;
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw new AssayError('FILE_UNREADABLE', `cannot read ${path}: ${errorText(cause)}`, { cause });
  }
  throw new AssayError('FILE_TOO_LARGE', `${path} has more than ${MAX_BYTES} bytes`);
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

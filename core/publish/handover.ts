import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { isDigest, type Digest } from '#core/digest/sha256.ts';
import { AssayError, systemCode } from '#core/error.ts';
import { writeFileAtomically } from '#core/oci/atomic-file.ts';
import { readFailure, writeFailure } from '#core/oci/file-failure.ts';

/**
 * `sealed.json` in the output directory: written last by the collector. Whoever signs waits for it; the directory then holds
 * `summary-bundle/`, `oci/` and `pointer.yaml`, unsigned and final.
 */
export interface SealedHandover {
  readonly schemaVersion: '1.0.0';
  readonly runId: string;
  readonly recipe: string;
  /** Digest of the artifact that the bundle packs to. */
  readonly digest: Digest;
  readonly sealedAt: string;
}

/** `delivery.json` in the output directory: written by whoever signs and pushes, at each change, whole. */
export interface DeliveryReport {
  readonly schemaVersion: '1.0.0';
  readonly runId: string;
  /** `pending`: a service was out or there is no identity; the work goes on, or `final` says that it does not. */
  readonly state: 'pending' | 'signed' | 'published';
  /** True when nothing more will be tried. */
  readonly final: boolean;
  readonly signer?: { readonly identity: string; readonly issuer: string };
  readonly oci?: string;
  readonly digest: Digest;
  /** Text of the pointer file. */
  readonly pointer?: string;
  /** `CODE: message` of the last failure. */
  readonly reason?: string;
  readonly hint?: string;
}

/**
 * `ended.json` in the output directory: written by a collector that ends without a seal, so that nobody waits for one. The
 * next collector there removes it.
 */
export interface EndedHandover {
  readonly schemaVersion: '1.0.0';
  readonly runId: string;
  /** `CODE: message`. */
  readonly reason: string;
}

/** Names of the files. */
export const HANDOVER_FILE = { sealed: 'sealed.json', ended: 'ended.json', delivery: 'delivery.json' } as const;

/** A pointer is at most 1 MiB; the rest of a report is short. */
const MAX_BYTES = 2 << 20;

/** Says that the directory is complete. @throws DISK_FULL, OUTPUT_UNWRITABLE */
export async function writeSealed(directory: string, sealed: SealedHandover): Promise<void> {
  await writeDocument(join(directory, HANDOVER_FILE.sealed), sealed);
}

/** Says that no seal will come. @throws DISK_FULL, OUTPUT_UNWRITABLE */
export async function writeEnded(directory: string, ended: EndedHandover): Promise<void> {
  await writeDocument(join(directory, HANDOVER_FILE.ended), ended);
}

/**
 * Removes what an earlier run handed over; a collector does it before anything else.
 * @param runId what this run handed over before it was started again stays
 * @throws OUTPUT_UNWRITABLE, FILE_UNREADABLE
 */
export async function clearHandover(directory: string, runId: string): Promise<void> {
  await removeFile(join(directory, HANDOVER_FILE.ended));
  const [sealed, delivery] = [await readSealed(directory), await readDelivery(directory)];
  if (sealed !== undefined && sealed.runId !== runId) await removeFile(join(directory, HANDOVER_FILE.sealed));
  if (delivery !== undefined && delivery.runId !== runId) await removeFile(join(directory, HANDOVER_FILE.delivery));
}

/** Says how far signing and pushing are. @throws DISK_FULL, OUTPUT_UNWRITABLE */
export async function writeDelivery(directory: string, delivery: DeliveryReport): Promise<void> {
  await writeDocument(join(directory, HANDOVER_FILE.delivery), delivery);
}

/**
 * What the collector handed over.
 * @returns undefined while there is no `sealed.json`
 * @throws FILE_UNREADABLE, FILE_TOO_LARGE, JSON_INVALID
 */
export async function readSealed(directory: string): Promise<SealedHandover | undefined> {
  const path = join(directory, HANDOVER_FILE.sealed);
  const value: Partial<SealedHandover> | undefined = await readDocument(path);
  if (value === undefined) return undefined;
  const { schemaVersion, runId, recipe, sealedAt, digest } = value;
  if (schemaVersion === '1.0.0' && [runId, recipe, sealedAt].every(isText) && isDigest(digest)) return value as SealedHandover;
  throw notOurs(path, 'a handover');
}

/**
 * Why no seal will come.
 * @returns undefined while there is no `ended.json`
 * @throws FILE_UNREADABLE, FILE_TOO_LARGE, JSON_INVALID
 */
export async function readEnded(directory: string): Promise<EndedHandover | undefined> {
  const path = join(directory, HANDOVER_FILE.ended);
  const value: Partial<EndedHandover> | undefined = await readDocument(path);
  if (value === undefined) return undefined;
  if (value.schemaVersion === '1.0.0' && isText(value.runId) && isText(value.reason)) return value as EndedHandover;
  throw notOurs(path, 'the end of a run');
}

/**
 * How far signing and pushing are.
 * @returns undefined while there is no `delivery.json`
 * @throws FILE_UNREADABLE, FILE_TOO_LARGE, JSON_INVALID
 */
export async function readDelivery(directory: string): Promise<DeliveryReport | undefined> {
  const path = join(directory, HANDOVER_FILE.delivery);
  const value: Partial<DeliveryReport> | undefined = await readDocument(path);
  if (value === undefined) return undefined;
  if (isReport(value)) return value;
  throw notOurs(path, 'a delivery report');
}

const DELIVERY_STATES: readonly unknown[] = ['pending', 'signed', 'published'];

function isReport(value: Partial<DeliveryReport>): value is DeliveryReport {
  const { schemaVersion, runId, state, final, digest, signer, oci, pointer, reason, hint } = value;
  const isKnown = schemaVersion === '1.0.0' && DELIVERY_STATES.includes(state) && typeof final === 'boolean' && isDigest(digest);
  const isSigner = signer === undefined || (isText(signer?.identity) && isText(signer.issuer));
  return isKnown && isText(runId) && isSigner && [oci, pointer, reason, hint].every((text) => text === undefined || isText(text));
}

async function writeDocument(path: string, value: unknown): Promise<void> {
  await writeFileAtomically(path, [Buffer.from(`${JSON.stringify(value, null, 2)}\n`)]);
}

async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true }).catch((cause: unknown) => {
    throw writeFailure(path, cause);
  });
}

async function readDocument(path: string): Promise<object | undefined> {
  const bytes = await readBounded(path);
  if (bytes === undefined) return undefined;
  const value = parseStrictJson(bytes, path);
  if (typeof value === 'object' && value !== null) return value;
  throw notOurs(path, 'a document of ours');
}

async function readBounded(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path);
    if (size <= MAX_BYTES) return await readFile(path);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw readFailure(path, cause);
  }
  throw new AssayError('FILE_TOO_LARGE', `${path} has more than ${MAX_BYTES} bytes`, { hint: 'It is no file of Assay: remove it.' });
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function notOurs(path: string, what: string): AssayError {
  return new AssayError('FILE_UNREADABLE', `${path} is not ${what} that this version can read`, {
    hint: 'Use the same version of Assay for collector and signer, and an output directory of their own.',
  });
}

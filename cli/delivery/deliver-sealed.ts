import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BUNDLE_DIRECTORY } from '#core/attestation/media-type.ts';
import type { PointerSigner } from '#core/attestation/pointer.ts';
import { AssayError, errorText, isAssayError, type ExitCode } from '#core/error.ts';
import { pause } from '#core/http/retry.ts';
import type { RegistryOptions } from '#core/oci/registry/credential.ts';
import { readDelivery, writeDelivery, type DeliveryReport, type SealedHandover } from '#core/publish/handover.ts';
import { loadDirectory } from '#core/publish/loaded-bundle.ts';
import { POINTER_FILE } from '#core/publish/publish-bundle.ts';
import type { KeylessChoice } from '#core/sign/keyless-route.ts';
import { awaitSealed, type SealWait } from './await-sealed.ts';
import { pushSeal, signSeal } from './delivery-step.ts';
import { failureKind, innermost } from './delivery-failure.ts';

/** A sealed run that is to be signed and pushed, as soon as it is there. */
export interface SealedDelivery extends SealWait {
  readonly identity: KeylessChoice;
  /** Registry reference or layout; nothing is pushed when absent. */
  readonly push?: string;
  readonly registry: RegistryOptions;
  /** How long outages are sat out. */
  readonly retryMs: number;
}

/** How a delivery ended. */
export interface Delivered {
  readonly report: DeliveryReport;
  readonly exit: ExitCode;
}

/** Directory of the OCI layout below the output directory. */
const LAYOUT_DIRECTORY = 'oci';
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;

/** What is done so far, and what stands in the way. */
interface Progress {
  readonly signer?: PointerSigner;
  readonly oci?: string;
  /** What was pushed carries the signature. */
  readonly isPushed: boolean;
  readonly signFailure?: AssayError;
  readonly pushFailure?: AssayError;
}

/**
 * Waits for the seal, signs, pushes. Outages are retried, each time with the token as it is then; an unsigned artifact is
 * pushed as soon as signing fails, so that it is safe, and gets its signature later. `delivery.json` tells of each change.
 * Killed at any moment and started again, it goes on where it was.
 * @throws what waiting throws; what no delivery goes on after, told in `delivery.json` too; the reason of the signal
 */
export async function deliverSealed(delivery: SealedDelivery): Promise<Delivered> {
  const { directory, note } = delivery;
  note(`waiting for the seal in ${directory}`);
  const sealed = await awaitSealed(delivery);
  note(`sealed: ${sealed.runId}, ${sealed.digest}`);
  const earlier = await readDelivery(directory);
  if (earlier?.runId === sealed.runId && earlier.digest === sealed.digest && earlier.final && earlier.state === 'published')
    return { report: earlier, exit: 0 };
  try {
    await checkSealed(delivery, sealed);
    return await tryUntilDone(delivery, sealed);
  } catch (error) {
    if (!delivery.signal.aborted) await writeDelivery(directory, brokenReport(sealed, error));
    throw error;
  }
}

/** What is signed is what the collector sealed, and nothing that took its place. */
async function checkSealed({ directory }: SealedDelivery, { digest }: SealedHandover): Promise<void> {
  const { artifact } = await loadDirectory(join(directory, BUNDLE_DIRECTORY));
  if (artifact.descriptor.digest === digest) return;
  throw new AssayError('BUNDLE_INVALID', `the bundle in ${directory} packs to ${artifact.descriptor.digest}, sealed was ${digest}`, {
    hint: 'Something changed the bundle after the seal, or programs of two versions are at work: nothing was signed.',
  });
}

async function tryUntilDone(delivery: SealedDelivery, sealed: SealedHandover): Promise<Delivered> {
  const endsAt = performance.now() + delivery.retryMs;
  let progress: Progress = { isPushed: false };
  for (let attempt = 0; ; attempt++) {
    progress = await step({ delivery, sealed, progress, isFinal: false });
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS);
    const outage = outages(progress)[0];
    const isFinal = outage === undefined || performance.now() + delayMs > endsAt;
    const report = await reportOf({ delivery, sealed, progress, isFinal });
    await writeDelivery(delivery.directory, report);
    if (isFinal) return { report, exit: exitOf(progress) };
    const left = Math.ceil((endsAt - performance.now()) / 60_000);
    delivery.note(`${outage?.code}: ${outage?.message}; trying again in ${delayMs / 1000} s, for another ${left} min`);
    await pause(delayMs, delivery.signal);
  }
}

/** One attempt at everything that is not done and was not refused; what is signed is told before it is pushed. */
async function step(standing: Standing): Promise<Progress> {
  const { delivery, progress: before } = standing;
  const signed = await trySign(delivery, before);
  if (signed.signer !== before.signer && delivery.push !== undefined)
    await writeDelivery(delivery.directory, await reportOf({ ...standing, progress: signed }));
  const progress = await tryPush(delivery, signed);
  delivery.signal.throwIfAborted();
  return progress;
}

async function trySign(delivery: SealedDelivery, before: Progress): Promise<Progress> {
  const { signFailure: earlier, ...progress } = before;
  if (progress.signer !== undefined || !mayWork(earlier)) return before;
  const { directory, identity, signal, note } = delivery;
  try {
    const place = { bundle: join(directory, BUNDLE_DIRECTORY), layout: resolve(directory, LAYOUT_DIRECTORY) };
    const { signer } = await signSeal(place, { ...identity, signal });
    note(`signed as ${signer.identity} (issuer ${signer.issuer})`);
    return { ...progress, signer };
  } catch (error) {
    return { ...progress, signFailure: expected(error) };
  }
}

async function tryPush(delivery: SealedDelivery, before: Progress): Promise<Progress> {
  const { pushFailure: earlier, ...progress } = before;
  const isDone = progress.isPushed || (progress.oci !== undefined && progress.signer === undefined);
  if (delivery.push === undefined || isDone || !mayWork(earlier)) return before;
  const { directory, push, registry, signal, note } = delivery;
  try {
    const { reference, digest } = await pushSeal(join(directory, BUNDLE_DIRECTORY), push, { ...registry, signal });
    note(`${progress.signer === undefined ? 'pushed unsigned' : 'published'}: ${reference}@${digest}`);
    return { ...progress, oci: reference, isPushed: progress.signer !== undefined };
  } catch (error) {
    return { ...progress, pushFailure: expected(error) };
  }
}

function mayWork(failure: AssayError | undefined): boolean {
  return failure === undefined || failureKind(failure) === 'outage';
}

/** @throws what no delivery goes on after */
function expected(error: unknown): AssayError {
  if (!isAssayError(error) || failureKind(error) === undefined) throw error;
  return innermost(error);
}

function failures({ signFailure, pushFailure }: Progress): readonly AssayError[] {
  return [signFailure, pushFailure].filter((failure) => failure !== undefined);
}

function outages(progress: Progress): readonly AssayError[] {
  return failures(progress).filter((failure) => failureKind(failure) === 'outage');
}

/** What may still work outranks what was refused: whoever starts this again should do so. */
function exitOf(progress: Progress): ExitCode {
  if (outages(progress).length > 0) return 3;
  const kinds = failures(progress).map(failureKind);
  if (kinds.includes('refused')) return 2;
  return kinds.includes('no-identity') ? 1 : 0;
}

interface Standing {
  readonly delivery: SealedDelivery;
  readonly sealed: SealedHandover;
  readonly progress: Progress;
  readonly isFinal: boolean;
}

async function reportOf({ delivery, sealed, progress, isFinal }: Standing): Promise<DeliveryReport> {
  const { signer, oci, isPushed } = progress;
  // An outage says what is waited for; of what is final, a refusal says more than that there is no identity.
  const failure = outages(progress)[0] ?? failures(progress).findLast(() => true);
  const pointer = await pointerText(delivery.directory);
  return {
    schemaVersion: '1.0.0',
    runId: sealed.runId,
    state: signer === undefined ? 'pending' : isPushed ? 'published' : 'signed',
    final: isFinal,
    digest: sealed.digest,
    ...(signer === undefined ? {} : { signer }),
    ...(oci === undefined ? {} : { oci }),
    ...(pointer === undefined ? {} : { pointer }),
    ...(failure === undefined ? {} : { reason: `${failure.code}: ${failure.message}`, hint: hintOf(failure, progress) }),
  };
}

function hintOf({ hint = 'See docs/guide/signing.md.' }: AssayError, { signer, oci }: Progress): string {
  return signer === undefined && oci !== undefined ? `${hint} Anybody may sign it where it is: assay sign ${oci}` : hint;
}

function brokenReport({ runId, digest }: SealedHandover, error: unknown): DeliveryReport {
  const reason = isAssayError(error) ? `${error.code}: ${error.message}` : `BUG: ${errorText(error)}`;
  const hint = isAssayError(error) && error.hint !== undefined ? { hint: error.hint } : {};
  return { schemaVersion: '1.0.0', runId, state: 'pending', final: true, digest, reason, ...hint };
}

async function pointerText(directory: string): Promise<string | undefined> {
  return readFile(join(directory, POINTER_FILE), 'utf8').catch(() => undefined);
}

import { watch } from 'node:fs';
import { dirname } from 'node:path';
import { AssayError } from '#core/error.ts';
import { pause } from '#core/http/retry.ts';
import { isDirectoryLocked } from '#core/lock/directory-lock.ts';
import { shown } from '#core/verify/foreign-text.ts';
import { HANDOVER_FILE, readEnded, readSealed, type SealedHandover } from '#core/publish/handover.ts';

/** What is waited for. */
export interface SealWait {
  /** Output directory of the collector; need not exist yet. */
  readonly directory: string;
  readonly waitMs: number;
  /** Only the seal of this run. */
  readonly runId?: string;
  /** State directory of the collector: when its lock goes away without a seal, no seal will come. */
  readonly stateDir?: string;
  /** Told on the way, one line each. */
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
}

/** The watch tells at once; this often it is looked anyway: a watch of some file systems never tells anything. */
const POLL_MS = 2_000;

/**
 * Waits until the collector has written `sealed.json`.
 * @throws TIMEOUT; PROGRAM_FAILED when the collector is gone; FILE_UNREADABLE, JSON_INVALID; the reason of the signal
 */
export async function awaitSealed(wait: SealWait): Promise<SealedHandover> {
  const { directory, runId, stateDir, note, signal } = wait;
  const endsAt = performance.now() + wait.waitMs;
  let wasAtWork = false;
  for (;;) {
    signal.throwIfAborted();
    const change = watchOnce(directory, signal);
    try {
      const isAtWork = stateDir !== undefined && (await isDirectoryLocked(stateDir));
      const sealed = await readSealed(directory);
      if (sealed !== undefined && (runId === undefined || sealed.runId === runId)) return sealed;
      const ended = await readEnded(directory);
      if (ended !== undefined && (runId === undefined || ended.runId === runId)) throw collectorGone(ended.reason);
      if (wasAtWork && !isAtWork) throw collectorGone();
      if (isAtWork && !wasAtWork) note('the collector is at work');
      wasAtWork = isAtWork;
      const leftMs = endsAt - performance.now();
      if (leftMs <= 0) throw noSeal(wait);
      await Promise.race([change.happened, pause(Math.min(leftMs, POLL_MS), change.signal)]);
    } finally {
      change.stop();
    }
  }
}

interface Change {
  readonly happened: Promise<void>;
  /** Ends with the watch. */
  readonly signal: AbortSignal;
  readonly stop: () => void;
}

/** The next change in a directory, or in the one above while it is not there; never happens where nothing can be watched. */
function watchOnce(directory: string, signal: AbortSignal): Change {
  const { promise, resolve } = Promise.withResolvers<void>();
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  for (const path of [directory, dirname(directory)]) {
    try {
      watch(path, { signal: either }, () => resolve()).on('error', () => undefined);
      break;
    } catch {
      // It is not there yet, or the computer has no watches left: looking now and then does it.
    }
  }
  return { happened: promise, signal: either, stop: () => over.abort() };
}

function collectorGone(reason = 'it was ended from outside'): AssayError {
  return new AssayError('PROGRAM_FAILED', `the collector ended without a seal, there is nothing to sign: ${shown(reason, 600)}`, {
    hint: 'Its own log says why; in a cluster: assay logs',
  });
}

function noSeal({ directory, waitMs, runId }: SealWait): AssayError {
  const of = runId === undefined ? '' : ` of ${runId}`;
  return new AssayError('TIMEOUT', `no ${HANDOVER_FILE.sealed}${of} came to ${directory} within ${Math.round(waitMs / 1000)} s`, {
    hint: 'Check the collector, or wait longer with --wait.',
  });
}

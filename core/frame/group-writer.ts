import type { FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { AssayError, errorText, isAssayError, systemCode } from '../error.ts';

/** Bytes of one write: bounds the copy that a group makes. */
const GROUP_LIMIT = 8 * 1024 * 1024;
const RETRY_MS = 250;
/** No space, quota used up, file size limit of the process. */
const NO_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Gets told when a full disk stops and later releases the writing. */
export interface StallWatch {
  readonly onStall?: (message: string) => void;
  readonly onResume?: () => void;
}

type MakeFrame = (durableBytes: number) => Buffer;

interface Waiting {
  readonly makeFrame: MakeFrame;
  readonly size: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Writes frames to the end of a file: everything that waits goes out in one write and one fsync. */
export class GroupWriter {
  readonly #handle: FileHandle;
  readonly #watch: StallWatch;
  readonly #closing = new AbortController();
  #queue: Waiting[] = [];
  #durableBytes: number;
  #pendingBytes = 0;
  #draining: Promise<void> | undefined;
  #failure: AssayError | undefined;

  constructor(handle: FileHandle, durableBytes: number, watch: StallWatch) {
    this.#handle = handle;
    this.#durableBytes = durableBytes;
    this.#watch = watch;
  }

  get durableBytes(): number {
    return this.#durableBytes;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * Queues a frame; resolves when it is on stable storage.
   * @param size bytes that the frame stands for in {@link pendingBytes}
   * @throws STORAGE_FAILED, DISK_FULL
   */
  write(size: number, makeFrame: MakeFrame): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#queue.push({ makeFrame, size, resolve, reject });
    this.#pendingBytes += size;
    this.#draining ??= this.#drain();
    return promise;
  }

  /** Ends the writing: waits for what is queued, or gives it up when the disk is full. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#draining;
    this.#failure ??= new AssayError('STORAGE_FAILED', 'the file is closed');
  }

  async #drain(): Promise<void> {
    // Lets every append of this turn of the event loop join the group.
    await Promise.resolve();
    let group: readonly Waiting[] = [];
    try {
      while (this.#queue.length > 0) {
        const taken = this.#takeGroup();
        group = taken.waiting;
        await this.#writeUntilDurable(taken.bytes);
        this.#durableBytes += taken.bytes.length;
        for (const { resolve, size } of group) {
          this.#pendingBytes -= size;
          resolve();
        }
      }
    } catch (error) {
      this.#fail(error, group);
    } finally {
      this.#draining = undefined;
    }
  }

  #takeGroup(): { waiting: readonly Waiting[]; bytes: Buffer } {
    const frames: Buffer[] = [];
    let size = 0;
    let count = 0;
    for (; count < this.#queue.length && size < GROUP_LIMIT; count += 1) {
      const frame = (this.#queue[count] as Waiting).makeFrame(this.#durableBytes);
      size += frame.length;
      frames.push(frame);
    }
    return { waiting: this.#queue.splice(0, count), bytes: Buffer.concat(frames, size) };
  }

  async #writeUntilDurable(bytes: Buffer): Promise<void> {
    for (let stalled = false; ; stalled = true) {
      const error = await this.#tryWrite(bytes);
      if (error === undefined) {
        if (stalled) this.#watch.onResume?.();
        return;
      }
      const full = new AssayError('DISK_FULL', `no space for ${String(bytes.length)} bytes of records: ${errorText(error)}`, {
        cause: error,
        hint: 'Free space on this volume; writing goes on by itself.',
      });
      if (!stalled) this.#watch.onStall?.(full.message);
      if (this.#closing.signal.aborted) throw full;
      await delay(RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  /** One attempt. A failed one leaves no half group behind. @returns the error when there is no space */
  async #tryWrite(bytes: Buffer): Promise<unknown> {
    try {
      await this.#writeAll(bytes);
      await this.#handle.datasync();
      return undefined;
    } catch (cause) {
      if (!NO_SPACE.has(systemCode(cause) ?? '')) throw storageFailed(cause);
      await this.#handle.truncate(this.#durableBytes);
      return cause;
    }
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#durableBytes + done);
      done += bytesWritten;
    }
  }

  /** After a failed fsync nobody knows what the disk holds: nothing more is written, everything that waits fails. */
  #fail(error: unknown, group: readonly Waiting[]): void {
    const failure = isAssayError(error) ? error : storageFailed(error);
    this.#failure = failure;
    for (const { reject } of [...group, ...this.#queue]) reject(failure);
    this.#queue = [];
    this.#pendingBytes = 0;
  }
}

function storageFailed(cause: unknown): AssayError {
  return new AssayError('STORAGE_FAILED', `writing records failed: ${errorText(cause)}`, {
    cause,
    hint: 'The storage is not reliable; records that were confirmed before are kept.',
  });
}

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { finishSha256, type Digest } from '#core/digest/sha256.ts';
import { FrameFile } from '#core/frame/frame-file.ts';
import type { StallWatch } from '#core/frame/group-writer.ts';
import { lockDirectory, type Unlock } from '#core/lock/directory-lock.ts';
import { decodeEntry, encodeEntry, type LedgerEntry, type RunEntry } from './entry.ts';
import { RunReplay } from './replay.ts';
import { SealedIndex, type SealedSource } from './sealed-run.ts';

/** What a ledger needs to be opened. */
export interface LedgerOptions extends StallWatch {
  readonly directory: string;
  /** Makes the header of a new run; not called when the directory holds one. */
  readonly newRun: () => RunEntry | Promise<RunEntry>;
  readonly nowMs: () => number;
}

/** A ledger that is open, and the run it held when it was opened. */
export interface OpenedLedger {
  readonly ledger: Ledger;
  readonly run: RunEntry;
  readonly replay: RunReplay;
}

/** The durable, append-only log of one run: `ledger` in the state directory. */
export class Ledger {
  readonly #path: string;
  readonly #file: FrameFile;
  readonly #unlock: Unlock;

  private constructor(path: string, file: FrameFile, unlock: Unlock) {
    this.#path = path;
    this.#file = file;
    this.#unlock = unlock;
  }

  /**
   * Opens the ledger of a directory: goes on with the run it holds, or begins a new one.
   * @throws LEDGER_LOCKED, LEDGER_CORRUPT, STORAGE_FAILED
   */
  static async open(options: LedgerOptions): Promise<OpenedLedger> {
    const unlock = await lockDirectory(options.directory);
    let file: FrameFile | undefined;
    try {
      const path = join(options.directory, 'ledger');
      const replay = new RunReplay();
      const visit = (payload: Buffer): void => replay.add(decodeEntry(payload));
      file = await FrameFile.open({ ...options, path, corruptCode: 'LEDGER_CORRUPT', visit });
      const ledger = new Ledger(path, file, unlock);
      return { ledger, replay, run: await ledger.#begin(replay, options) };
    } catch (error) {
      await file?.close();
      await unlock();
      throw error;
    }
  }

  /** Bytes that wait for stable storage. */
  get pendingBytes(): number {
    return this.#file.pendingBytes;
  }

  /** Appends an entry; resolves when it is on stable storage. @throws STORAGE_FAILED, DISK_FULL */
  append(entry: LedgerEntry): Promise<void> {
    return this.#file.append(encodeEntry(entry));
  }

  /** The sealed run, to be read node by node while the ledger is open. @throws LEDGER_CORRUPT when it is not sealed */
  async openSealed(): Promise<SealedSource> {
    const index = new SealedIndex();
    await this.#file.read((payload, at) => index.add(decodeEntry(payload), { at, length: payload.length }));
    return index.toSource(({ at, length }) => this.#file.readAt(at, length));
  }

  /** Digest of the file. */
  async digest(): Promise<Digest> {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(this.#path)) hash.update(chunk as Buffer);
    return finishSha256(hash);
  }

  /** Waits for what was appended, closes the file and releases the directory. */
  async close(): Promise<void> {
    await this.#file.close();
    await this.#unlock();
  }

  async #begin(replay: RunReplay, options: LedgerOptions): Promise<RunEntry> {
    if (replay.run === undefined) {
      const run = await options.newRun();
      replay.add(run);
      await this.append(run);
      return run;
    }
    if (replay.seal === undefined) {
      const entry = { kind: 'reopened', atMs: options.nowMs() } as const;
      replay.add(entry);
      await this.append(entry);
    }
    return replay.run;
  }
}

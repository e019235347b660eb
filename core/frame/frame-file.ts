import { randomBytes } from 'node:crypto';
import { open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AssayError, errorText, systemCode, type ErrorCode } from '../error.ts';
import { FRAME_PAYLOAD_LIMIT, encodeFrame } from './frame.ts';
import { GroupWriter, type StallWatch } from './group-writer.ts';
import { scanFrames, type ScanEnd } from './scan-file.ts';

const FILE_MAGIC = Buffer.from('ASSAYFR1');
const SEED_AT = FILE_MAGIC.length;
const FILE_HEADER = FILE_MAGIC.length + 4;

/** How to open an append-only file. */
export interface FrameFileOptions extends StallWatch {
  readonly path: string;
  /** Error code for damage that is not just a torn end. */
  readonly corruptCode: Extract<ErrorCode, 'LEDGER_CORRUPT' | 'JOURNAL_CORRUPT'>;
  /** Gets every payload that the file holds, in order; the buffer is valid only during the call. */
  readonly visit: (payload: Buffer) => void;
  /** Opens the file for reading and writing; tests put a failing disk here. */
  readonly openFile?: (path: string) => Promise<FileHandle>;
}

/**
 * An append-only file of checksummed frames: what `append` resolved for is on stable storage, and a crash at any byte
 * costs at most what was not resolved. Appends that wait at the same time share one write and one fsync.
 */
export class FrameFile {
  readonly #handle: FileHandle;
  readonly #writer: GroupWriter;
  readonly #seed: number;
  #scratch = Buffer.alloc(0);

  private constructor(handle: FileHandle, writer: GroupWriter, seed: number) {
    this.#handle = handle;
    this.#writer = writer;
    this.#seed = seed;
  }

  /**
   * Opens or creates the file, hands every stored payload to `visit` and cuts off a torn end.
   * @throws LEDGER_CORRUPT, JOURNAL_CORRUPT when records that were durable are damaged
   * @throws STORAGE_FAILED when the file cannot be read or created
   */
  static async open(options: FrameFileOptions): Promise<FrameFile> {
    const handle = await openOrCreate(options);
    try {
      const { size } = await handle.stat();
      const seed = await readSeed(handle, options);
      const end = await scanFrames(handle, { from: FILE_HEADER, size, seed }, options.visit);
      await repair(handle, end, options);
      return new FrameFile(handle, new GroupWriter(handle, end.validBytes, options), seed);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Length of the file that is on stable storage. */
  get durableBytes(): number {
    return this.#writer.durableBytes;
  }

  /** Bytes that wait for stable storage. */
  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  /**
   * Appends a payload; resolves when it is on stable storage. While the disk is full it waits (see {@link StallWatch}).
   * @throws STORAGE_FAILED, and DISK_FULL when the file is closed while the disk is full
   */
  append(payload: Uint8Array): Promise<void> {
    if (payload.length > FRAME_PAYLOAD_LIMIT)
      throw new AssayError('BUG', `a payload of ${String(payload.length)} bytes does not fit a frame`);
    return this.#writer.write(payload.length, (durableBytes) => encodeFrame(payload, this.#seed, durableBytes));
  }

  /** Hands every payload on stable storage to `visit`, in order, with its offset in the file. */
  async read(visit: (payload: Buffer, at: number) => void): Promise<void> {
    await scanFrames(this.#handle, { from: FILE_HEADER, size: this.durableBytes, seed: this.#seed }, visit);
  }

  /**
   * Reads a payload again that {@link read} has visited; the buffer is valid until the next call.
   * @throws STORAGE_FAILED when the file became shorter since
   */
  async readAt(at: number, length: number): Promise<Buffer> {
    if (this.#scratch.length < length) this.#scratch = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.#handle.read(this.#scratch, 0, length, at);
    if (bytesRead === length) return this.#scratch.subarray(0, length);
    throw new AssayError('STORAGE_FAILED', `the file ends at byte ${String(at + bytesRead)}, which held more before`, {
      hint: 'Something else writes to the state directory: give every collector its own.',
    });
  }

  /** Waits for what was appended and closes the file; gives up what waits for a full disk. */
  async close(): Promise<void> {
    await this.#writer.close();
    await this.#handle.close();
  }
}

async function openOrCreate(options: FrameFileOptions): Promise<FileHandle> {
  const openFile = options.openFile ?? ((path: string) => open(path, 'r+'));
  try {
    return await openFile(options.path);
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw storageError(options.path, cause);
  }
  try {
    await createEmpty(options.path);
    return await openFile(options.path);
  } catch (cause) {
    throw storageError(options.path, cause);
  }
}

/** The header is complete or the file does not exist: written aside, then renamed. */
async function createEmpty(path: string): Promise<void> {
  const aside = `${path}.new`;
  const file = await open(aside, 'w', 0o600);
  try {
    await file.write(Buffer.concat([FILE_MAGIC, randomBytes(4)]));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function readSeed(handle: FileHandle, options: FrameFileOptions): Promise<number> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(FILE_HEADER), 0, FILE_HEADER, 0);
  if (bytesRead < FILE_HEADER || FILE_MAGIC.compare(buffer, 0, SEED_AT) !== 0)
    throw new AssayError(options.corruptCode, `${options.path} does not begin like a file of Assay`, {
      hint: 'Name another directory, or move this one away to start anew.',
    });
  return buffer.readUInt32BE(SEED_AT);
}

async function repair(handle: FileHandle, end: ScanEnd, options: FrameFileOptions): Promise<void> {
  if (end.damage === 'corrupt')
    throw new AssayError(options.corruptCode, `${options.path} is damaged at byte ${String(end.validBytes)}, before its end`, {
      hint: 'The storage lost data that it had confirmed. Move the directory away and start a new run; agents report again.',
      details: { path: options.path, offset: end.validBytes },
    });
  if (end.damage === 'none') return;
  await handle.truncate(end.validBytes);
  await handle.datasync();
}

function storageError(path: string, cause: unknown): AssayError {
  return new AssayError('STORAGE_FAILED', `cannot open ${path}: ${errorText(cause)}`, {
    cause,
    hint: 'Check that the directory exists and that this user may write there.',
  });
}

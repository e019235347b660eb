import type { FileHandle } from 'node:fs/promises';
import { FRAME_LIMIT, findFrame, readFrame } from './frame.ts';

/** How many bytes are read at once; at least two whole frames. */
const WINDOW = 2 * FRAME_LIMIT;

/** Where the whole frames of a file end, and what comes after them. */
export interface ScanEnd {
  /** Length of the undamaged start of the file. */
  readonly validBytes: number;
  /**
   * `none`: the file ends there. `torn`: the rest was never known to be on stable storage: a write that a crash cut off.
   * `corrupt`: a later frame proves that the damaged part once was on stable storage.
   */
  readonly damage: 'none' | 'torn' | 'corrupt';
}

/** A part of an open file. */
export interface ScanRange {
  readonly from: number;
  readonly size: number;
  readonly seed: number;
}

/**
 * Reads every whole frame in order. Holds two frames of the largest size in memory, whatever the file's length.
 * @param visit gets each payload, valid only during the call, and its offset in the file
 */
export async function scanFrames(handle: FileHandle, range: ScanRange, visit: (payload: Buffer, at: number) => void): Promise<ScanEnd> {
  let at = range.from;
  const space = windowSpace(range.size - at);
  while (at < range.size) {
    const window = await readWindow(handle, at, space.subarray(0, range.size - at));
    let offset = 0;
    for (let frame = readFrame(window, 0, range.seed); frame !== undefined; frame = readFrame(window, offset, range.seed)) {
      visit(frame.payload, at + frame.next - frame.payload.length);
      offset = frame.next;
    }
    if (offset === 0) return { validBytes: at, damage: await judgeRest(handle, at, range) };
    at += offset;
  }
  return { validBytes: at, damage: 'none' };
}

async function judgeRest(handle: FileHandle, validBytes: number, range: ScanRange): Promise<'torn' | 'corrupt'> {
  const space = windowSpace(range.size - validBytes);
  for (let at = validBytes + 1; at < range.size; at += FRAME_LIMIT) {
    const window = await readWindow(handle, at, space.subarray(0, range.size - at));
    for (let frame = findFrame(window, 0, range.seed); frame !== undefined; frame = findFrame(window, frame.next, range.seed)) {
      if (frame.durableBytes > validBytes) return 'corrupt';
    }
  }
  return 'torn';
}

/** One buffer for all windows: a fresh one each would grow the process by the size of the file. */
function windowSpace(bytes: number): Buffer {
  return Buffer.allocUnsafe(Math.max(0, Math.min(WINDOW, bytes)));
}

async function readWindow(handle: FileHandle, at: number, window: Buffer): Promise<Buffer> {
  let filled = 0;
  while (filled < window.length) {
    const { bytesRead } = await handle.read(window, filled, window.length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return window.subarray(0, filled);
}

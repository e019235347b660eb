import { crc32 } from 'node:zlib';

/** Start of every frame; what a search for frames after damage looks for. */
const MAGIC = Buffer.from('AFR1');
/** Magic, payload length, bytes known durable (48 bits), checksum. */
const HEADER_LENGTH = 18;
const LENGTH_AT = 4;
const DURABLE_AT = 8;
const CHECKSUM_AT = 14;

/** Largest payload: a websocket frame of the protocol and what the ledger adds to it. */
export const FRAME_PAYLOAD_LIMIT = 2 * 1024 * 1024;
/** Bytes that are enough to hold any whole frame. */
export const FRAME_LIMIT = HEADER_LENGTH + FRAME_PAYLOAD_LIMIT;

/** One frame read back. */
export interface Frame {
  readonly payload: Buffer;
  /** Length of the file that was on stable storage when this frame was written. */
  readonly durableBytes: number;
  /** Offset after this frame, in the buffer it was read from. */
  readonly next: number;
}

/**
 * Frames a payload for an append-only file.
 * @param seed the file's own number: frames of another file, left over in recycled blocks, do not verify
 * @param durableBytes length of the file that is known to be on stable storage now
 */
export function encodeFrame(payload: Uint8Array, seed: number, durableBytes: number): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_LENGTH + payload.length);
  MAGIC.copy(frame, 0);
  frame.writeUInt32BE(payload.length, LENGTH_AT);
  frame.writeUIntBE(durableBytes, DURABLE_AT, 6);
  frame.set(payload, HEADER_LENGTH);
  frame.writeUInt32BE(checksum(frame, seed), CHECKSUM_AT);
  return frame;
}

/** Reads the frame that starts at an offset; undefined when there is no whole, undamaged one. */
export function readFrame(buffer: Buffer, offset: number, seed: number): Frame | undefined {
  if (buffer.length - offset < HEADER_LENGTH || MAGIC.compare(buffer, offset, offset + MAGIC.length) !== 0) return undefined;
  const length = buffer.readUInt32BE(offset + LENGTH_AT);
  const next = offset + HEADER_LENGTH + length;
  if (length > FRAME_PAYLOAD_LIMIT || next > buffer.length) return undefined;
  if (buffer.readUInt32BE(offset + CHECKSUM_AT) !== checksum(buffer.subarray(offset, next), seed)) return undefined;
  const payload = buffer.subarray(offset + HEADER_LENGTH, next);
  return { payload, durableBytes: buffer.readUIntBE(offset + DURABLE_AT, 6), next };
}

/** Finds the next whole frame at or after an offset. */
export function findFrame(buffer: Buffer, offset: number, seed: number): Frame | undefined {
  for (let at = buffer.indexOf(MAGIC, offset); at !== -1; at = buffer.indexOf(MAGIC, at + 1)) {
    const frame = readFrame(buffer, at, seed);
    if (frame !== undefined) return frame;
  }
  return undefined;
}

/** Everything but the checksum itself. */
function checksum(frame: Buffer, seed: number): number {
  return crc32(frame.subarray(HEADER_LENGTH), crc32(frame.subarray(0, CHECKSUM_AT), seed));
}

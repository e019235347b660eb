import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { errorText, systemCode } from '#core/error.ts';
import type { FileRead, ReadLimit } from './host.ts';

const DEFAULT_MAX_BYTES = 1024 * 1024;
const FIRST_CHUNK_BYTES = 4096;
// A named pipe or a device in a captured tree must not block the reader for ever.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Reads a file within a byte limit.
 * @param realPath path on this machine
 * @param shownPath path as evidence shows it, without the root prefix
 */
export async function readFileBounded(realPath: string, shownPath: string, limit: ReadLimit = {}): Promise<FileRead<Uint8Array>> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(realPath, OPEN_FLAGS);
    return await readHandle(handle, shownPath, limit);
  } catch (error) {
    return notRead(error, shownPath);
  } finally {
    await handle?.close();
  }
}

/** The state and reason for a failed system call on a host path. */
export function notRead(error: unknown, shownPath: string): FileRead<never> {
  const code = systemCode(error) ?? '';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENODEV':
    case 'ENXIO':
      return { state: 'absent', reason: `${shownPath}: not there` };
    case 'EINVAL':
    case 'ENODATA':
    case 'EOPNOTSUPP':
    case 'ENOTSUP':
      return { state: 'unsupported', reason: `${shownPath}: the kernel has no value (${code})` };
    case 'EACCES':
    case 'EPERM':
      return { state: 'unreadable', reason: `${shownPath}: permission denied` };
    default:
      return { state: 'unreadable', reason: `${shownPath}: ${code === '' ? errorText(error) : code}` };
  }
}

async function readHandle(handle: FileHandle, shownPath: string, limit: ReadLimit): Promise<FileRead<Uint8Array>> {
  const maxBytes = limit.maxBytes ?? DEFAULT_MAX_BYTES;
  const stat = await handle.stat();
  const device = stat.isCharacterDevice() && limit.device === true;
  if (!stat.isFile() && !device) return { state: 'unreadable', reason: `${shownPath}: not a regular file` };
  if (stat.isFile() && limit.from === 'end') return tail(handle, stat.size, maxBytes);
  const bytes = await readUpTo(handle, { wanted: stat.size, maxBytes, device });
  if (bytes.length > maxBytes && !device) return { state: 'unreadable', reason: `${shownPath}: larger than ${maxBytes} bytes` };
  return { state: 'read', value: bytes };
}

async function tail(handle: FileHandle, sizeBytes: number, maxBytes: number): Promise<FileRead<Uint8Array>> {
  const buffer = Buffer.alloc(Math.min(sizeBytes, maxBytes));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, Math.max(0, sizeBytes - maxBytes));
  return { state: 'read', value: buffer.subarray(0, bytesRead) };
}

interface ReadPlan {
  /** Size that the file claims; 0 in /proc. */
  readonly wanted: number;
  readonly maxBytes: number;
  readonly device: boolean;
}

/** Reads until the end or one byte past the limit: that byte tells the caller that the file is too large. */
async function readUpTo(handle: FileHandle, plan: ReadPlan): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  let size = Math.min(Math.max(plan.wanted, FIRST_CHUNK_BYTES), plan.maxBytes) + 1;
  while (total <= plan.maxBytes) {
    const chunk = Buffer.allocUnsafe(plan.device ? RECORD_BYTES : Math.min(size, plan.maxBytes + 1 - total));
    const bytesRead = plan.device ? await readRecord(handle, chunk) : (await handle.read(chunk, 0, chunk.length)).bytesRead;
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
    total += bytesRead;
    size *= 2;
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

/** The kernel never hands out a longer log record (CONSOLE_EXT_LOG_MAX). */
const RECORD_BYTES = 8192;

/** One record of a log device: EPIPE means that records were overwritten meanwhile, EAGAIN that there are no more. */
async function readRecord(handle: FileHandle, chunk: Buffer): Promise<number> {
  for (;;) {
    try {
      return (await handle.read(chunk, 0, chunk.length)).bytesRead;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EAGAIN') return 0;
      if (code !== 'EPIPE') throw error;
    }
  }
}

import { open } from 'node:fs/promises';
import { AssayError, errorText, systemCode } from '#core/error.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';

/** What `parse TOOL FILE` prints. */
export interface ParseDocument {
  readonly tool: string;
  /** The typed result of the tool's parser; its shape stands beside the parser. */
  readonly value: unknown;
  readonly measurements: readonly Measurement[];
  /** Leaves of the raw file, and how many of them became typed values. */
  readonly leaves: { readonly total: number; readonly typed: number };
  /** Paths of leaves that stay untyped, at most 1000. */
  readonly unread: readonly string[];
  /** What is missing from the file. */
  readonly partial: readonly string[];
}

/**
 * Parses one captured vendor output.
 * @param tool name or alias of the catalog
 * @throws USAGE for an unknown tool; FILE_NOT_FOUND, FILE_UNREADABLE, FILE_TOO_LARGE; VENDOR_OUTPUT_INVALID, VENDOR_OUTPUT_LIMIT
 */
export async function parseCommand(tool: string | undefined, path: string | undefined): Promise<ParseDocument> {
  const { VENDOR_TOOLS } = await import('./vendor/catalog.ts');
  const { MAX_SOURCE_BYTES } = await import('./vendor/source-text.ts');
  const entry = VENDOR_TOOLS.find((candidate) => candidate.name === tool || candidate.aliases.includes(tool ?? ''));
  if (entry === undefined || path === undefined) {
    const hint = `Usage: parse TOOL FILE, with TOOL one of ${VENDOR_TOOLS.map((candidate) => candidate.name).join(', ')}.`;
    throw new AssayError('USAGE', entry === undefined ? `unknown tool "${tool ?? ''}"` : 'no file to parse', { hint });
  }
  const { value, measurements, leaves, unread, partial } = entry.parse(await readBounded(path, MAX_SOURCE_BYTES));
  return { tool: entry.name, value, measurements, leaves, unread, partial };
}

/** Reads a file of at most `limitBytes`; a longer one is refused, not cut. */
async function readBounded(path: string, limitBytes: number): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of file.createReadStream({ end: limitBytes, autoClose: false })) chunks.push(chunk as Buffer);
      const bytes = Buffer.concat(chunks);
      if (bytes.length > limitBytes)
        throw new AssayError('FILE_TOO_LARGE', `${path} has more than ${limitBytes} bytes`, { hint: 'No vendor tool prints this much.' });
      return bytes;
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof AssayError) throw cause;
    if (systemCode(cause) === 'ENOENT')
      throw new AssayError('FILE_NOT_FOUND', `${path} does not exist`, { cause, hint: 'Check the path.' });
    throw new AssayError('FILE_UNREADABLE', `${path} cannot be read: ${errorText(cause)}`, {
      cause,
      hint: 'Check that it is a file you may read.',
    });
  }
}

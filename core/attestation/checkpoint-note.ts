import { AssayError } from '#core/error.ts';
import { decodeStrictBase64 } from './strict-base64.ts';

/** What a transparency log's checkpoint states. */
export interface Checkpoint {
  readonly origin: string;
  readonly treeSize: string;
  /** Canonical base64 of 32 bytes. */
  readonly rootHash: string;
}

const NOTE = /^([^\n]+)\n(0|[1-9]\d{0,18})\n([^\n]+)\n((?:[^\n]+\n)*)\n((?:\u2014 [^\s+]+ [A-Za-z0-9+/=]+\n)+)$/;
const HASH_BYTES = 32;

/**
 * Reads a signed checkpoint in its one exact spelling: no text that a lenient reader would skip.
 * The signatures themselves are checked elsewhere, against a trusted root.
 * @throws SIGSTORE_BUNDLE_INVALID
 * @source C2SP tlog-checkpoint and signed-note
 */
export function parseCheckpoint(envelope: string): Checkpoint {
  const match = NOTE.exec(envelope);
  if (match === null) throw new AssayError('SIGSTORE_BUNDLE_INVALID', 'the log checkpoint is not a signed note');
  const [, origin = '', treeSize = '', rootHash = '', , signatures = ''] = match;
  const encoded = signatures
    .split('\n')
    .slice(0, -1)
    .map((line) => line.slice(line.lastIndexOf(' ') + 1));
  if (decodeStrictBase64(rootHash)?.length !== HASH_BYTES || encoded.some((signature) => decodeStrictBase64(signature) === undefined))
    throw new AssayError('SIGSTORE_BUNDLE_INVALID', 'the log checkpoint holds base64 that is not canonical');
  return { origin, treeSize, rootHash };
}

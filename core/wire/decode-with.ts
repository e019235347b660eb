import { AssayError, errorText } from '../error.ts';

interface Decoder<T> {
  decode(bytes: Uint8Array): T;
}

/** Runs generated decoding code; whatever it throws on bad bytes becomes one code. @throws WIRE_MALFORMED */
export function decodeWith<T>(type: Decoder<T>, bytes: Uint8Array, what: string): T {
  try {
    return type.decode(bytes);
  } catch (cause) {
    throw new AssayError('WIRE_MALFORMED', `${what} of ${String(bytes.length)} bytes cannot be decoded: ${errorText(cause)}`, { cause });
  }
}

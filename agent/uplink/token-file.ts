import { readFile } from 'node:fs/promises';
import { AssayError, errorText } from '#core/error.ts';
import { WIRE_LIMITS } from '#core/wire/limits.ts';

/** Reads the credential. @throws UPLINK_REFUSED when it cannot be read now: a projected token may come late */
export async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new AssayError('UPLINK_REFUSED', `the token file cannot be read: ${errorText(cause)}`, { cause, hint: 'Check --token-file.' });
  }
}

/** What to watch. */
export interface TokenWatch {
  readonly path: string;
  /** The token that the collector knows. */
  readonly known: string;
  readonly everyMs: number;
  /** Gets each new token once. */
  readonly onNew: (token: string) => void;
}

/**
 * Looks at the token file every so often: kubelet replaces a token at four fifths of its life. File notifications would miss
 * the links that it turns around.
 * @returns ends the watch
 */
export function watchToken({ path, known, everyMs, onNew }: TokenWatch): () => void {
  let last = known;
  const look = async (): Promise<void> => {
    const token = await readToken(path);
    if (token === last || token === '' || token.length > WIRE_LIMITS.tokenLength) return;
    last = token;
    onNew(token);
  };
  // A file that cannot be read now is looked at again; the connection does not depend on it yet.
  const timer = setInterval(() => void look().catch(() => undefined), everyMs);
  return () => clearInterval(timer);
}

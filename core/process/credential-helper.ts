import { execa } from 'execa';
import { AssayError } from '#core/error.ts';
import type { HelperAnswer } from '#core/oci/registry/docker-config.ts';

const TIMEOUT_MS = 30_000;
const FORCE_KILL_DELAY_MS = 2_000;
const MAX_OUTPUT = 1 << 20;
/** What helpers print on stdout when they have nothing for the host. */
const NOT_FOUND = /credentials not found/i;

/**
 * Asks a Docker credential helper for one host.
 * @param helper name without the prefix `docker-credential-`
 * @returns undefined when the helper has no credentials for the host
 * @throws CREDENTIALS_UNREADABLE when it is missing, fails, hangs or prints something else; its output is never repeated
 * @source docker-credential-helpers, "Development": the `get` command
 */
export async function runCredentialHelper(helper: string, host: string): Promise<HelperAnswer | undefined> {
  const program = `docker-credential-${helper}`;
  const result = await execa(program, ['get'], {
    input: host,
    reject: false,
    timeout: TIMEOUT_MS,
    killDescendants: true,
    forceKillAfterDelay: FORCE_KILL_DELAY_MS,
    maxBuffer: MAX_OUTPUT,
  });
  if (result.exitCode !== 0 && NOT_FOUND.test(result.stdout)) return undefined;
  if (result.exitCode !== 0)
    throw failed(
      program,
      result.timedOut
        ? `did not answer within ${TIMEOUT_MS} ms`
        : result.code === 'ENOENT'
          ? 'is not installed'
          : `ended with status ${String(result.exitCode)}`,
    );
  return parseAnswer(program, result.stdout);
}

function parseAnswer(program: string, text: string): HelperAnswer {
  try {
    const { Username: username, Secret: secret } = JSON.parse(text) as { Username?: unknown; Secret?: unknown };
    if (typeof username === 'string' && typeof secret === 'string') return { username, secret };
  } catch {
    // the parser's message would quote a secret
  }
  throw failed(program, 'printed something that is not a credential');
}

function failed(program: string, problem: string): AssayError {
  return new AssayError('CREDENTIALS_UNREADABLE', `the credential helper ${program} ${problem}`, {
    hint: `Try: echo HOST | ${program} get`,
  });
}

import { join } from 'node:path';
import { initTUF } from '@sigstore/tuf';
import { AssayError, errorText } from '#core/error.ts';
import { writeFileAtomically } from '#core/oci/atomic-file.ts';
import { Refusal } from '../refusal.ts';
import { loadTrust, type Trust } from './load-trust.ts';
import { rootCacheDirectory } from './root-cache.ts';

const PUBLIC_MIRROR = 'https://tuf-repo-cdn.sigstore.dev';
const TARGET = 'trusted_root.json';

/** Where a trusted root is fetched from and written to. */
export interface RootUpdate {
  /** TUF repository; the public-good one by default. */
  readonly mirror?: string;
  /** First `root.json` of that repository, which everything is verified from; ships with the client for the public-good one. */
  readonly initialRoot?: string;
  /** File to write the trusted root to. */
  readonly target: string;
  readonly timeoutMs?: number;
  readonly retries?: number;
}

/**
 * Fetches a trusted root through TUF, checks every signature from the first root on, and writes it. The repository's
 * metadata is cached so that an older state is refused later; the cached root itself is never what trust begins with.
 * @throws TRUST_UPDATE_FAILED; DISK_FULL, OUTPUT_UNWRITABLE
 * @source The Update Framework specification 1.0, client workflow
 */
export async function updateRoot({
  mirror = PUBLIC_MIRROR,
  initialRoot,
  target,
  timeoutMs = 30_000,
  retries = 2,
}: RootUpdate): Promise<Trust> {
  const text = await fetchTarget({ mirror, initialRoot, timeoutMs, retries });
  const trust = await checked(text, mirror);
  await writeFileAtomically(target, [Buffer.from(text)]);
  return { ...trust, source: target, label: mirror === PUBLIC_MIRROR ? 'public' : trust.label };
}

async function fetchTarget({
  mirror,
  initialRoot,
  timeoutMs,
  retries,
}: Required<Pick<RootUpdate, 'mirror' | 'timeoutMs' | 'retries'>> & { readonly initialRoot: string | undefined }): Promise<string> {
  try {
    const client = await initTUF({
      mirrorURL: mirror,
      cachePath: join(rootCacheDirectory(), 'tuf'),
      forceInit: true,
      timeout: timeoutMs,
      retry: { retries },
      ...(initialRoot === undefined ? {} : { rootPath: initialRoot }),
    });
    return await client.getTarget(TARGET);
  } catch (cause) {
    throw failed(`${mirror} gave no trusted root: ${causes(cause)}`, cause);
  }
}

async function checked(text: string, mirror: string): Promise<Trust> {
  try {
    return await loadTrust(JSON.parse(text) as object);
  } catch (cause) {
    throw failed(
      `${mirror} gave something that is no trusted root: ${cause instanceof Refusal ? cause.finding.detail : errorText(cause)}`,
      cause,
    );
  }
}

function failed(message: string, cause: unknown): AssayError {
  return new AssayError('TRUST_UPDATE_FAILED', message, {
    cause,
    hint: 'What was trusted before stays in use. Try again, or give --trusted-root FILE to verify.',
  });
}

function causes(error: unknown): string {
  const inner = error instanceof Error && error.cause !== undefined ? ` (${errorText(error.cause)})` : '';
  return `${errorText(error)}${inner}`;
}

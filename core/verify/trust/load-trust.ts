import { readFile, stat } from 'node:fs/promises';
import { rootKind } from '#core/attestation/lab-trust.ts';
import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { errorText } from '#core/error.ts';
import { shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';
import type { TrustLabel } from '../verdict.ts';
import { readCachedRoot } from './root-cache.ts';

/** A trusted root is some kilobytes; the public one has seven. */
const MAX_ROOT_BYTES = 1 << 20;
const MEDIA_TYPES: readonly unknown[] = [
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
];
const HINT = 'Give --trusted-root FILE, or run: assay trust update';

/** A trusted root, and what a signature that it covers is worth. */
export interface Trust {
  readonly label: Exclude<TrustLabel, 'none'>;
  /** Parsed Sigstore trusted root. */
  readonly root: unknown;
  /** Where it comes from, for people. */
  readonly source: string;
}

/**
 * Loads the trusted root to verify with: the given one, else the cached public-good root, else the one that ships with
 * Assay. Never goes to the network. Roots are never merged: a union of lab and real services would accept forged names.
 * @param given path of a JSON file, or the parsed document
 * @throws Refusal TRUST_ROOT_UNAVAILABLE
 */
export async function loadTrust(given: string | object | undefined): Promise<Trust> {
  if (given === undefined) return publicTrust();
  const root = typeof given === 'string' ? await readRoot(given) : given;
  const kind = rootKind(checkRoot(root, typeof given === 'string' ? given : 'the given trusted root'));
  if (kind === 'mixed')
    throw new Refusal(
      'TRUST_ROOT_UNAVAILABLE',
      'the given trusted root mixes a lab authority with real services, so it would accept forged names',
      { hint: 'Give the lab root alone.' },
    );
  return { label: kind === 'lab' ? 'lab' : 'private', root, source: typeof given === 'string' ? given : 'given by the caller' };
}

/** The public-good root: what `trust update` fetched last, else the one that ships with this version. */
export async function publicTrust(): Promise<Trust> {
  const cached = await readCachedRoot();
  if (cached !== undefined)
    return { label: 'public', root: checkRoot(parseRoot(cached.bytes, cached.path), cached.path), source: cached.path };
  const { default: root } = await import('./public-good-root.json', { with: { type: 'json' } });
  return { label: 'public', root, source: 'shipped with this version' };
}

async function readRoot(path: string): Promise<unknown> {
  try {
    const { size } = await stat(path);
    if (size > MAX_ROOT_BYTES) throw new Error(`it has ${size} bytes, the limit is ${MAX_ROOT_BYTES}`);
    return parseRoot(await readFile(path), path);
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal('TRUST_ROOT_UNAVAILABLE', `the trusted root ${shown(path)} cannot be read: ${errorText(cause)}`, {
      cause,
      hint: HINT,
    });
  }
}

function parseRoot(bytes: Uint8Array, path: string): unknown {
  try {
    return parseStrictJson(bytes, `the trusted root ${shown(path)}`);
  } catch (cause) {
    throw new Refusal('TRUST_ROOT_UNAVAILABLE', errorText(cause), { cause, hint: HINT });
  }
}

function checkRoot(root: unknown, path: string): object {
  const mediaType = typeof root === 'object' && root !== null ? (root as { mediaType?: unknown }).mediaType : undefined;
  if (!MEDIA_TYPES.includes(mediaType))
    throw new Refusal('TRUST_ROOT_UNAVAILABLE', `${shown(path)} is no Sigstore trusted root`, { hint: HINT });
  return root as object;
}

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';
import type { InputKind } from '../verdict.ts';
import { findBundleDirectory } from './read-directory.ts';

const TARBALL = /\.(?:tar\.gz|tgz)$/i;
const POINTER = /\.ya?ml$/i;
/** How a reference to a layout directory begins. */
export const LAYOUT_SCHEME = 'oci-layout:';
/** A bare reference is recognized by its first part, as upstream does. */
const BARE_REFERENCE = /^(?:localhost|[^/]*[.:][^/]*)\//;

/** How an input is going to be read. */
export interface DetectedInput {
  readonly kind: InputKind;
  readonly target: string;
  /** True when a pointer file chose the target, not the user. */
  readonly fromFile?: true;
}

/**
 * Tells what kind of input a text names, in upstream's order, with two kinds of ours (layout, archive).
 * @throws Refusal INPUT_NOT_FOUND, INPUT_UNSUPPORTED
 * @source recipe-evidence v1, input detection of `evidence verify`
 */
export function detectInput(input: string): DetectedInput {
  if (input.startsWith(LAYOUT_SCHEME)) return { kind: 'oci-layout', target: input };
  if (input.startsWith('oci://')) return { kind: 'oci', target: input };
  if (/^https?:\/\//i.test(input))
    throw new Refusal('INPUT_UNSUPPORTED', `a URL is no input: ${shown(input)}`, {
      hint: 'Give an OCI reference, a pointer file, a directory or a .tar.gz file.',
    });
  const kind = pathKind(input);
  if (kind === 'directory') return detectDirectory(input);
  if (kind === 'file' && POINTER.test(input)) return { kind: 'pointer', target: input };
  if (kind === 'file' && TARBALL.test(input)) return { kind: 'tar', target: input };
  if (kind === 'file' || kind === 'other')
    throw new Refusal('INPUT_UNSUPPORTED', `${shown(input)} is neither a .yaml pointer, a .tar.gz archive nor a directory`);
  if (BARE_REFERENCE.test(input)) return { kind: 'oci', target: input };
  throw new Refusal('INPUT_NOT_FOUND', `${shown(input)} does not exist and is no OCI reference`, {
    hint: 'Check the path; an OCI reference begins with HOST/ or oci://.',
  });
}

function detectDirectory(path: string): DetectedInput {
  const isLayout = pathKind(join(path, 'oci-layout')) === 'file' && findBundleDirectory(path) === undefined;
  return isLayout ? { kind: 'oci-layout', target: `${LAYOUT_SCHEME}${path}` } : { kind: 'dir', target: path };
}

function pathKind(path: string): 'file' | 'directory' | 'other' | 'absent' {
  try {
    const found = statSync(path);
    if (found.isDirectory()) return 'directory';
    return found.isFile() ? 'file' : 'other';
  } catch {
    return 'absent';
  }
}

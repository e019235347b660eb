import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BUNDLE_FILE, SIZE_LIMIT } from '#core/attestation/media-type.ts';
import type { Pointer } from '#core/attestation/pointer.ts';
import { isAssayError } from '#core/error.ts';
import { shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';
import type { InputKind } from '../verdict.ts';
import type { VerifyOptions } from '../verify-options.ts';
import { bundleOf, type BundleFiles } from './bundle-files.ts';
import type { Materialized, SignatureCandidate } from './materialized.ts';
import { refusalOf } from './reader-failure.ts';
import { findBundleDirectory, readDirectory } from './read-directory.ts';

const TARBALL = /\.(?:tar\.gz|tgz)$/i;
const POINTER = /\.ya?ml$/i;
const LAYOUT_SCHEME = 'oci-layout:';
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
export async function detectInput(input: string): Promise<DetectedInput> {
  if (input.startsWith(LAYOUT_SCHEME)) return { kind: 'oci-layout', target: input };
  if (input.startsWith('oci://')) return { kind: 'oci', target: input };
  if (/^https?:\/\//i.test(input))
    throw new Refusal('INPUT_UNSUPPORTED', `a URL is no input: ${shown(input)}`, {
      hint: 'Give an OCI reference, a pointer file, a directory or a .tar.gz file.',
    });
  const kind = await pathKind(input);
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

/**
 * Reads an input into the form that every later step works on. Nothing is unpacked to disk.
 * @throws Refusal for everything an input can have wrong
 */
export async function materialize(input: DetectedInput, options: VerifyOptions): Promise<Materialized> {
  try {
    return await readInput(input, options);
  } catch (error) {
    throw isAssayError(error) ? refusalOf(error) : error;
  }
}

async function readInput({ kind, target, fromFile }: DetectedInput, options: VerifyOptions): Promise<Materialized> {
  switch (kind) {
    case 'dir':
      return fromDirectory(target, options);
    case 'tar': {
      const { readTarball } = await import('./read-archive.ts');
      return fromFiles(kind, target, bundleOf(await readTarball(target)));
    }
    case 'pointer':
      return fromPointer(target, options);
    case 'oci':
    case 'oci-layout': {
      const { openArtifact } = await import('./open-artifact.ts');
      return { kind, ...(await openArtifact({ target, chosenBy: fromFile === true ? 'file' : 'user' }, options)) };
    }
  }
}

async function fromDirectory(path: string, { upstream = false }: VerifyOptions): Promise<Materialized> {
  const root = await findBundleDirectory(path);
  if (root === undefined)
    throw new Refusal(
      'BUNDLE_INCOMPLETE',
      `neither ${shown(path)} nor its summary-bundle holds ${BUNDLE_FILE.recipe} and ${BUNDLE_FILE.manifest}`,
    );
  return fromFiles('dir', root, await readDirectory(root, { followLinks: upstream }));
}

function fromFiles(kind: InputKind, place: string, files: BundleFiles): Materialized {
  const file = files.get(BUNDLE_FILE.signature);
  const signatures: SignatureCandidate[] =
    file === undefined ? [] : [{ origin: BUNDLE_FILE.signature, load: () => Promise.resolve(requireBytes(file.bytes)) }];
  return { kind, place, files, signatures };
}

async function fromPointer(path: string, options: VerifyOptions): Promise<Materialized> {
  const { parsePointer } = await import('#core/publish/pointer-file.ts');
  const pointer: Pointer = parsePointer(await readBounded(path, SIZE_LIMIT.pointer));
  const { oci, digest } = pointer.attestations[0].bundle;
  const target = await bundleOfPointer(path, oci, options.bundle);
  const pinned =
    digest === '' || target.kind === 'dir' || target.kind === 'tar' ? target : { ...target, target: pin(target.target, digest) };
  return { ...(await readInput(pinned, options)), kind: 'pointer', pointer };
}

/**
 * Where the bundle of a pointer is: where the caller says, else the registry that the pointer names, else beside it. A pointer
 * may name nothing but a registry: a local path would let a stranger's file choose what is read here.
 */
async function bundleOfPointer(path: string, oci: string, own: string | undefined): Promise<DetectedInput> {
  if (own !== undefined) return detectInput(own);
  if (oci !== '') {
    if (oci.startsWith(LAYOUT_SCHEME))
      throw new Refusal('POINTER_INVALID', `the pointer names a local directory: ${shown(oci)}`, {
        hint: 'Say yourself where the bundle is: --bundle REF.',
      });
    return { kind: 'oci', target: oci, fromFile: true };
  }
  const beside = await findBundleDirectory(dirname(path));
  if (beside === undefined)
    throw new Refusal('POINTER_INVALID', 'the pointer names no artifact, and no bundle lies beside it', {
      hint: 'Give the bundle with --bundle REF.',
    });
  return { kind: 'dir', target: beside };
}

/** The reference with the pointer's digest; its tag is only a label then. */
function pin(reference: string, digest: string): string {
  return `${reference.replace(/@sha256:[0-9a-f]*$/, '')}@${digest}`;
}

async function detectDirectory(path: string): Promise<DetectedInput> {
  if ((await findBundleDirectory(path)) !== undefined) return { kind: 'dir', target: path };
  const { isLayoutDirectory } = await import('#core/oci/layout.ts');
  return (await isLayoutDirectory(path)) ? { kind: 'oci-layout', target: `${LAYOUT_SCHEME}${path}` } : { kind: 'dir', target: path };
}

async function readBounded(path: string, limit: number): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size > limit) throw new Refusal('LIMIT_EXCEEDED', `${shown(path)} has ${size} bytes, the limit is ${limit}`);
  return readFile(path);
}

function requireBytes(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new Refusal('SIGNATURE_MALFORMED', `the Sigstore bundle is over ${SIZE_LIMIT.sigstoreBundle >> 20} MiB`);
  return bytes;
}

async function pathKind(path: string): Promise<'file' | 'directory' | 'other' | 'absent'> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return 'directory';
    return found.isFile() ? 'file' : 'other';
  } catch {
    return 'absent';
  }
}

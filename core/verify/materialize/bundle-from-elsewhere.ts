import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SIZE_LIMIT } from '#core/attestation/media-type.ts';
import type { Pointer } from '#core/attestation/pointer.ts';
import { parsePointer } from '#core/publish/pointer-file.ts';
import { shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';
import type { VerifyOptions } from '../verify-options.ts';
import { bundleOf } from './bundle-files.ts';
import { bundleFromDirectory, bundleOfFiles } from './bundle-from-directory.ts';
import { detectInput, LAYOUT_SCHEME, type DetectedInput } from './detect-input.ts';
import type { Materialized } from './materialized.ts';
import { openArtifact } from './open-artifact.ts';
import { readTarball } from './read-archive.ts';
import { findBundleDirectory } from './read-directory.ts';

/**
 * The bundle behind an input that is not simply a directory.
 * @throws Refusal for everything such an input can have wrong; AssayError of the readers
 */
export async function bundleFromElsewhere({ kind, target, fromFile }: DetectedInput, options: VerifyOptions): Promise<Materialized> {
  switch (kind) {
    case 'dir':
      return bundleFromDirectory(target, options);
    case 'tar':
      return bundleOfFiles(kind, target, bundleOf(await readTarball(target)));
    case 'pointer':
      return bundleFromPointer(target, options);
    case 'oci':
    case 'oci-layout':
      return { kind, ...(await openArtifact({ target, chosenBy: fromFile === true ? 'file' : 'user' }, options)) };
  }
}

async function bundleFromPointer(path: string, options: VerifyOptions): Promise<Materialized> {
  const pointer: Pointer = parsePointer(await readBounded(path, SIZE_LIMIT.pointer));
  const { oci, digest } = pointer.attestations[0].bundle;
  const target = await placeOfBundle(path, oci, options.bundle);
  const isArtifact = target.kind === 'oci' || target.kind === 'oci-layout';
  const pinned = digest !== '' && isArtifact ? { ...target, target: pin(target.target, digest) } : target;
  return { ...(await bundleFromElsewhere(pinned, options)), kind: 'pointer', pointer };
}

/**
 * Where the bundle of a pointer is: where the caller says, else the registry that the pointer names, else beside it. A pointer
 * may name nothing but a registry: a local path would let a stranger's file choose what is read here.
 */
async function placeOfBundle(path: string, oci: string, own: string | undefined): Promise<DetectedInput> {
  if (own !== undefined) return notPointer(detectInput(own));
  if (oci.startsWith(LAYOUT_SCHEME))
    throw new Refusal('POINTER_INVALID', `the pointer names a local directory: ${shown(oci)}`, {
      hint: 'Say yourself where the bundle is: --bundle REF.',
    });
  if (oci !== '') return { kind: 'oci', target: oci, fromFile: true };
  const beside = findBundleDirectory(dirname(path));
  if (beside === undefined)
    throw new Refusal('POINTER_INVALID', 'the pointer names no artifact, and no bundle lies beside it', {
      hint: 'Give the bundle with --bundle REF.',
    });
  return { kind: 'dir', target: beside };
}

function notPointer(input: DetectedInput): DetectedInput {
  if (input.kind === 'pointer')
    throw new Refusal('INPUT_UNSUPPORTED', `${shown(input.target)} is a pointer, where the bundle itself is needed`);
  return input;
}

/** The reference with the pointer's digest; its tag is only a label then. */
function pin(reference: string, digest: string): string {
  return `${reference.replace(/@sha256:[0-9a-f]*$/, '')}@${digest}`;
}

async function readBounded(path: string, limit: number): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size > limit) throw new Refusal('LIMIT_EXCEEDED', `${shown(path)} has ${size} bytes, the limit is ${limit}`);
  return readFile(path);
}

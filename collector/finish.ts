import { hostname, userInfo } from 'node:os';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errorText, isAssayError, type ExitCode } from '#core/error.ts';
import type { ComposedBundle } from '#core/assemble/compose-bundle.ts';
import { artifactStatement, statementBytes } from '#core/attestation/build-statement.ts';
import { BUNDLE_DIRECTORY } from '#core/attestation/media-type.ts';
import type { PointerSigner } from '#core/attestation/pointer.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { removeTemporaries, writeFileAtomically } from '#core/oci/atomic-file.ts';
import { layoutStore } from '#core/oci/layout.ts';
import { defaultTag } from '#core/publish/default-tag.ts';
import { packBundle, type PackedArtifact } from '#core/publish/pack.ts';
import { pointerYaml } from '#core/publish/pointer-file.ts';
import { publishArtifact } from '#core/publish/publish-artifact.ts';
import { writeSignature } from '#core/publish/write-directory.ts';
import { signStatement, type SignedStatement, type SigningRoute } from '#core/sign/sign-statement.ts';
import { packageVersion } from '#core/version.ts';
import { assembleRun } from './assemble-run.ts';
import type { CollectorConfig } from './config.ts';
import type { SealedSource } from './ledger/sealed-run.ts';
import type { Emit } from './session/gathering.ts';

/** Directory of the OCI image layout below the output directory. */
const LAYOUT_DIRECTORY = 'oci';
const POINTER_FILE = 'pointer.yaml';
const TRUSTED_ROOT_FILE = 'trusted_root.json';

interface Target {
  readonly outDir: string;
  readonly bundleDir: string;
  readonly config: CollectorConfig;
  readonly emit: Emit;
}

/** A bundle that is on disk. */
export interface FinishedRun {
  /** Exit status of a run outside a cluster: 1 when the bundle is pending its signature, or when a node is missing. */
  readonly exit: ExitCode;
  readonly recipe: string;
  /** Digest of the artifact. */
  readonly digest: Digest;
}

/**
 * What happens to a run once it is immutable: assemble, write, sign, publish to the OCI layout, write the pointer.
 * Called again for the same run after a restart it gives the same bundle and artifact digest; every file appears whole.
 */
export async function finishRun(source: SealedSource, config: CollectorConfig, emit: Emit): Promise<FinishedRun> {
  const outDir = resolve(config.out);
  const target: Target = { outDir, bundleDir: join(outDir, BUNDLE_DIRECTORY), config, emit };
  for (const directory of [outDir, join(outDir, LAYOUT_DIRECTORY), join(outDir, LAYOUT_DIRECTORY, 'blobs', 'sha256')])
    await removeTemporaries(directory);
  const bundle = await assembleRun(source, outDir, config);
  emit({ event: 'assembled', bundle: target.bundleDir, recipe: bundle.statement.predicate.recipe.name });
  const artifact = packBundle(bundle.files, { version: packageVersion() });
  const tag = defaultTag(bundle.statement.predicate.recipe.name, bundle.statement.predicate.manifest.digest);
  const signing = await sign(bundle, { artifact, tag }, target);
  await publish(bundle, { artifact, tag, signed: signing.signed }, target);
  return {
    exit: signing.exit === 0 && source.run.absences.length > 0 ? 1 : signing.exit,
    recipe: bundle.statement.predicate.recipe.name,
    digest: artifact.descriptor.digest,
  };
}

interface Artifact {
  readonly artifact: PackedArtifact;
  readonly tag: string;
}

interface Signing {
  readonly signed: SignedStatement | undefined;
  readonly exit: ExitCode;
}

/** Signs the artifact's digest. Without a route, or when a service is out, the bundle stays as it is: sealed and pending. */
async function sign(bundle: ComposedBundle, { artifact, tag }: Artifact, target: Target): Promise<Signing> {
  const { outDir, bundleDir, config, emit } = target;
  await rm(join(outDir, TRUSTED_ROOT_FILE), { force: true });
  const route = signingRoute(config);
  if (route === undefined) {
    // In a cluster the container beside this one signs.
    if (!config.cluster) emit({ event: 'pending', reason: 'no identity was given; sign it later with "assay sign"' });
    return { signed: undefined, exit: 1 };
  }
  try {
    const statement = artifactStatement({ name: `evidence:${tag}`, digest: artifact.descriptor.digest }, bundle.statement);
    const signed = await signStatement(statementBytes(statement), route);
    await writeSignature(bundleDir, signed.sigstoreBundle);
    const trustedRoot = await writeTrustedRoot(outDir, signed);
    emit({
      event: 'signed',
      identity: signed.signer.identity,
      issuer: signed.signer.issuer,
      trust: signed.trust,
      ...(trustedRoot === undefined ? {} : { trustedRoot }),
    });
    return { signed, exit: 0 };
  } catch (error) {
    if (!isAssayError(error) || error.exit !== 3) throw error;
    emit({ event: 'pending', reason: `${error.code}: ${errorText(error)}` });
    return { signed: undefined, exit: 3 };
  }
}

async function writeTrustedRoot(outDir: string, { trustedRoot }: SignedStatement): Promise<string | undefined> {
  if (trustedRoot === undefined) return undefined;
  const path = join(outDir, TRUSTED_ROOT_FILE);
  await writeFileAtomically(path, [trustedRoot]);
  return path;
}

async function publish(
  bundle: ComposedBundle,
  { artifact, tag, signed }: Artifact & { readonly signed: SignedStatement | undefined },
  { outDir, config, emit }: Target,
): Promise<void> {
  const { predicate, predicateType } = bundle.statement;
  const layout = join(outDir, LAYOUT_DIRECTORY);
  const signatures = signed === undefined ? [] : [{ sigstoreBundle: signed.sigstoreBundle, predicateType }];
  await publishArtifact(layoutStore(layout), { artifact, signatures, tag });
  const pointer = join(outDir, POINTER_FILE);
  const { digest } = artifact.descriptor;
  const attestation = { attestedAt: predicate.attestedAt, bundle: { oci: '', digest, predicateType }, ...signerOf(signed?.signer) };
  await writeFileAtomically(pointer, [
    Buffer.from(pointerYaml({ schemaVersion: '1.0.0', recipe: predicate.recipe.name, attestations: [attestation] })),
  ]);
  // In a cluster the container beside this one publishes.
  if (!config.cluster) emit({ event: 'published', oci: `oci-layout:${layout}:${tag}`, digest, pointer });
}

function signerOf(signer: PointerSigner | undefined): { readonly signer?: PointerSigner } {
  return signer === undefined ? {} : { signer };
}

function signingRoute(config: CollectorConfig): SigningRoute | undefined {
  return config.sign === 'lab' ? { kind: 'lab', user: userName(), host: hostname() } : undefined;
}

/** A container may run as a user number that no password file names. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { composeBundle, type BundleParts, type ComposedBundle } from '#core/assemble/compose-bundle.ts';
import { BUNDLE_DIRECTORY, LOGS_DIRECTORY, PREDICATE_TYPES } from '#core/attestation/media-type.ts';
import { PHASES } from '#core/ctrf/report.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { writeFileAtomically } from '#core/oci/atomic-file.ts';
import { bytesSource } from '#core/oci/blob-source.ts';
import { writeArchive } from '#core/publish/archive.ts';
import { pointerYaml } from '#core/publish/pointer-file.ts';
import { writeBundleDirectory } from '#core/publish/write-directory.ts';
import { readBundleParts, type BundleInputFlags } from '../bundle/bundle-input.ts';
import { withFormat } from '../output/conclude.ts';
import { withCatalog } from './recipe-option.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface CreateFlags extends BundleInputFlags {
  readonly out: string;
  readonly archive?: string;
  readonly log?: string;
}

const HELP = `
The same inputs and time give the same bytes. The bundle is unsigned: "assay sign" signs it, "assay publish" pushes it.

Examples:
  assay bundle create --recipe recipe.yaml --snapshot snapshot.yaml --ctrf ctrf/ --attested-at 2026-11-21T08:00:00Z --out out/
  assay bundle create --recipe recipe.yaml --snapshot snapshot.yaml --ctrf ctrf/ --attested-at 2026-11-21T08:00:00Z \\
    --validator-image registry.example/validators:v1@sha256:… --expires-in 6mo --archive evidence.tar.gz`;

/** `assay bundle create`: an evidence bundle from files. */
export const defineBundle: DefineVerb = (command, conclude) => {
  const create = command.command('create').description('assemble a bundle from a recipe, a snapshot and CTRF reports');
  create
    .requiredOption('--recipe <file>', 'recipe or overlay the evidence is bound to')
    .requiredOption('--snapshot <file>', 'snapshot, unredacted')
    .requiredOption('--ctrf <dir>', `directory with ${PHASES.map((phase) => `${phase}.json`).join(', ')}`)
    .requiredOption('--attested-at <time>', 'time written into the bundle, RFC 3339')
    .option('--log <dir>', `directory with raw logs, one folder per phase: written as ${LOGS_DIRECTORY}/, bound by digest`)
    .option('--bom <file>', 'CycloneDX 1.6 document to copy; made from the recipe by default')
    .option('--validator-image <ref@digest...>', 'images that ran the validators')
    .option('--validator-catalog-version <version>', 'version of the validator catalog', '')
    .option('--predicate-type <uri>', 'predicate type', PREDICATE_TYPES[0])
    .option('--profile <file>', 'JSON with the profile that the recipe is bound to; needed by predicate type v2')
    .option('--expires-in <age>', 'how long the evidence is good, from its time on: 90d, 6mo, 2y')
    .option('--previous <digest>', 'digest of the artifact with the evidence that this replaces')
    .option('--full', 'keep messages, output and all facts')
    .option('--out <dir>', `directory to write ${BUNDLE_DIRECTORY}/ and pointer.yaml to`, './assay-out')
    .option('--archive <file>', 'also write the bundle as one .tar.gz file');
  withFormat(withCatalog(create), ['text', 'json']).addHelpText('after', HELP);
  create.action((flags: CreateFlags) => createBundle(create, flags, conclude));
};

async function createBundle(command: Command, flags: CreateFlags, conclude: Conclude): Promise<void> {
  const parts = await readBundleParts(flags);
  const logs = flags.log === undefined ? undefined : await createLogs(flags.log, parts, resolve(flags.out));
  const bundle = composeBundle(logs === undefined ? parts : { ...parts, additions: { ...parts.additions, logs: logs.digest } });
  const { predicate } = bundle.statement;
  const directory = join(resolve(flags.out), BUNDLE_DIRECTORY);
  if (flags.archive !== undefined) await archive(bundle, flags.archive);
  await writeBundleDirectory(directory, bundle.files);
  const pointer = await writePointer(bundle, directory);
  const json = {
    bundle: directory,
    pointer,
    ...(flags.archive === undefined ? {} : { archive: flags.archive }),
    ...(logs === undefined ? {} : { logs }),
    recipe: predicate.recipe,
    manifest: predicate.manifest,
    additions: predicate['x-assay'],
    files: [...bundle.files.keys()].sort(),
  };
  const written = [directory, ...(flags.archive === undefined ? [] : [flags.archive])].join('\n');
  const text = `${written}\nrecipe ${predicate.recipe.name} ${predicate.recipe.digest}\nmanifest ${predicate.manifest.digest}\nunsigned: run "assay sign ${directory}"\n`;
  await conclude(command, { exit: 0, json, render: { text: () => text } });
}

async function createLogs(
  source: string,
  parts: BundleParts,
  out: string,
): Promise<{ readonly directory: string; readonly digest: Digest }> {
  const { readLogs } = await import('../bundle/log-input.ts');
  const { writeLogs } = await import('#core/publish/write-logs.ts');
  const digest = await writeLogs(out, await readLogs(source, parts), { version: parts.toolVersion });
  return { directory: join(out, LOGS_DIRECTORY), digest };
}

async function archive({ files }: ComposedBundle, path: string): Promise<void> {
  await writeArchive(path, new Map([...files].map(([name, bytes]) => [name, bytesSource(bytes)])));
}

/** The pointer says that nothing was pushed yet. */
async function writePointer({ statement }: ComposedBundle, directory: string): Promise<string> {
  const { predicate, predicateType } = statement;
  const path = join(dirname(directory), 'pointer.yaml');
  const attestation = { attestedAt: predicate.attestedAt, bundle: { oci: '', digest: '', predicateType } };
  await writeFileAtomically(path, [
    Buffer.from(pointerYaml({ schemaVersion: '1.0.0', recipe: predicate.recipe.name, attestations: [attestation] })),
  ]);
  return path;
}

import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { AssayError, errorText, systemCode } from '#core/error.ts';
import { composeBundle, type BundleParts } from '#core/assemble/compose-bundle.ts';
import { BUNDLE_DIRECTORY, PREDICATE_TYPES, SIZE_LIMIT, type PredicateType } from '#core/attestation/media-type.ts';
import type { ValidatorImage } from '#core/attestation/predicate.ts';
import { readBom } from '#core/bom/read-bom.ts';
import { readRecipeFile } from '#core/catalog/read-recipe.ts';
import { parseReport } from '#core/ctrf/parse-report.ts';
import { PHASES, type CtrfReport, type Phase } from '#core/ctrf/report.ts';
import { isDigest } from '#core/digest/sha256.ts';
import { pointerYaml } from '#core/publish/pointer-file.ts';
import { writeFileAtomically } from '#core/oci/atomic-file.ts';
import { writeBundleDirectory } from '#core/publish/write-directory.ts';
import { parseSnapshot } from '#core/snapshot/document.ts';
import { packageVersion } from '#core/version.ts';
import { withFormat } from '../output/conclude.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface CreateFlags {
  readonly recipe: string;
  readonly snapshot: string;
  readonly ctrf: string;
  readonly bom?: string;
  readonly validatorImage?: readonly string[];
  readonly validatorCatalogVersion?: string;
  readonly predicateType?: string;
  readonly out: string;
  readonly attestedAt: string;
  readonly full?: boolean;
  readonly toolVersion?: string;
}

const EXAMPLE = `
The same inputs and time give the same bytes. The bundle is unsigned: "assay sign" signs it, "assay publish" pushes it.

Example:
  assay bundle create --recipe recipe.yaml --snapshot snapshot.yaml --ctrf ctrf/ --attested-at 2026-11-21T08:00:00Z --out out/`;

/** `assay bundle create`: an evidence bundle from files. */
export const defineBundle: DefineVerb = (command, conclude) => {
  const create = command.command('create').description('assemble a bundle from a recipe, a snapshot and CTRF reports');
  create
    .requiredOption('--recipe <file>', 'recipe or overlay the evidence is bound to')
    .requiredOption('--snapshot <file>', 'snapshot, unredacted')
    .requiredOption('--ctrf <dir>', `directory with ${PHASES.map((phase) => `${phase}.json`).join(', ')}`)
    .requiredOption('--attested-at <time>', 'time written into the bundle, RFC 3339')
    .option('--bom <file>', 'CycloneDX 1.6 document to copy; made from the recipe by default')
    .option('--validator-image <ref@digest...>', 'images that ran the validators')
    .option('--validator-catalog-version <version>', 'version of the validator catalog', '')
    .option('--predicate-type <uri>', 'predicate type', PREDICATE_TYPES[0])
    .option('--full', 'keep messages, output and all facts')
    .option('--out <dir>', `directory to write ${BUNDLE_DIRECTORY}/ and pointer.yaml to`, './assay-out');
  withFormat(create, ['text', 'json']).addHelpText('after', EXAMPLE);
  create.action((flags: CreateFlags) => createBundle(create, flags, conclude));
};

async function createBundle(command: Command, flags: CreateFlags, conclude: Conclude): Promise<void> {
  const parts = await readParts(flags);
  const { files, statement } = composeBundle(parts);
  const bundle = join(resolve(flags.out), BUNDLE_DIRECTORY);
  await writeBundleDirectory(bundle, files);
  const { predicate, predicateType } = statement;
  const pointer = join(resolve(flags.out), 'pointer.yaml');
  await writeFileAtomically(pointer, [
    Buffer.from(
      pointerYaml({
        schemaVersion: '1.0.0',
        recipe: predicate.recipe.name,
        attestations: [{ attestedAt: predicate.attestedAt, bundle: { oci: '', digest: '', predicateType } }],
      }),
    ),
  ]);
  const json = { bundle, pointer, recipe: predicate.recipe, manifest: predicate.manifest, files: [...files.keys()].sort() };
  await conclude(command, {
    exit: 0,
    json,
    render: {
      text: () =>
        `${bundle}\nrecipe ${predicate.recipe.name} ${predicate.recipe.digest}\nmanifest ${predicate.manifest.digest}\nunsigned: run "assay sign ${bundle}"\n`,
    },
  });
}

async function readParts(flags: CreateFlags): Promise<BundleParts> {
  const bom = flags.bom === undefined ? undefined : readBom(await readInput(flags.bom, SIZE_LIMIT.bom), flags.bom);
  return {
    recipe: await readRecipeFile(flags.recipe),
    snapshot: parseSnapshot(await readInput(flags.snapshot, SIZE_LIMIT.snapshot), flags.snapshot),
    reports: await readReports(flags.ctrf),
    redaction: flags.full === true ? 'full' : 'minimal',
    attestedAtMs: parseTime(flags.attestedAt),
    toolVersion: packageVersion(),
    predicateType: knownPredicateType(flags.predicateType ?? PREDICATE_TYPES[0]),
    validatorCatalogVersion: flags.validatorCatalogVersion ?? '',
    validatorImages: (flags.validatorImage ?? []).map(validatorImage).sort((left, right) => (left.image < right.image ? -1 : 1)),
    ...(bom === undefined ? {} : { bom }),
  };
}

async function readReports(directory: string): Promise<ReadonlyMap<Phase, CtrfReport>> {
  const names = await listDirectory(directory);
  const reports = new Map<Phase, CtrfReport>();
  for (const phase of PHASES.filter((candidate) => names.includes(`${candidate}.json`))) {
    const path = join(directory, `${phase}.json`);
    const { report, problems } = parseReport(await readInput(path, SIZE_LIMIT.ctrf), path);
    if (problems.length > 0)
      throw new AssayError('CTRF_INVALID', `${path}: ${problems[0]}`, {
        hint: 'Correct the report; a bundle never repeats a contradiction.',
        details: { problems },
      });
    reports.set(phase, report);
  }
  if (reports.size === 0)
    throw new AssayError('FILE_NOT_FOUND', `${directory} holds none of ${PHASES.map((phase) => `${phase}.json`).join(', ')}`, {
      hint: 'Name the reports after their phases.',
    });
  return reports;
}

function validatorImage(text: string): ValidatorImage {
  const at = text.lastIndexOf('@');
  const [image, digest] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || !isDigest(digest))
    throw new AssayError('USAGE', `"${text}" is no image with a digest`, {
      hint: 'Write --validator-image registry/name:tag@sha256:<64 hex>.',
    });
  return { image, digest };
}

function knownPredicateType(text: string): PredicateType {
  const known = PREDICATE_TYPES.find((type) => type === text);
  if (known === undefined)
    throw new AssayError('USAGE', `unknown predicate type "${text}"`, { hint: `Use one of: ${PREDICATE_TYPES.join(', ')}.` });
  return known;
}

function parseTime(text: string): number {
  const epochMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(epochMs))
    throw new AssayError('USAGE', `"${text}" is no RFC 3339 time`, { hint: 'Write it like 2026-11-21T08:00:00Z.' });
  return epochMs;
}

async function listDirectory(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    throw new AssayError(
      systemCode(cause) === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE',
      `cannot list ${path}: ${errorText(cause)}`,
      { cause, hint: 'Check the path and its permissions.' },
    );
  }
}

async function readInput(path: string, maxBytes: number): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new AssayError(
      systemCode(cause) === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE',
      `cannot read ${path}: ${errorText(cause)}`,
      { cause, hint: 'Check the path and its permissions.' },
    );
  });
  if (bytes.byteLength > maxBytes)
    throw new AssayError('FILE_TOO_LARGE', `${path} has ${bytes.byteLength} bytes, more than ${maxBytes}`, {
      hint: 'Check that this is the right file.',
    });
  return bytes;
}

import { BUNDLE_FILE, UNLISTED_FILES } from '#core/attestation/media-type.ts';
import { PHASES } from '#core/ctrf/report.ts';
import { finding, type Finding } from '../finding.ts';
import { shown } from '../foreign-text.ts';
import type { BundleFiles } from '../materialize/bundle-files.ts';
import { Refusal } from '../refusal.ts';
import type { StepOutcome } from '../step-outcome.ts';
import { readManifest, type ListedFile } from './read-manifest.ts';

/** What a predicate says about files, in the loosest form. */
export interface ClaimedInventory {
  readonly manifest?: { readonly digest?: string; readonly fileCount?: number };
  readonly phases?: Readonly<Record<string, { readonly ctrfDigest?: string } | undefined>>;
}

/** Files that every emitter writes. */
const REQUIRED = [BUNDLE_FILE.recipe, BUNDLE_FILE.snapshot, BUNDLE_FILE.bom];
const CTRF = /^ctrf\/([^/]+)\.json$/;

/**
 * Compares the files with the manifest, the manifest with the predicate, and the phase reports with the predicate.
 * @param options.lenient only what upstream compares
 * @source recipe-evidence v1, manifest.json and `manifest-hash-check`
 */
export function checkInventory(files: BundleFiles, claimed: ClaimedInventory, options: { readonly lenient: boolean }): StepOutcome {
  const { lenient } = options;
  const manifest = files.get(BUNDLE_FILE.manifest);
  if (manifest === undefined) throw new Refusal('MANIFEST_INVALID', `${BUNDLE_FILE.manifest} is missing`);
  const expected = claimed.manifest?.digest;
  if (manifest.digest !== expected)
    throw new Refusal(
      'MANIFEST_DIGEST_MISMATCH',
      `${BUNDLE_FILE.manifest} is ${manifest.digest}, the predicate says ${shown(expected ?? 'nothing')}`,
    );
  const listed = readManifest(files, options);
  const findings = [
    ...listed.flatMap((entry) => compareFile(files, entry)),
    ...unlisted(files, listed),
    ...phaseFindings(files, claimed),
    ...(lenient ? [] : [...requiredFindings(files, listed), ...countFindings(claimed, listed), ...undeclaredPhases(files, claimed)]),
  ];
  return {
    detail: findings[0]?.detail ?? `${BUNDLE_FILE.manifest} is the attested one, and all ${listed.length} files are as listed`,
    compared: [
      { key: BUNDLE_FILE.manifest, value: `${manifest.digest} = predicate.manifest.digest` },
      ...listed.map(({ path, digest }) => ({
        key: path,
        value: `${digest} ${sameFile(files, path, digest) ? '= SHA-256 of the file' : 'is not the file'}`,
      })),
    ],
    findings,
  };
}

function compareFile(files: BundleFiles, { path, size, digest }: ListedFile): readonly Finding[] {
  const file = files.get(path);
  if (file === undefined) return [finding('FILE_MISSING', `${path} is listed and not in the bundle`)];
  if (size !== undefined && file.size !== size) return [finding('FILE_CHANGED', `${path} has ${file.size} bytes, listed are ${size}`)];
  return file.digest === digest ? [] : [finding('FILE_CHANGED', `${path} is ${file.digest}, listed is ${digest}`)];
}

function sameFile(files: BundleFiles, path: string, digest: string): boolean {
  return files.get(path)?.digest === digest;
}

function unlisted(files: BundleFiles, listed: readonly ListedFile[]): readonly Finding[] {
  const known = new Set([...listed.map(({ path }) => path), ...UNLISTED_FILES]);
  return [...files.keys()]
    .filter((path) => !known.has(path))
    .map((path) => finding('FILE_UNLISTED', `${path} is in the bundle and not listed`));
}

function phaseFindings(files: BundleFiles, { phases = {} }: ClaimedInventory): readonly Finding[] {
  return Object.entries(phases).flatMap(([phase, summary]) => {
    if (!PHASES.some((known) => known === phase))
      return [finding('PHASE_DIGEST_MISMATCH', `the predicate names the unknown phase ${shown(phase, 60)}`)];
    const [path, expected] = [`ctrf/${phase}.json`, summary?.ctrfDigest];
    const found = files.get(path)?.digest;
    return found !== undefined && found === expected
      ? []
      : [finding('PHASE_DIGEST_MISMATCH', `${path} is ${found ?? 'missing'}, the predicate says ${shown(expected ?? 'nothing')}`)];
  });
}

function requiredFindings(files: BundleFiles, listed: readonly ListedFile[]): readonly Finding[] {
  const paths = new Set(listed.map(({ path }) => path));
  return REQUIRED.filter((path) => !files.has(path) || !paths.has(path)).map((path) =>
    finding('FILE_MISSING', `${path} is not in the bundle; every bundle has one`),
  );
}

function countFindings({ manifest }: ClaimedInventory, listed: readonly ListedFile[]): readonly Finding[] {
  return manifest?.fileCount === listed.length
    ? []
    : [finding('FILE_COUNT_WRONG', `the predicate counts ${manifest?.fileCount} files, the manifest lists ${listed.length}`)];
}

function undeclaredPhases(files: BundleFiles, { phases = {} }: ClaimedInventory): readonly Finding[] {
  return [...files.keys()].flatMap((path) => {
    const phase = CTRF.exec(path)?.[1];
    return phase === undefined || Object.hasOwn(phases, phase)
      ? []
      : [finding('PHASE_UNDECLARED', `${path} is in the bundle, and the predicate has no phase ${shown(phase, 60)}`)];
  });
}

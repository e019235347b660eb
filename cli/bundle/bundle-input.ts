import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleParts } from '#core/assemble/compose-bundle.ts';
import { parsePinnedImage, type PinnedImage } from '#core/assemble/validator-images.ts';
import { PREDICATE_TYPES, SIZE_LIMIT, type PredicateType } from '#core/attestation/media-type.ts';
import type { RecipeProfile } from '#core/attestation/predicate.ts';
import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { readBom } from '#core/bom/read-bom.ts';
import { readBoundedFile } from '#core/catalog/bounded-file.ts';
import { materialSliceAtHand } from '#core/catalog/material-slice-at-hand.ts';
import { readRecipeFile } from '#core/catalog/read-recipe.ts';
import { rfc3339Seconds } from '#core/clock.ts';
import { parseReport } from '#core/ctrf/parse-report.ts';
import { PHASES, type CtrfReport, type Phase } from '#core/ctrf/report.ts';
import { isDigest, type Digest } from '#core/digest/sha256.ts';
import { AssayError, errorText, systemCode } from '#core/error.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { parseSnapshot } from '#core/snapshot/document.ts';
import { packageVersion } from '#core/version.ts';
import { parseAge } from '#core/verify/parse-age.ts';
import { catalogSource, type CatalogFlags } from '../command/recipe-option.ts';

/** Options of `assay bundle create` that say what goes into the bundle. */
export interface BundleInputFlags extends CatalogFlags {
  readonly recipe: string;
  readonly snapshot: string;
  readonly ctrf: string;
  readonly attestedAt: string;
  readonly bom?: string;
  readonly validatorImage?: readonly string[];
  readonly validatorCatalogVersion?: string;
  readonly predicateType?: string;
  readonly profile?: string;
  readonly expiresIn?: string;
  readonly previous?: string;
  readonly full?: boolean;
}

const DAY_MS = 86_400_000;
const SECONDS_END = '2026-11-21T08:00:00'.length;
const PROFILE_BYTES = 64 * 1024;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/**
 * Reads everything a bundle is made from, and checks it as a verifier will.
 * @param logs manifest digest of the artifact with raw logs, when there is one
 * @throws USAGE, FILE_NOT_FOUND, FILE_UNREADABLE, FILE_TOO_LARGE, RECIPE_INVALID, SNAPSHOT_INVALID, CTRF_INVALID, BOM_INVALID
 */
export async function readBundleParts(flags: BundleInputFlags): Promise<BundleParts> {
  const attestedAtMs = parseTime(flags.attestedAt);
  const predicateType = knownPredicateType(flags.predicateType);
  const validatorImages = (flags.validatorImage ?? []).map(pinnedImage);
  const expiresAt = flags.expiresIn === undefined ? undefined : rfc3339Seconds(attestedAtMs + parseAge(flags.expiresIn) * DAY_MS);
  const previousBundle = flags.previous === undefined ? undefined : digestOf(flags.previous);
  const recipe = await readRecipeFile(flags.recipe, catalogSource(flags));
  const materialSlice = await sliceOf(recipe, flags);
  return {
    recipe,
    snapshot: parseSnapshot(readBoundedFile(flags.snapshot, { maxBytes: SIZE_LIMIT.snapshot }), flags.snapshot),
    reports: await readReports(flags.ctrf),
    redaction: flags.full === true ? 'full' : 'minimal',
    attestedAtMs,
    toolVersion: packageVersion(),
    predicateType,
    validatorCatalogVersion: flags.validatorCatalogVersion ?? '',
    validatorImages,
    ...(flags.profile === undefined ? {} : { profile: readProfile(flags.profile) }),
    ...(flags.bom === undefined ? {} : { bom: readBom(readBoundedFile(flags.bom, { maxBytes: SIZE_LIMIT.bom }), flags.bom) }),
    additions: {
      ...(materialSlice === undefined ? {} : { materialSlice }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(previousBundle === undefined ? {} : { previousBundle }),
    },
  };
}

async function sliceOf(recipe: Recipe, flags: BundleInputFlags): Promise<Digest | undefined> {
  return materialSliceAtHand(recipe, catalogSource(flags));
}

async function readReports(directory: string): Promise<ReadonlyMap<Phase, CtrfReport>> {
  const names = await listDirectory(directory);
  const reports = new Map<Phase, CtrfReport>();
  for (const phase of PHASES.filter((candidate) => names.includes(`${candidate}.json`))) {
    const path = join(directory, `${phase}.json`);
    const { report, problems } = parseReport(readBoundedFile(path, { maxBytes: SIZE_LIMIT.ctrf }), path);
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

function pinnedImage(text: string): PinnedImage {
  const image = parsePinnedImage(text);
  if (image !== undefined) return image;
  throw new AssayError('USAGE', `"${text}" is no image with a digest`, {
    hint: 'Write --validator-image registry/name:tag@sha256:<64 hex>.',
  });
}

function digestOf(text: string): Digest {
  if (isDigest(text)) return text;
  throw new AssayError('USAGE', `"${text}" is no digest`, {
    hint: 'Write --previous sha256:<64 hex>, the digest that the pointer of the earlier evidence names.',
  });
}

function knownPredicateType(text: string = PREDICATE_TYPES[0]): PredicateType {
  const known = PREDICATE_TYPES.find((type) => type === text);
  if (known === undefined)
    throw new AssayError('USAGE', `unknown predicate type "${text}"`, { hint: `Use one of: ${PREDICATE_TYPES.join(', ')}.` });
  return known;
}

function parseTime(text: string): number {
  const epochMs = RFC3339.test(text) && isOnCalendar(text.slice(0, SECONDS_END)) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(epochMs))
    throw new AssayError('USAGE', `"${text}" is no RFC 3339 time`, { hint: 'Write it like 2026-11-21T08:00:00Z.' });
  return epochMs;
}

/** The platform's parser takes 31 February as 3 March. */
function isOnCalendar(local: string): boolean {
  const epochMs = Date.parse(`${local}Z`);
  return !Number.isNaN(epochMs) && new Date(epochMs).toISOString().startsWith(local);
}

function readProfile(path: string): RecipeProfile {
  const { selection, advertiser, policyDescriptorIdentity } = profileFields(path);
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  if (!isText(selection) || !isText(policyDescriptorIdentity) || (advertiser !== undefined && !isText(advertiser)))
    throw new AssayError('USAGE', `${path} is no profile`, {
      hint: 'Write JSON: {"selection": …, "advertiser"?: …, "policyDescriptorIdentity": …}, each a text.',
    });
  return { selection, ...(advertiser === undefined ? {} : { advertiser }), policyDescriptorIdentity };
}

function profileFields(path: string): Readonly<Record<string, unknown>> {
  const value = parseStrictJson(readBoundedFile(path, { maxBytes: PROFILE_BYTES }), path);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

async function listDirectory(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    const code = systemCode(cause) === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE';
    throw new AssayError(code, `cannot list ${path}: ${errorText(cause)}`, { cause, hint: 'Check the path and its permissions.' });
  }
}

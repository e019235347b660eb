import { buildManifest } from '#core/attestation/build-manifest.ts';
import { recipeStatement, statementBytes } from '#core/attestation/build-statement.ts';
import { BUNDLE_FILE, DEFAULT_PREDICATE_TYPE, type PredicateType } from '#core/attestation/media-type.ts';
import type { AssayAdditions, PhaseSummary, Predicate, RecipeProfile } from '#core/attestation/predicate.ts';
import type { Statement } from '#core/attestation/statement.ts';
import { recipeBom, type RecipeBom } from '#core/bom/recipe-bom.ts';
import { rfc3339Seconds } from '#core/clock.ts';
import { PHASES, type CtrfReport, type Phase } from '#core/ctrf/report.ts';
import { countTests } from '#core/ctrf/summary.ts';
import { goJson } from '#core/digest/go-json.ts';
import { recipeDigest, type PredicateMajor } from '#core/digest/recipe-digest.ts';
import { bareHex, sha256 } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import { detectFingerprint } from '#core/fingerprint/detect.ts';
import { matchCriteria } from '#core/fingerprint/match-criteria.ts';
import { canonicalRecipe } from '#core/recipe/canonical-recipe.ts';
import { recipeName, type Recipe } from '#core/recipe/document.ts';
import { snapshotYaml, type Snapshot } from '#core/snapshot/document.ts';
import { redactSnapshot } from '#core/snapshot/redaction.ts';
import { reportRules, shownReport, type Redaction } from './shown-report.ts';
import { sortedImages, type PinnedImage } from './validator-images.ts';

/** The parts of a bundle, whoever made them: a run's assembly or files given to `bundle create`. */
export interface BundleParts {
  readonly recipe: Recipe;
  /** Unredacted. */
  readonly snapshot: Snapshot;
  /** Redacted or not: redacting again changes nothing. */
  readonly reports: ReadonlyMap<Phase, CtrfReport>;
  readonly redaction: Redaction;
  readonly attestedAtMs: number;
  readonly toolVersion: string;
  readonly predicateType?: PredicateType;
  /** Needed by predicate type v2, possible in v3. */
  readonly profile?: RecipeProfile;
  readonly validatorCatalogVersion?: string;
  readonly validatorImages?: readonly PinnedImage[];
  /** Supplied BOM, copied verbatim; made from the recipe when absent. */
  readonly bom?: RecipeBom;
  /** Further files of ours, listed in the manifest. */
  readonly additionalFiles?: ReadonlyMap<string, Uint8Array>;
  readonly additions?: Omit<AssayAdditions, 'toolVersion'>;
}

/** A bundle in memory: path to exact bytes, without a signature. */
export interface ComposedBundle {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly statement: Statement;
}

const MAJOR: Readonly<Record<PredicateType, PredicateMajor>> = {
  'https://aicr.run/recipe-evidence/v1': 1,
  'https://aicr.run/recipe-evidence/v2': 2,
  'https://aicr.run/recipe-evidence/v3': 3,
};

/**
 * Writes the parts as the files of a bundle: contents first, then the manifest over them, then the statement over that.
 * @throws RECIPE_INVALID for a recipe without criteria; USAGE for predicate type v2 without a profile
 */
export function composeBundle(parts: BundleParts): ComposedBundle {
  const predicateType = parts.predicateType ?? DEFAULT_PREDICATE_TYPE;
  if (MAJOR[predicateType] === 2 && parts.profile === undefined)
    throw new AssayError('USAGE', `${predicateType} is for recipes that are bound to a profile, and none was given`, {
      hint: 'Use v1, or v3, or give the profile.',
    });
  const bom = parts.bom ?? bomOf(parts);
  const { snapshot, reports, applied } = redact(parts);
  const files = new Map<string, Uint8Array>([
    [BUNDLE_FILE.recipe, canonicalRecipe(parts.recipe).bytes],
    [BUNDLE_FILE.snapshot, Buffer.from(snapshotYaml(snapshot))],
    [BUNDLE_FILE.bom, bom.bytes],
    ...[...reports].map(([phase, report]) => [ctrfPath(phase), Buffer.from(goJson(report))] as const),
    ...(parts.additionalFiles ?? []),
  ]);
  const manifest = buildManifest(files);
  const manifestBytes = Buffer.from(goJson(manifest));
  const predicate: Predicate = {
    ...describe(parts, MAJOR[predicateType]),
    phases: phaseSummaries(reports, files),
    bom: { format: 'CycloneDX', version: '1.6', digest: sha256(bom.bytes), imageCount: bom.componentCount },
    manifest: { digest: sha256(manifestBytes), fileCount: manifest.files.length },
    ...(parts.profile === undefined ? {} : { profile: parts.profile }),
    ...(parts.redaction === 'full' ? {} : { redaction: { policy: 'minimal', version: 'v1', applied } }),
    'x-assay': { toolVersion: parts.toolVersion, ...parts.additions },
  };
  const statement = recipeStatement(predicate, predicateType);
  files.set(BUNDLE_FILE.manifest, manifestBytes).set(BUNDLE_FILE.statement, statementBytes(statement));
  return { files, statement };
}

/** Path of a phase's report in a bundle. */
export function ctrfPath(phase: Phase): string {
  return `ctrf/${phase}.json`;
}

type Description = Pick<
  Predicate,
  | 'schemaVersion'
  | 'attestedAt'
  | 'aicrVersion'
  | 'validatorCatalogVersion'
  | 'validatorImages'
  | 'recipe'
  | 'fingerprint'
  | 'criteriaMatch'
>;

function describe(parts: BundleParts, major: PredicateMajor): Description {
  const { recipe } = parts;
  const fingerprint = detectFingerprint(parts.snapshot);
  return {
    schemaVersion: '1.0.0',
    attestedAt: rfc3339Seconds(parts.attestedAtMs),
    aicrVersion: parts.toolVersion,
    validatorCatalogVersion: parts.validatorCatalogVersion ?? '',
    validatorImages: sortedImages(parts.validatorImages ?? []),
    recipe: { name: recipeName(recipe.criteria), digest: bareHex(recipeDigest(recipe, major)) },
    fingerprint,
    criteriaMatch: matchCriteria(recipe.criteria, fingerprint),
  };
}

function bomOf({ recipe, attestedAtMs, toolVersion, validatorImages }: BundleParts): RecipeBom {
  const { version } = recipe.metadata;
  return recipeBom({
    recipeName: recipeName(recipe.criteria),
    components: recipe.componentRefs,
    validatorImages: sortedImages(validatorImages ?? []),
    atMs: attestedAtMs,
    toolVersion,
    ...(version === undefined ? {} : { recipeVersion: version }),
  });
}

interface Shown {
  readonly snapshot: Snapshot;
  readonly reports: ReadonlyMap<Phase, CtrfReport>;
  readonly applied: readonly string[];
}

function redact({ snapshot, reports, redaction }: BundleParts): Shown {
  const shown = PHASES.flatMap((phase) => {
    const report = reports.get(phase);
    return report === undefined ? [] : [[phase, shownReport(report, redaction)] as const];
  });
  if (redaction === 'full') return { snapshot, reports: new Map(shown), applied: [] };
  const redacted = redactSnapshot(snapshot);
  const applied = [...redacted.applied, ...reportRules(redaction, shown.length)].sort();
  return { snapshot: redacted.snapshot, reports: new Map(shown), applied };
}

/** Counts as the predicate has them: `failed` includes what crashed or never finished (docs/decision/0005). */
function phaseSummaries(reports: ReadonlyMap<Phase, CtrfReport>, files: ReadonlyMap<string, Uint8Array>): Predicate['phases'] {
  return Object.fromEntries(
    [...reports].map(([phase, report]) => [phase, phaseSummary(report, files.get(ctrfPath(phase)) ?? new Uint8Array())]),
  );
}

function phaseSummary(report: CtrfReport, bytes: Uint8Array): PhaseSummary {
  const { passed, failed, other, pending, skipped } = countTests(report.results.tests);
  return { passed, failed: failed + other + pending, skipped, ctrfDigest: sha256(bytes) };
}

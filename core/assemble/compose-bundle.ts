import { rfc3339Seconds } from '#core/clock.ts';
import { buildManifest } from '#core/attestation/build-manifest.ts';
import { recipeStatement, statementBytes } from '#core/attestation/build-statement.ts';
import { BUNDLE_FILE, DEFAULT_PREDICATE_TYPE, type PredicateType } from '#core/attestation/media-type.ts';
import type { AssayAdditions, PhaseSummary, Predicate, ValidatorImage } from '#core/attestation/predicate.ts';
import type { Statement } from '#core/attestation/statement.ts';
import { recipeBom, type RecipeBom } from '#core/bom/recipe-bom.ts';
import { PHASES, type CtrfReport, type Phase } from '#core/ctrf/report.ts';
import { countTests } from '#core/ctrf/summary.ts';
import { goJson } from '#core/digest/go-json.ts';
import { bareHex, sha256 } from '#core/digest/sha256.ts';
import { detectFingerprint } from '#core/fingerprint/detect.ts';
import { matchCriteria } from '#core/fingerprint/match-criteria.ts';
import { recipeName, type Recipe } from '#core/recipe/document.ts';
import { canonicalRecipe } from '#core/recipe/canonical-recipe.ts';
import { snapshotYaml, type Snapshot } from '#core/snapshot/document.ts';
import { redactSnapshot, redactTests } from '#core/snapshot/redaction.ts';

/** How much of the raw facts a bundle shows. */
export type Redaction = 'minimal' | 'full';

/** The parts of a bundle, whoever made them: a run's assembly or files given to `bundle create`. */
export interface BundleParts {
  readonly recipe: Recipe;
  /** Unredacted. */
  readonly snapshot: Snapshot;
  /** Unredacted. */
  readonly reports: ReadonlyMap<Phase, CtrfReport>;
  readonly redaction: Redaction;
  readonly attestedAtMs: number;
  readonly toolVersion: string;
  readonly predicateType?: PredicateType;
  readonly validatorCatalogVersion?: string;
  readonly validatorImages?: readonly ValidatorImage[];
  /** Supplied BOM, copied verbatim; made from the recipe when absent. */
  readonly bom?: RecipeBom;
  /** Further files of ours, listed in the manifest. */
  readonly additionalFiles?: ReadonlyMap<string, Uint8Array>;
  readonly additions?: AssayAdditions;
}

/** A bundle in memory: path to exact bytes, without a signature. */
export interface ComposedBundle {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly statement: Statement;
}

/** Writes the parts as the files of a bundle: contents first, then the manifest over them, then the statement over that. */
export function composeBundle(parts: BundleParts): ComposedBundle {
  const recipe = canonicalRecipe(parts.recipe);
  const bom = parts.bom ?? bomOf(parts);
  const shown = redact(parts);
  const files = new Map<string, Uint8Array>([
    [BUNDLE_FILE.recipe, recipe.bytes],
    [BUNDLE_FILE.snapshot, Buffer.from(snapshotYaml(shown.snapshot))],
    [BUNDLE_FILE.bom, bom.bytes],
    ...[...shown.reports].map(([phase, report]) => [ctrfPath(phase), Buffer.from(goJson(report))] as const),
    ...(parts.additionalFiles ?? []),
  ]);
  const manifest = buildManifest(files);
  const manifestBytes = Buffer.from(goJson(manifest));
  const predicate: Predicate = {
    ...describe(parts, bareHex(recipe.digest)),
    phases: phaseSummaries(shown.reports, files),
    bom: { format: 'CycloneDX', version: '1.6', digest: sha256(bom.bytes), imageCount: bom.componentCount },
    manifest: { digest: sha256(manifestBytes), fileCount: manifest.files.length },
    ...(parts.redaction === 'full' ? {} : { redaction: { policy: 'minimal', version: 'v1', applied: shown.applied } }),
    ...(parts.additions === undefined ? {} : { 'x-assay': parts.additions }),
  };
  const statement = recipeStatement(predicate, parts.predicateType ?? DEFAULT_PREDICATE_TYPE);
  files.set(BUNDLE_FILE.manifest, manifestBytes).set(BUNDLE_FILE.statement, statementBytes(statement));
  return { files, statement };
}

/** Path of a phase's report in a bundle. */
export function ctrfPath(phase: Phase): string {
  return `ctrf/${phase}.json`;
}

function describe(
  parts: BundleParts,
  recipeDigest: string,
): Pick<
  Predicate,
  | 'schemaVersion'
  | 'attestedAt'
  | 'aicrVersion'
  | 'validatorCatalogVersion'
  | 'validatorImages'
  | 'recipe'
  | 'fingerprint'
  | 'criteriaMatch'
> {
  const fingerprint = detectFingerprint(parts.snapshot);
  return {
    schemaVersion: '1.0.0',
    attestedAt: rfc3339Seconds(parts.attestedAtMs),
    aicrVersion: parts.toolVersion,
    validatorCatalogVersion: parts.validatorCatalogVersion ?? '',
    validatorImages: parts.validatorImages ?? [],
    recipe: { name: recipeName(parts.recipe.criteria), digest: recipeDigest },
    fingerprint,
    criteriaMatch: matchCriteria(parts.recipe.criteria, fingerprint),
  };
}

function bomOf({ recipe, attestedAtMs, toolVersion }: BundleParts): RecipeBom {
  const version = recipe.metadata.version;
  return recipeBom({
    recipeName: recipeName(recipe.criteria),
    components: recipe.componentRefs,
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
  const ordered = new Map(PHASES.flatMap((phase) => (reports.has(phase) ? [[phase, reports.get(phase) as CtrfReport] as const] : [])));
  if (redaction === 'full') return { snapshot, reports: ordered, applied: [] };
  const redacted = redactSnapshot(snapshot);
  const rules = [...ordered.values()].map((report) => redactTests(report.results.tests));
  const shown = new Map(
    [...ordered].map(
      ([phase, report], index) => [phase, { ...report, results: { ...report.results, tests: rules[index]?.tests ?? [] } }] as const,
    ),
  );
  return {
    snapshot: redacted.snapshot,
    reports: shown,
    applied: [...new Set([...redacted.applied, ...rules.flatMap((rule) => rule.applied)])].sort(),
  };
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

import { BUNDLE_FILE } from '#core/attestation/media-type.ts';
import type { Predicate } from '#core/attestation/predicate.ts';
import { errorText, isAssayError } from '#core/error.ts';
import { detectFingerprint } from '#core/fingerprint/detect.ts';
import type { Fingerprint } from '#core/fingerprint/fingerprint.ts';
import { matchCriteria } from '#core/fingerprint/match-criteria.ts';
import type { CriteriaMatch, DimensionMatch } from '#core/fingerprint/match.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { parseSnapshot, type Snapshot } from '#core/snapshot/document.ts';
import { finding, type Finding } from '../finding.ts';
import { shown } from '../foreign-text.ts';
import { YAML_VALUES, type BundleFiles } from '../materialize/bundle-files.ts';
import type { StepOutcome } from '../step-outcome.ts';
import type { Compared } from '../verdict.ts';

/** Outcome of the step, and the snapshot for the steps after it. */
export interface BindingOutcome {
  readonly outcome: StepOutcome;
  readonly snapshot?: Snapshot;
}

type DimensionName = keyof Fingerprint;

const DIMENSIONS: readonly DimensionName[] = [
  'service',
  'accelerator',
  'gpuModel',
  'os',
  'k8sVersion',
  'region',
  'nodeCount',
  'gpuNodeCount',
];

/** What a dimension says, without where it comes from. */
interface DimensionValue {
  readonly value: string | number;
  readonly version?: string;
}

/**
 * Derives the fingerprint from the bundled snapshot as far as that still carries the facts, and the criteria match from the
 * bundled recipe and the fingerprint; compares both with the predicate.
 * @param recipe absent when it could not be read
 * @source recipe-evidence v1, fingerprint and match
 */
export function checkBinding(
  { files, predicate }: { readonly files: BundleFiles; readonly predicate: Predicate },
  recipe: Recipe | undefined,
): BindingOutcome {
  const read = readSnapshot(files);
  if (typeof read === 'string')
    return { outcome: { detail: read, findings: [finding('SNAPSHOT_INVALID', `${BUNDLE_FILE.snapshot}: ${read}`)] } };
  const dimensions = compareDimensions(predicate, detectFingerprint(read));
  const match = recipe === undefined ? undefined : compareMatch(recipe, predicate);
  const findings = [...dimensions.findings, ...(match?.findings ?? [])];
  const detail =
    findings[0]?.detail ??
    'fingerprint and criteria match follow from the bundled snapshot and recipe; where the snapshot lacks a fact, the row says so';
  const compared = [
    ...dimensions.compared,
    ...(match?.compared ?? [{ key: 'criteria match', value: 'not compared: the recipe could not be read' }]),
  ];
  return { outcome: { detail, compared, findings }, snapshot: read };
}

function readSnapshot(files: BundleFiles): Snapshot | string {
  const file = files.get(BUNDLE_FILE.snapshot);
  if (file?.bytes === undefined) return `it has ${file?.size ?? 0} bytes, more than is read`;
  try {
    return parseSnapshot(file.bytes, BUNDLE_FILE.snapshot, YAML_VALUES);
  } catch (error) {
    if (isAssayError(error)) return errorText(error);
    throw error;
  }
}

function compareDimensions(
  predicate: Predicate,
  own: Fingerprint,
): { readonly findings: readonly Finding[]; readonly compared: readonly Compared[] } {
  const isRedacted = predicate.redaction !== undefined;
  const compared: Compared[] = [];
  const findings: Finding[] = [];
  for (const name of DIMENSIONS) {
    const [claimed, found] = [predicate.fingerprint[name] as DimensionValue, own[name] as DimensionValue];
    const key = `fingerprint.${name}`;
    if (sameDimension(claimed, found)) compared.push({ key, value: `${textOf(found)} follows from the snapshot` });
    // Redaction takes the labels away, and with them what only they say; what is left must not contradict the claim.
    else if (isRedacted && isUnknown(found))
      compared.push({ key, value: `${textOf(claimed)} is a claim: the redacted snapshot lacks the fact` });
    else {
      compared.push({ key, value: `${textOf(claimed)} claimed, ${textOf(found)} from the snapshot` });
      findings.push(
        finding('FINGERPRINT_CONTRADICTED', `${name}: the predicate says ${textOf(claimed)}, the snapshot gives ${textOf(found)}`),
      );
    }
  }
  return { findings, compared };
}

function sameDimension(left: DimensionValue, right: DimensionValue): boolean {
  return left.value === right.value && (left.version ?? '') === (right.version ?? '');
}

function isUnknown({ value }: DimensionValue): boolean {
  return value === '' || value === 0;
}

function textOf({ value, version }: DimensionValue): string {
  return isUnknown({ value }) ? 'unknown' : shown(`${value}${version === undefined ? '' : ` ${version}`}`, 80);
}

function compareMatch(
  { criteria }: Recipe,
  predicate: Predicate,
): { readonly findings: readonly Finding[]; readonly compared: readonly Compared[] } {
  const own = matchCriteria(criteria, predicate.fingerprint);
  const claimed = predicate.criteriaMatch;
  const wrong = [...differingDimensions(own, claimed), ...(own.matched === claimed.matched ? [] : ['matched'])];
  const mismatched = own.perDimension.filter(({ match }) => match === 'mismatched');
  return {
    findings: [
      ...(wrong.length === 0
        ? []
        : [finding('MATCH_WRONG', `recipe and fingerprint give another match than the predicate claims: ${wrong.join(', ')}`)]),
      ...(mismatched.length === 0 ? [] : [finding('CRITERIA_MISMATCHED', mismatched.map(describeMismatch).join('; '))]),
    ],
    compared: own.perDimension.map(({ dimension, recipeRequires, fingerprintProvides, match }) => ({
      key: `criteria.${dimension}`,
      value: `${match}: recipe ${shown(recipeRequires ?? '(any)', 60)}, cluster ${shown(fingerprintProvides ?? '(not captured)', 60)}`,
    })),
  };
}

function differingDimensions(own: CriteriaMatch, claimed: CriteriaMatch): readonly string[] {
  const claims = new Map(claimed.perDimension.map((row) => [row.dimension, row]));
  const differing = own.perDimension.filter((row) => !sameMatch(row, claims.get(row.dimension))).map(({ dimension }) => dimension);
  return claimed.perDimension.length === own.perDimension.length ? differing : [...differing, 'number of dimensions'];
}

/** `any` and nothing are the same requirement. */
function sameMatch(own: DimensionMatch, claimed: DimensionMatch | undefined): boolean {
  return (
    claimed !== undefined &&
    own.match === claimed.match &&
    required(own) === required(claimed) &&
    (own.fingerprintProvides ?? '') === (claimed.fingerprintProvides ?? '')
  );
}

function required({ recipeRequires = '' }: DimensionMatch): string {
  return recipeRequires === 'any' ? '' : recipeRequires;
}

function describeMismatch({ dimension, recipeRequires = '', fingerprintProvides = '' }: DimensionMatch): string {
  return `${dimension}: the recipe is for ${shown(recipeRequires, 60)}, the cluster has ${shown(fingerprintProvides, 60)}`;
}

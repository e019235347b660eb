import { AssayError } from '../error.ts';
import { compact } from './compact.ts';
import { ANY, type Criteria } from './document.ts';
import type { Origin, Overlay } from './overlay.ts';

/** The dimensions of criteria that are texts, in the order of a document. */
export const TEXT_DIMENSIONS = ['service', 'accelerator', 'intent', 'os', 'platform'] as const;

/** One of {@link TEXT_DIMENSIONS}. */
export type TextDimension = (typeof TEXT_DIMENSIONS)[number];

/** What was asked for, as typed; empty and absent are the same. */
export type CriteriaInput = Readonly<Partial<Record<TextDimension, string>>> & { readonly nodes?: number };

/** Which values count as known. */
export interface CriteriaScope {
  readonly overlays: Iterable<Overlay>;
  /** Accept only values of the catalog itself, not those an external directory brings. */
  readonly strict?: boolean;
}

const VALUES: Readonly<Record<TextDimension, readonly string[]>> = {
  service: ['eks', 'gke', 'aks', 'oke', 'kind', 'lke', 'bcm', 'ocp', 'metal3'],
  accelerator: ['h100', 'h200', 'gb200', 'gb300', 'b200', 'a100', 'l40', 'l40s', 'rtx-pro-6000'],
  intent: ['training', 'inference'],
  os: ['ubuntu', 'rhel', 'cos', 'amazonlinux', 'ol', 'talos'],
  platform: ['dynamo', 'kubeflow', 'nim', 'runai', 'slurm'],
};

const ALIASES: Readonly<Record<TextDimension, Readonly<Record<string, string>>>> = {
  service: { openshift: 'ocp', 'self-managed': ANY, self: ANY, vanilla: ANY },
  accelerator: {},
  intent: {},
  os: { al2: 'amazonlinux', al2023: 'amazonlinux' },
  platform: {},
};

/**
 * Criteria from what was typed: trimmed, lower case, aliases replaced, every text dimension present (`any` when not
 * given).
 * @throws CRITERIA_INVALID for a value that neither upstream nor the catalog knows, and when nothing is concrete
 * @source recipe criteria and aliases
 */
export function parseCriteria(input: CriteriaInput, scope: CriteriaScope): Criteria {
  const values = TEXT_DIMENSIONS.map((dimension) => [dimension, knownValue(dimension, input[dimension] ?? '', scope)] as const);
  const nodes = input.nodes !== undefined && input.nodes > 0 ? input.nodes : undefined;
  if (nodes === undefined && values.every(([, value]) => value === ANY)) throw nothingAsked();
  return { ...Object.fromEntries(values), ...compact<Pick<Criteria, 'nodes'>>({ nodes }) };
}

/**
 * The value of one dimension if it is known, for facts that come from a cluster.
 * @returns `any` for an unknown value
 */
export function knownOrAny(dimension: TextDimension, value: string, scope: CriteriaScope): string {
  return lookUpValue(dimension, value, scope) ?? ANY;
}

/** True for a value that matches everything. */
export function isAny(value: string | undefined): boolean {
  return value === undefined || value === '' || value === ANY;
}

/**
 * Whether an overlay applies to a query. Not symmetric: an overlay's `any` matches everything, a query's `any` matches
 * only an overlay's `any`.
 */
export function criteriaMatch(overlay: Criteria, query: Criteria): boolean {
  const texts = TEXT_DIMENSIONS.every((dimension) => isAny(overlay[dimension]) || overlay[dimension] === query[dimension]);
  return texts && ((overlay.nodes ?? 0) === 0 || overlay.nodes === query.nodes);
}

/** Number of concrete dimensions. */
export function specificity(criteria: Criteria): number {
  const texts = TEXT_DIMENSIONS.filter((dimension) => !isAny(criteria[dimension])).length;
  return texts + ((criteria.nodes ?? 0) === 0 ? 0 : 1);
}

function knownValue(dimension: TextDimension, value: string, scope: CriteriaScope): string {
  const known = lookUpValue(dimension, value, scope);
  if (known !== undefined) return known;
  const allowed = [...new Set([...VALUES[dimension], ...catalogValues(dimension, scope)])].sort();
  throw new AssayError('CRITERIA_INVALID', `invalid ${dimension} type: ${value}`, {
    hint: `Known values: ${[ANY, ...allowed].join(', ')}.`,
    details: { dimension, value, allowed },
  });
}

function lookUpValue(dimension: TextDimension, value: string, scope: CriteriaScope): string | undefined {
  const text = value.trim().toLowerCase();
  if (isAny(text)) return ANY;
  const alias = Object.hasOwn(ALIASES[dimension], text) ? ALIASES[dimension][text] : undefined;
  if (alias !== undefined) return alias;
  return VALUES[dimension].includes(text) || catalogValues(dimension, scope).includes(text) ? text : undefined;
}

function catalogValues(dimension: TextDimension, { overlays, strict }: CriteriaScope): string[] {
  const allowed = (origin: Origin): boolean => strict !== true || origin === 'embedded';
  return [...overlays]
    .filter(({ origin }) => allowed(origin))
    .flatMap(({ criteria }) => (isAny(criteria?.[dimension]) ? [] : [criteria?.[dimension] ?? '']));
}

function nothingAsked(): AssayError {
  return new AssayError('CRITERIA_INVALID', 'no criteria given: nothing says which recipe is meant', {
    hint: 'Give at least one of --service, --accelerator, --intent, --os, --platform, --nodes, or --snapshot FILE.',
  });
}

import { AssayError } from '#core/error.ts';

/** One condition on the labels of an object, as selectors and node affinities have it. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  readonly values: readonly string[];
}

/** Labels of an object. */
export type Labels = Readonly<Record<string, string>>;

const KEY = String.raw`(?:[A-Za-z0-9.-]+/)?[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?`;
const VALUE = /^(?:[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)?$/;
const SET = new RegExp(String.raw`^(${KEY})\s+(in|notin)\s+\(([^()]*)\)$`);
const EQUALITY = new RegExp(String.raw`^(${KEY})\s*(==?|!=)\s*(\S*)$`);
const EXISTENCE = new RegExp(String.raw`^(!?)\s*(${KEY})$`);
/** Commas between conditions, not those inside the parentheses of a set. */
const SEPARATOR = /,(?![^()]*\))/;

/**
 * Reads a label selector in the API's own syntax: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. Empty text selects everything.
 * @throws CONFIG_INVALID
 */
export function parseLabelSelector(text: string): readonly LabelRequirement[] {
  if (text.trim() === '') return [];
  return text.split(SEPARATOR).map((part) => parseRequirement(part.trim(), text));
}

/** True when the labels meet every requirement; one that cannot be evaluated is not met. */
export function matchesLabels(labels: Labels, requirements: readonly LabelRequirement[]): boolean {
  return requirements.every((requirement) => meets(labels, requirement));
}

/** A requirement as a person would write it. */
export function requirementText({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    case 'In':
      return values.length === 1 ? `${key}=${values[0] ?? ''}` : `${key} in (${values.join(',')})`;
    case 'NotIn':
      return values.length === 1 ? `${key}!=${values[0] ?? ''}` : `${key} notin (${values.join(',')})`;
    case 'Gt':
      return `${key}>${values[0] ?? ''}`;
    case 'Lt':
      return `${key}<${values[0] ?? ''}`;
  }
}

function parseRequirement(part: string, text: string): LabelRequirement {
  const [, setKey, word, list] = SET.exec(part) ?? [];
  if (setKey !== undefined)
    return {
      key: setKey,
      operator: word === 'in' ? 'In' : 'NotIn',
      values: (list ?? '').split(',').map((value) => checked(value.trim(), text)),
    };
  const [, key, sign, value] = EQUALITY.exec(part) ?? [];
  if (key !== undefined) return { key, operator: sign === '!=' ? 'NotIn' : 'In', values: [checked(value ?? '', text)] };
  const [, not, name] = EXISTENCE.exec(part) ?? [];
  if (name === undefined) throw invalid(text);
  return { key: name, operator: not === '!' ? 'DoesNotExist' : 'Exists', values: [] };
}

function checked(value: string, text: string): string {
  if (!VALUE.test(value)) throw invalid(text);
  return value;
}

function invalid(text: string): AssayError {
  return new AssayError('CONFIG_INVALID', `"${text}" is not a label selector`, {
    hint: 'Write conditions with commas between them: pool=gpu,tier!=spot,zone in (a,b),!retired',
  });
}

/** @source Kubernetes API, LabelSelectorRequirement and NodeSelectorRequirement: an absent label meets NotIn and DoesNotExist */
function meets(labels: Labels, { key, operator, values }: LabelRequirement): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return integerOf(value) > integerOf(values[0]);
    case 'Lt':
      return integerOf(value) < integerOf(values[0]);
    default:
      return false;
  }
}

function integerOf(text: string | undefined): number {
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
}

import { compareText } from '../digest/compare-text.ts';
import { canonicalYaml } from '../digest/canonical-yaml.ts';
import { isValueMap, type CanonicalValue } from '../digest/yaml-value.ts';
import { recipeValue } from './canonical-recipe.ts';
import type { Recipe } from './document.ts';

/** One difference between two recipes; `before` is absent for what was added, `after` for what was removed. */
export interface RecipeChange {
  /** Dotted path; components and constraints stand under their names in brackets. */
  readonly path: string;
  readonly before?: CanonicalValue;
  readonly after?: CanonicalValue;
}

/** Lists whose elements have names: compared by name, not by position. */
const NAMED_LISTS: ReadonlySet<string> = new Set(['componentRefs', 'constraints', 'excludedOverlays']);

/** Every difference between two recipes, in path order; empty = the canonical forms are equal. */
export function diffRecipes(before: Recipe, after: Recipe): RecipeChange[] {
  return diffValues('', named(recipeValue(before), ''), named(recipeValue(after), ''));
}

function diffValues(path: string, before: CanonicalValue | undefined, after: CanonicalValue | undefined): RecipeChange[] {
  if (isValueMap(before) && isValueMap(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(compareText);
    return keys.flatMap((key) => diffValues(join(path, key), member(before, key), member(after, key)));
  }
  if (sameText(before, after)) return [];
  return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
}

/** Replaces the lists of named things by maps, at every level. */
function named(value: CanonicalValue, key: string): CanonicalValue {
  if (isValueMap(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, inner === undefined ? inner : named(inner, name)]));
  }
  if (!Array.isArray(value) || !NAMED_LISTS.has(key)) return value;
  const entries = (value as readonly CanonicalValue[]).map(
    (item) => [`[${String(isValueMap(item) ? item.name : '')}]`, named(item, '')] as const,
  );
  const byName = new Map(entries);
  return byName.size === entries.length ? Object.fromEntries(byName) : value;
}

function join(path: string, key: string): string {
  return path === '' || key.startsWith('[') ? `${path}${key}` : `${path}.${key}`;
}

function member(value: { readonly [key: string]: CanonicalValue | undefined }, key: string): CanonicalValue | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

function sameText(before: CanonicalValue | undefined, after: CanonicalValue | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return canonicalYaml(before, 2) === canonicalYaml(after, 2);
}

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
  return diffValues('', recipeValue(before), recipeValue(after));
}

function diffValues(path: string, before: CanonicalValue | undefined, after: CanonicalValue | undefined): RecipeChange[] {
  const [left, right] = [members(before, path), members(after, path)];
  if (left === undefined || right === undefined) return diffWhole(path, before, after);
  const keys = [...new Set([...left.keys(), ...right.keys()])].sort(compareText);
  return keys.flatMap((key) =>
    diffValues(path === '' || key.startsWith('[') ? `${path}${key}` : `${path}.${key}`, left.get(key), right.get(key)),
  );
}

function diffWhole(path: string, before: CanonicalValue | undefined, after: CanonicalValue | undefined): RecipeChange[] {
  const same = before === undefined || after === undefined ? before === after : canonicalYaml(before, 2) === canonicalYaml(after, 2);
  return same ? [] : [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
}

/** What a value consists of: a mapping's members, or the elements of a list of named things as `[name]`. */
function members(value: CanonicalValue | undefined, path: string): ReadonlyMap<string, CanonicalValue> | undefined {
  if (isValueMap(value)) {
    return new Map(Object.entries(value).filter((entry): entry is [string, CanonicalValue] => entry[1] !== undefined));
  }
  if (!Array.isArray(value) || !NAMED_LISTS.has(path.slice(path.lastIndexOf('.') + 1))) return undefined;
  const elements = (value as readonly CanonicalValue[]).map((item) => [`[${String(isValueMap(item) ? item.name : '')}]`, item] as const);
  const byName = new Map(elements);
  return byName.size === elements.length ? byName : undefined;
}

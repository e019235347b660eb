import { isValueMap, type CanonicalValue } from '../digest/yaml-value.ts';
import type { ValueMap } from './document.ts';

/**
 * Lays values over values in a recipe: maps merge, anything else replaces; null is kept as a value. Neither argument
 * is changed, so nothing of one recipe can leak into another.
 */
export function overlayValues(below: ValueMap, above: ValueMap): ValueMap {
  const merged = new Map<string, CanonicalValue>(Object.entries(below));
  for (const [key, value] of Object.entries(above)) {
    const current = merged.get(key);
    merged.set(key, isValueMap(current) && isValueMap(value) ? overlayValues(current as ValueMap, value as ValueMap) : value);
  }
  return Object.fromEntries(merged);
}

/** Lays Helm values over Helm values: like {@link overlayValues}, but null removes the key. */
export function hydrateValues(below: ValueMap, above: ValueMap): ValueMap {
  const merged = new Map<string, CanonicalValue>(Object.entries(below));
  for (const [key, value] of Object.entries(above)) {
    const current = merged.get(key);
    if (value === null) merged.delete(key);
    else merged.set(key, isValueMap(current) && isValueMap(value) ? hydrateValues(current as ValueMap, value as ValueMap) : value);
  }
  return Object.fromEntries(merged);
}

import type { Reading } from '#core/snapshot/measurement.ts';
import type { Field } from './parsed.ts';

/** A shape with each list of keys replaced by the field that answers. */
export type Resolved<S> = { readonly [K in keyof S]: S[K] extends readonly string[] ? Field : Resolved<S[K]> };

/**
 * Answers a shape from collected fields: of the keys that can answer, the first that was read, else the first that is there.
 * @param missing reading of a fact that the output does not have
 */
export function resolveShape<S extends object>(shape: S, fields: ReadonlyMap<string, Field>, missing: Reading): Resolved<S> {
  const entries = Object.entries(shape).map(([name, part]: [string, readonly string[] | object]) => [
    name,
    Array.isArray(part) ? answer(part as readonly string[], fields, missing) : resolveShape(part, fields, missing),
  ]);
  return Object.fromEntries(entries) as Resolved<S>;
}

function answer(keys: readonly string[], fields: ReadonlyMap<string, Field>, missing: Reading): Field {
  let first: Field | undefined;
  for (const key of keys) {
    const field = fields.get(key);
    if (field?.reading.state === 'read') return field;
    first ??= field;
  }
  return first ?? { key: keys[0] ?? '', path: '', reading: missing };
}

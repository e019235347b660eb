import type { Reading } from '#core/snapshot/measurement.ts';
import type { Field } from './parsed.ts';

/** A shape with each list of keys replaced by the field that answers. */
export type Resolved<S> = { readonly [K in keyof S]: S[K] extends readonly string[] ? Field : Resolved<S[K]> };

/** A shape taken apart once: a name with the keys that can answer, or with the parts below it. */
type Part = readonly [name: string, keys: readonly string[] | undefined, parts: readonly Part[]];

/** Shapes are constants, asked once per device. */
const PARTS = new WeakMap<object, readonly Part[]>();

/**
 * Answers a shape from collected fields: of the keys that can answer, the first that was read, else the first that is there.
 * @param missing reading of a fact that the output does not have
 */
export function resolveShape<S extends object>(shape: S, fields: ReadonlyMap<string, Field>, missing: Reading): Resolved<S> {
  let parts = PARTS.get(shape);
  if (parts === undefined) PARTS.set(shape, (parts = takeApart(shape)));
  return resolveParts(parts, fields, missing) as Resolved<S>;
}

function takeApart(shape: object): readonly Part[] {
  return Object.entries(shape).map(([name, part]: [string, readonly string[] | object]) =>
    Array.isArray(part) ? ([name, part as readonly string[], []] as const) : ([name, undefined, takeApart(part)] as const),
  );
}

function resolveParts(parts: readonly Part[], fields: ReadonlyMap<string, Field>, missing: Reading): object {
  const resolved: Record<string, object> = {};
  for (const [name, keys, below] of parts)
    resolved[name] = keys === undefined ? resolveParts(below, fields, missing) : answer(keys, fields, missing);
  return resolved;
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

import { shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';

/** What Go's decoder expects in a place. `any` is not looked at. */
export type GoShape =
  | 'string'
  | 'int'
  | 'bool'
  | 'time'
  | 'any'
  | { readonly list: GoShape }
  | { readonly map: GoShape }
  | { readonly fields: Readonly<Record<string, GoShape>> };

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/** A number that is not written as an integer; Go refuses it where an integer is expected, even `1.0`. */
class FractionLiteral {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** Parses JSON and keeps the difference between `1` and `1.0`. @throws SyntaxError */
export function parseGoJson(text: string): unknown {
  const reviver = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' && !/^-?\d+$/.test(context?.source ?? '') ? new FractionLiteral(context?.source ?? '') : value;
  return JSON.parse(text, reviver);
}

/**
 * Decodes as Go's `encoding/json` does into a struct: names match in any case, the last of several wins, unknown ones are
 * dropped, null and absent leave the zero value.
 * @throws Refusal PREDICATE_INVALID where Go would report an error
 * @source Go `encoding/json`, Unmarshal
 */
export function decodeGo(value: unknown, shape: GoShape, path: string): unknown {
  if (value === null || value === undefined) return undefined;
  if (typeof shape === 'object') return decodeComposite(value, shape, path);
  switch (shape) {
    case 'any':
      return value;
    case 'int':
      return demand(typeof value === 'number', value, { path, expected: 'an integer' });
    case 'bool':
      return demand(typeof value === 'boolean', value, { path, expected: 'a boolean' });
    case 'string':
      return demand(typeof value === 'string', value, { path, expected: 'a string' });
    case 'time':
      return demand(typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value)), value, {
        path,
        expected: 'an RFC 3339 time',
      });
  }
}

function decodeComposite(value: unknown, shape: Exclude<GoShape, string>, path: string): unknown {
  if ('list' in shape) {
    const list = demand(Array.isArray(value), value, { path, expected: 'an array' }) as readonly unknown[];
    return list.map((entry, index) => decodeGo(entry, shape.list, `${path}[${index}]`));
  }
  const isObject = typeof value === 'object' && !Array.isArray(value) && !(value instanceof FractionLiteral);
  const object = demand(isObject, value, { path, expected: 'an object' }) as Readonly<Record<string, unknown>>;
  if ('map' in shape)
    return Object.fromEntries(Object.entries(object).map(([key, entry]) => [key, decodeGo(entry, shape.map, `${path}.${key}`)]));
  const result: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(object)) {
    const name = Object.keys(shape.fields).find((known) => known.toLowerCase() === key.toLowerCase());
    const field = name === undefined ? undefined : shape.fields[name];
    const decoded = name === undefined || field === undefined ? undefined : decodeGo(entry, field, `${path}.${name}`);
    if (name !== undefined && decoded !== undefined) result[name] = decoded;
  }
  return result;
}

function demand(isRight: boolean, value: unknown, { path, expected }: { path: string; expected: string }): unknown {
  if (isRight) return value;
  throw new Refusal(
    'PREDICATE_INVALID',
    `${path} must be ${expected}, not ${shown(value instanceof FractionLiteral ? value.source : value, 80)}`,
  );
}

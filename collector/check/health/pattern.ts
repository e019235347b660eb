import type { Field } from '#core/digest/document-field.ts';
import { isYamlMap } from '#core/digest/yaml-value.ts';
import { plainValue, type PlainValue } from '#core/digest/yaml-value.ts';
import { errorText } from '#core/error.ts';
import { compileExpression, tryEvaluate, type Expression } from './expression.ts';

/** What an object must look like: every member that the pattern names, lists of equal length, and the results of expressions. */
export type Pattern =
  | {
      readonly kind: 'map';
      readonly fields: readonly (readonly [key: string, pattern: Pattern])[];
      readonly queries: readonly (readonly [expression: Expression, pattern: Pattern])[];
    }
  | { readonly kind: 'list'; readonly items: readonly Pattern[] }
  | { readonly kind: 'value'; readonly value: PlainValue };

/** Where and why a value does not match; `problem` says that an expression could not be evaluated at all. */
export interface Mismatch {
  readonly text: string;
  readonly isProblem: boolean;
}

/** A key or a text like `(a > b)`: an expression. */
const IN_PARENTHESES = /^\((.*)\)$/s;
/** Keys of the format that go beyond the subset: bindings, element modifiers, compilers. */
const MODIFIER = /(?:->|^~)/;
const SHOWN = 120;

/**
 * Reads the pattern of a resource.
 * @param field mapping, list or scalar of a health check
 * @throws the field's code, located, for an expression that does not parse and for everything outside of the subset
 */
export function readPattern(field: Field): Pattern {
  const { node } = field;
  if (isYamlMap(node)) {
    const members = (field.members() ?? []).map(([key, member]) => ({ key, member, query: queryOf(key, member) }));
    return {
      kind: 'map',
      fields: members.filter(({ query }) => query === undefined).map(({ key, member }) => [key, readPattern(member)]),
      queries: members.flatMap(({ query, member }) => (query === undefined ? [] : [[query, readPattern(member)] as const])),
    };
  }
  if (Array.isArray(node)) return { kind: 'list', items: (field.items() ?? []).map(readPattern) };
  const value = plainValue(node ?? null);
  if (typeof value === 'string' && IN_PARENTHESES.test(value))
    throw field.error(`an expression as a value is not supported: ${shown(value)}`);
  return { kind: 'value', value };
}

/** @returns undefined when the value matches; else the first difference */
export function mismatch(pattern: Pattern, value: unknown, path = ''): Mismatch | undefined {
  if (pattern.kind === 'map') return mapMismatch(pattern, value, path);
  if (pattern.kind === 'value') return sameScalar(pattern.value, value) ? undefined : differs(path, shown(pattern.value), value);
  if (!Array.isArray(value)) return differs(path, `a list of ${pattern.items.length}`, value);
  if (value.length !== pattern.items.length) return differs(path, `${pattern.items.length} items`, `${value.length} items`);
  return first(pattern.items, (item, index) => mismatch(item, value[index], `${path}[${index}]`));
}

function mapMismatch({ fields, queries }: Extract<Pattern, { kind: 'map' }>, value: unknown, path: string): Mismatch | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return differs(path, 'a mapping', value);
  const own = value as Readonly<Record<string, unknown>>;
  return (
    first(fields, ([key, inner]) =>
      mismatch(inner, Object.hasOwn(own, key) ? own[key] : undefined, path === '' ? key : `${path}.${key}`),
    ) ?? first(queries, ([expression, inner]) => queryMismatch(expression, inner, { value, path }))
  );
}

function queryMismatch(
  expression: Expression,
  pattern: Pattern,
  at: { readonly value: unknown; readonly path: string },
): Mismatch | undefined {
  const path = `${at.path}(${shown(expression.text)})`;
  const evaluated = tryEvaluate(expression, at.value);
  if ('problem' in evaluated) return { text: `${path}: ${evaluated.problem}`, isProblem: true };
  return mismatch(pattern, evaluated.result, path);
}

function queryOf(key: string, member: Field): Expression | undefined {
  if (MODIFIER.test(key)) throw member.error(`"${shown(key)}" is not supported: only expressions in parentheses are`);
  const inner = IN_PARENTHESES.exec(key)?.[1];
  if (inner === undefined) return undefined;
  try {
    return compileExpression(inner);
  } catch (cause) {
    throw member.error(`not an expression: ${errorText(cause)}`);
  }
}

/** An absent member equals null, as an expression sees it. */
function sameScalar(expected: PlainValue, value: unknown): boolean {
  return typeof expected === 'bigint' ? Number(expected) === value : expected === (value ?? null);
}

function first<Item>(items: readonly Item[], look: (item: Item, index: number) => Mismatch | undefined): Mismatch | undefined {
  for (const [index, item] of items.entries()) {
    const found = look(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function differs(path: string, expected: string, value: unknown): Mismatch {
  return { text: `${path === '' ? 'object' : path} is ${shown(value)}, expected ${expected}`, isProblem: false };
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : value === undefined ? 'absent' : JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

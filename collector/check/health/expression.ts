import { compile, isRegistered, TreeInterpreter, type JSONValue } from '@jmespath-community/jmespath';
import { errorText } from '#core/error.ts';

/** A JMESPath expression that parses and calls only functions that exist. */
export interface Expression {
  readonly text: string;
  /** @returns null where the value has no such thing @throws Error when a function is given a value of the wrong type */
  readonly evaluate: (value: unknown) => unknown;
}

/** The longest expression of any known health check has 250 characters. */
const MAX_LENGTH = 4096;
/** Nesting that no readable expression has; deeper ones would end the parser's stack. */
const MAX_NESTING = 64;

/**
 * Compiles an expression.
 * @throws Error with the reason; the caller knows the place
 */
export function compileExpression(text: string): Expression {
  if (text.length > MAX_LENGTH) throw new Error(`the expression has more than ${MAX_LENGTH} characters`);
  if (nesting(text) > MAX_NESTING) throw new Error(`the expression nests deeper than ${MAX_NESTING}`);
  const tree = compile(text);
  const unknown = calledFunctions(tree).find((name) => !isRegistered(name));
  if (unknown !== undefined) throw new Error(`there is no function ${unknown}()`);
  return { text, evaluate: (value) => TreeInterpreter.search(tree, (value ?? null) as JSONValue) ?? null };
}

/** Result or error of an expression. */
export function tryEvaluate({ evaluate }: Expression, value: unknown): { readonly result: unknown } | { readonly problem: string } {
  try {
    return { result: evaluate(value) };
  } catch (error) {
    return { problem: errorText(error) };
  }
}

function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if ('([{!'.includes(character)) deepest = Math.max(deepest, (depth += 1));
    else if (')]}'.includes(character)) depth -= 1;
  }
  return deepest;
}

/** Names of all functions that a tree calls, wherever they stand in it. */
function calledFunctions(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(calledFunctions);
  if (typeof node !== 'object' || node === null) return [];
  const { type, name } = node as { readonly type?: unknown; readonly name?: unknown };
  const own = type === 'Function' && typeof name === 'string' ? [name] : [];
  return [...own, ...Object.values(node).flatMap(calledFunctions)];
}

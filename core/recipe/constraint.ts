import type { Snapshot } from '../snapshot/document.ts';
import { isPath, lookUp, type LookupProblem } from './constraint-path.ts';
import { compareAtCommonPrecision, readVersion, sameVersion, type Version } from './version.ts';

/** Why a constraint has no verdict: its path or expression is wrong, or one side is no version. */
export type ConstraintProblem = LookupProblem['kind'] | 'invalid-expression' | 'incomparable';

/**
 * What one constraint says about a snapshot. `problem: 'absent'` = the snapshot does not have the value (a redacted
 * snapshot may have lost it), which is not the same as a comparison that is false.
 */
export interface ConstraintResult {
  readonly name: string;
  readonly expected: string;
  /** The value as text; absent when it could not be looked up. */
  readonly actual?: string;
  readonly passed: boolean;
  /** Upstream's error text, present when there is no comparison to speak of. */
  readonly error?: string;
  readonly problem?: ConstraintProblem;
}

type Operator = '>=' | '<=' | '!=' | '==' | '>' | '<';

interface Expression {
  /** Absent = the whole text must be equal. */
  readonly operator?: Operator;
  readonly operand: string;
}

type Comparison = { readonly passed: boolean } | { readonly error: string };

const OPERATORS: readonly Operator[] = ['>=', '<=', '!=', '==', '>', '<'];

/**
 * Evaluates one constraint against a snapshot. Never throws: an error is a result that did not pass.
 * @param constraint `name` is a path into the snapshot, `value` an expression such as `>= 1.32.4` or `ubuntu`
 * @source recipe constraint semantics
 */
export function evaluateConstraint(snapshot: Snapshot, constraint: { readonly name: string; readonly value: string }): ConstraintResult {
  const { name, value: expected } = constraint;
  const lookup = lookUp(snapshot, name);
  if ('problem' in lookup) return { name, expected, passed: false, error: lookup.problem.text, problem: lookup.problem.kind };
  const { value: actual } = lookup;
  const expression = parseExpression(expected);
  if ('error' in expression) return { name, expected, actual, passed: false, error: expression.error, problem: 'invalid-expression' };
  const comparison = compare(expression, actual.trim());
  if ('error' in comparison) return { name, expected, actual, passed: false, error: comparison.error, problem: 'incomparable' };
  return { name, expected, actual, passed: comparison.passed };
}

/** Whether a constraint can have a verdict: path and expression parse, and an order is asked of a version. */
export function isWellFormed(constraint: { readonly name: string; readonly value: string }): boolean {
  const expression = parseExpression(constraint.value);
  if ('error' in expression || !isPath(constraint.name)) return false;
  const { operator = '', operand } = expression;
  return !['>=', '<=', '>', '<'].includes(operator) || 'version' in readVersion(operand);
}

/** Splits an expression; no operator means exact text. */
function parseExpression(text: string): Expression | { readonly error: string } {
  const trimmed = text.trim();
  if (trimmed === '') return invalidExpression('constraint expression cannot be empty');
  const operator = OPERATORS.find((one) => trimmed.startsWith(one));
  if (operator === undefined) return { operand: trimmed };
  const operand = trimmed.slice(operator.length).trim();
  return operand === '' ? invalidExpression('constraint value cannot be empty after operator') : { operator, operand };
}

function compare({ operator, operand }: Expression, actual: string): Comparison {
  if (operator === undefined) return { passed: actual === operand };
  if (operator === '==') return { passed: equal(operand, actual) };
  if (operator === '!=') return { passed: !equal(operand, actual) };
  return compareOrder(operator, operand, actual);
}

function equal(operand: string, actual: string): boolean {
  const looksLikeVersion = /\d/.test(operand) && operand.replace(/^v/, '').includes('.');
  const expected = readVersion(operand);
  const found = readVersion(actual);
  return looksLikeVersion && 'version' in expected && 'version' in found
    ? sameVersion(expected.version, found.version)
    : operand === actual;
}

function compareOrder(operator: '>=' | '<=' | '>' | '<', operand: string, actual: string): Comparison {
  const found = readVersion(actual);
  const expected = readVersion(operand);
  if ('problem' in expected) return incomparable('expected', expected.problem);
  if ('problem' in found) return incomparable('actual', found.problem);
  return { passed: holds(operator, found.version, expected.version) };
}

function holds(operator: '>=' | '<=' | '>' | '<', found: Version, expected: Version): boolean {
  const order = compareAtCommonPrecision(found, expected);
  if (operator === '>=') return order >= 0;
  if (operator === '<=') return order <= 0;
  return operator === '>' ? order > 0 : order < 0;
}

function incomparable(side: string, problem: string): { error: string } {
  return { error: `[INTERNAL] evaluation failed: [INVALID_REQUEST] cannot parse ${side} version: [INVALID_REQUEST] ${problem}` };
}

function invalidExpression(text: string): { error: string } {
  return { error: `[INVALID_REQUEST] invalid constraint expression: [INVALID_REQUEST] ${text}` };
}

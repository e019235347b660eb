import type { Command } from 'commander';
import type { ExitCode } from '#core/error.ts';
import { evaluateConstraint, type ConstraintResult } from '#core/recipe/constraint.ts';
import { withFormat } from '../output/conclude.ts';
import { readSnapshot } from './recipe-input.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface EvalFlags {
  readonly snapshot: string;
  readonly name: string;
  readonly value: string;
}

const EXAMPLE = `
Exit status 0: holds; 1: does not hold; 2: cannot be evaluated (wrong path or expression, value not in the snapshot).
Example: assay constraint eval -s snapshot.yaml --name K8s.server.version --value '>= 1.32.4'`;

/** `assay constraint`: one constraint against a snapshot. */
export const defineConstraint: DefineVerb = (command, conclude) => {
  command.addHelpText('after', EXAMPLE);
  const evaluate = command.command('eval').description('evaluates one constraint against a snapshot');
  evaluate
    .requiredOption('-s, --snapshot <file>', 'snapshot to read')
    .requiredOption('--name <path>', 'what is looked at: {Type}.{Subtype}.{Key}')
    .requiredOption('--value <expression>', 'what is expected: text, or an operator and a version');
  withFormat(evaluate, ['text', 'json']).addHelpText('after', EXAMPLE);
  evaluate.action((flags: EvalFlags) => evaluateOne(evaluate, flags, conclude));
};

async function evaluateOne(command: Command, { snapshot, name, value }: EvalFlags, conclude: Conclude): Promise<void> {
  const result = evaluateConstraint(readSnapshot(snapshot), { name, value });
  await conclude(command, { exit: exitOf(result), json: { actual: null, ...result }, render: { text: () => `${sentence(result)}\n` } });
}

function exitOf({ passed, problem }: ConstraintResult): ExitCode {
  if (problem !== undefined) return 2;
  return passed ? 0 : 1;
}

function sentence({ name, expected, actual, passed, error }: ConstraintResult): string {
  if (error !== undefined) return `${name}: cannot be evaluated: ${error}`;
  return `${name}: ${passed ? 'holds' : 'does not hold'}: expected ${expected}, got ${actual}`;
}

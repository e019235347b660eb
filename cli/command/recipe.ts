import type { Command } from 'commander';
import { AssayError } from '#core/error.ts';
import { withCatalog, withCriteria, withSnapshot } from './recipe-option.ts';
import type { Conclude, DefineVerb } from './verb.ts';

const EXAMPLES = `
Examples:
  assay recipe list --accelerator mi300
  assay recipe resolve --service eks --accelerator h100 --intent training --os ubuntu -o recipe.yaml
  assay recipe digest -r recipe.yaml
  assay recipe query --service eks --accelerator h100 --intent training --os ubuntu --selector components.gpu-operator.version
  assay recipe diff recipe.yaml other.yaml`;

/** `assay recipe`: catalog work. Each action's module is loaded only when it runs. */
export const defineRecipe: DefineVerb = (command, conclude) => {
  command.addHelpText('after', EXAMPLES).allowExcessArguments();
  command.action(() => {
    const [operation] = command.args;
    const problem = operation === undefined ? 'an operation is missing' : `there is no operation "${operation}"`;
    throw new AssayError('USAGE', `${problem} after "assay recipe"`, { hint: 'Use one of: list, resolve, digest, query, diff.' });
  });
  defineList(sub(command, 'list', 'the overlays of the catalog'), conclude);
  defineResolve(sub(command, 'resolve', 'criteria, or a snapshot, to a recipe'), conclude);
  defineDigest(sub(command, 'digest', 'the digest that evidence for a recipe is bound to'), conclude);
  defineQuery(sub(command, 'query', 'one value of a recipe, Helm values included'), conclude);
  defineDiff(sub(command, 'diff', 'what differs between two recipes'), conclude);
};

function defineList(command: Command, conclude: Conclude): void {
  output(withCriteria(command), 'text', 'text or json');
  command.addHelpText('after', '\nExample: assay recipe list --service eks --format json');
  command.action(async (flags) => (await import('./recipe-list.ts')).list(command, flags, conclude));
}

function defineResolve(command: Command, conclude: Conclude): void {
  output(withSnapshot(withCriteria(command)), 'yaml', 'yaml or json (default: by the suffix of -o, else yaml)');
  command.addHelpText(
    'after',
    '\nExample: assay recipe resolve --service eks --accelerator h100 --intent training --os ubuntu -o recipe.yaml',
  );
  command.action(async (flags) => (await import('./recipe-resolve.ts')).resolve(command, flags, conclude));
}

function defineDigest(command: Command, conclude: Conclude): void {
  output(withCatalog(command), 'text', 'text or json');
  command
    .requiredOption('-r, --recipe <file>', 'resolved recipe or overlay, .yaml or .json')
    .option('--material', 'the digest of the material slice (RFC 8785): same deployment, same digest')
    .option('--slice', 'with --material: print the slice itself as canonical JSON')
    .addHelpText('after', '\nExample: assay recipe digest -r recipe.yaml');
  command.action(async (flags) => (await import('./recipe-digest.ts')).digest(command, flags, conclude));
}

function defineQuery(command: Command, conclude: Conclude): void {
  output(withSnapshot(withCriteria(command)), 'yaml', 'yaml or json');
  command
    .option('-r, --recipe <file>', 'resolved recipe or overlay instead of criteria')
    .option('--selector <path>', 'dotted path, for example components.gpu-operator.values.driver', '')
    .addHelpText('after', '\nExample: assay recipe query -r recipe.yaml --selector components.gpu-operator.values');
  command.action(async (flags) => (await import('./recipe-query.ts')).query(command, flags, conclude));
}

function defineDiff(command: Command, conclude: Conclude): void {
  output(withCatalog(command), 'text', 'text or json');
  command.argument('<before>', 'resolved recipe or overlay').argument('<after>', 'the one to compare with');
  command.addHelpText('after', '\nExit status 0: same recipe; 1: they differ.\nExample: assay recipe diff recipe.yaml other.yaml');
  command.action(async (before: string, after: string, flags) =>
    (await import('./recipe-diff.ts')).diff(command, { before, after, ...flags }, conclude),
  );
}

function sub(command: Command, name: string, summary: string): Command {
  return command.command(name).description(summary);
}

/** As `withFormat`, with `-o` and a text of its own for the format. */
function output(command: Command, format: string, help: string): Command {
  return command.option('--format <format>', help, format).option('-o, --output <file>', 'write the result to this file instead of stdout');
}

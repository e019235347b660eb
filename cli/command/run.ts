import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { AssayError } from '#core/error.ts';
import { PHASES, type Phase } from '#core/ctrf/report.ts';
import { BUNDLE_DIRECTORY } from '#core/attestation/media-type.ts';
import { layoutStore } from '#core/oci/layout.ts';
import { reportedFailure } from '#core/process/reported-failure.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import { withFormat } from '../output/conclude.ts';
import { registryOptions, withRegistry, type RegistryFlags } from '../registry/registry-flags.ts';
import { runProgress } from '../run/progress.ts';
import { eventOf } from '../run/run-result.ts';
import { chooseRecipe, type RecipeChoice } from '../run/run-recipe.ts';
import { hasAmbientIdentity } from '../signing/config.ts';
import { keylessChoice, withSigning, type SigningFlags } from '../signing/signing-flags.ts';
import { catalogSource, withCriteria } from './recipe-option.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface RunFlags extends RecipeChoice, RegistryFlags, SigningFlags {
  readonly lab?: boolean;
  readonly phase?: readonly string[];
  readonly out: string;
  readonly push?: string;
  readonly nodeName?: string;
  readonly deadline: string;
  readonly full?: boolean;
  readonly logs?: boolean;
  readonly expiresIn?: string;
  readonly hostRoot?: string;
  readonly toolPath?: string;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly format: string;
}

/** OCI layout below the output directory. */
const LAYOUT_DIRECTORY = 'oci';

const EXAMPLES = `
Without --lab and without an identity token the bundle is sealed unsigned and pending (exit 1); "assay sign" signs it later.
A second run into one directory replaces bundle and pointer; the layout keeps the artifacts of both, each under its own tag, because
what was published once stays published.

Examples:
  assay run --lab
  assay run --lab --service eks --accelerator h100 --intent training --os ubuntu
  assay run --recipe recipe.yaml --identity-token-file token --push registry.example.org/me/evidence`;

/** `assay run`: this computer into sealed, signed, published and verified evidence. */
export const defineRun: DefineVerb = (command, conclude) => {
  command
    .option('--lab', 'sign with an authority made for this run; nothing leaves the computer')
    .option('--phase <phase...>', `phases to run: ${PHASES.join(', ')} (default: all)`)
    .option('--out <dir>', 'where bundle, layout and pointer are written', './assay-out')
    .option('--push <ref>', 'push artifact and signature to this OCI reference')
    .option('--node-name <name>', 'name of this node in the run (default: the host name)')
    .option('--deadline <duration>', 'when the run is sealed at the latest', '30m')
    .option('--full', 'keep messages, output and all facts in the bundle instead of the minimal redaction')
    .option('--logs', 'also write messages and output of all checks, as a second artifact that the bundle names by digest')
    .option('--expires-in <age>', 'how long the evidence is good after the seal: 90d, 6mo, 2y (default: no end)')
    .option('--host-root <dir>', 'read this tree instead of /')
    .option('--tool-path <dir>', 'look for vendor tools here')
    .option('--verbose', 'show the logs of agent and collector')
    .option('--quiet', 'no progress on stderr');
  command.option('--recipe <file>', 'recipe or overlay to certify (default: one that fits any Linux host)');
  withCriteria(command);
  withRegistry(withSigning(command));
  withFormat(command, ['markdown', 'json']).addHelpText('after', EXAMPLES);
  command.action((flags: RunFlags) => run(command, flags, conclude));
};

async function run(command: Command, flags: RunFlags, conclude: Conclude): Promise<void> {
  const signing = signingOf(flags);
  const recipe = await chooseRecipe(flags);
  const [{ runLocally }, { interruptible }] = await Promise.all([import('../run/local-run.ts'), import('../run/interruptible.ts')]);
  const outDir = resolve(flags.out);
  const startedAt = performance.now();
  const show = flags.quiet === true ? () => undefined : progressPrinter();
  const localRun = await interruptible((signal) =>
    runLocally({
      signal,
      outDir,
      recipe: recipe.bytes,
      accelerator: recipe.accelerator,
      nodeName: nodeNameOf(flags),
      phases: phasesOf(flags.phase),
      sign: signing === 'lab' ? 'lab' : 'none',
      deadline: flags.deadline,
      onEvent: (event) => (signing === 'keyless' && event.event === 'pending' ? undefined : show(event)),
      onProgramLog: flags.verbose === true ? 'inherit' : 'keep',
      ...pick(flags, ['hostRoot', 'toolPath', 'full', 'logs', 'expiresIn']),
    }),
  );
  const bundle = eventOf(localRun.events, 'assembled')?.bundle ?? join(outDir, BUNDLE_DIRECTORY);
  throwFailure(localRun.events);
  const delivered = await deliver(flags, { signing, bundle, layout: join(outDir, LAYOUT_DIRECTORY), show });
  const events = [...localRun.events, ...delivered.events];
  const trustedRoot = eventOf(events, 'signed')?.trustedRoot ?? flags.trustedRoot;
  const [{ verifyEvidence }, { readRunResult }, { runSummary }] = await Promise.all([
    import('#core/verify/verify-evidence.ts'),
    import('../run/read-result.ts'),
    import('../output/run-summary.ts'),
  ]);
  const { sliceFrom } = await import('../run/slice-comparison.ts');
  const materialSlice = sliceFrom(catalogSource(flags));
  const verdict = await verifyEvidence(bundle, { offline: true, materialSlice, ...(trustedRoot === undefined ? {} : { trustedRoot }) });
  const timingsMs = { ...localRun.timingsMs, verified: Math.round(performance.now() - startedAt) };
  const tags = (await layoutStore(join(outDir, LAYOUT_DIRECTORY)).listTags()).length;
  const result = await readRunResult({ events, timingsMs, isOut: delivered.exit === 3, tags }, bundle, verdict);
  await conclude(command, { exit: result.exit, json: result, render: { markdown: () => runSummary(result) } });
}

interface Delivered {
  readonly exit: 0 | 3;
  readonly events: readonly RunEvent[];
}

/** What the collector leaves to us: a signature with an identity, and a push. */
async function deliver(
  flags: RunFlags,
  {
    signing,
    bundle,
    layout,
    show,
  }: { readonly signing: RunSigning; readonly bundle: string; readonly layout: string; readonly show: (event: RunEvent) => void },
): Promise<Delivered> {
  if (signing !== 'keyless' && flags.push === undefined) return { exit: 0, events: [] };
  const { deliverEvidence } = await import('../run/deliver-evidence.ts');
  const events: RunEvent[] = [];
  const emit = (event: RunEvent): void => {
    events.push(event);
    show(event);
  };
  const exit = await deliverEvidence({
    bundle,
    layout,
    registry: registryOptions(flags),
    emit,
    ...(signing === 'keyless' ? { identity: keylessChoice(flags) } : {}),
    ...(flags.push === undefined ? {} : { push: flags.push }),
  });
  return { exit, events };
}

/** Prints progress on stderr. */
function progressPrinter(): (event: RunEvent) => void {
  const progress = runProgress(process.stderr);
  return (event) => {
    const line = progress(event);
    if (line !== undefined) process.stderr.write(`${line}\n`);
  };
}

function phasesOf(given: readonly string[] | undefined): readonly Phase[] {
  if (given === undefined || given.includes('all')) return PHASES;
  const unknown = given.find((phase) => !PHASES.includes(phase as Phase));
  if (unknown !== undefined) throw new AssayError('USAGE', `unknown phase "${unknown}"`, { hint: `Phases: ${PHASES.join(', ')}, all.` });
  return PHASES.filter((phase) => given.includes(phase));
}

/** Names come back in progress and messages: they are one word of printable characters. */
const NODE_NAME = /^[\p{L}\p{N}\p{P}\p{S}]{1,253}$/u;

function nodeNameOf({ nodeName = hostname() }: RunFlags): string {
  if (NODE_NAME.test(nodeName)) return nodeName;
  throw new AssayError('USAGE', `${JSON.stringify(nodeName)} is no node name`, {
    hint: 'Give --node-name up to 253 characters without spaces.',
  });
}

type RunSigning = 'lab' | 'keyless' | 'none';

/** Lab only when asked for; an identity when one is given or the environment has one; else nobody. */
function signingOf(flags: RunFlags): RunSigning {
  const isGiven = flags.identityToken !== undefined || flags.identityTokenFile !== undefined || flags.deviceFlow === true;
  if (flags.lab === true && isGiven)
    throw new AssayError('USAGE', '--lab and an identity exclude each other', { hint: 'Leave out --lab to sign with your identity.' });
  if (flags.lab === true && flags.push !== undefined)
    throw new AssayError('USAGE', '--lab evidence is not pushed: its authority ends with the run', {
      hint: 'Leave out --push, or sign with an identity.',
    });
  if (flags.lab === true) return 'lab';
  return isGiven || hasAmbientIdentity() ? 'keyless' : 'none';
}

/** What the collector reports about itself ends the verb, also after it wrote a bundle: then something of the result is missing. */
function throwFailure(events: readonly RunEvent[]): void {
  const failure = eventOf(events, 'failed');
  if (failure === undefined) return;
  throw (
    reportedFailure(failure) ??
    new AssayError('PROGRAM_FAILED', `${failure.code}: ${failure.message}`, { hint: 'Run again with --verbose.' })
  );
}

function pick<Flags extends object, Name extends keyof Flags>(flags: Flags, names: readonly Name[]): Partial<Pick<Flags, Name>> {
  return Object.fromEntries(names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]] as const]))) as Partial<
    Pick<Flags, Name>
  >;
}

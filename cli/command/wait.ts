import { Option, type Command } from 'commander';
import { AssayError } from '#core/error.ts';
import { parseDuration } from '#core/setting/duration.ts';
import { shown } from '#core/verify/foreign-text.ts';
import { GOALS, type Goal, type Reached, type StateWait } from '../cluster/await-state.ts';
import { openCluster, withRun, type RunFlags } from '../cluster/cluster-flags.ts';
import { withFormat } from '../output/conclude.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface WaitFlags extends RunFlags {
  readonly for: Goal;
  readonly timeout: string;
}

const HELP = `
Exit status: 0 reached; 1 the run ended before it (failed, or pending for good); 2 there is no such run; 3 not in time, or the
cluster cannot be reached.

Examples:
  assay wait -n assay --for published --timeout 30m
  assay wait -n assay --for sealed --format json`;

/** `assay wait`: until a run in a cluster has come so far. */
export const defineWait: DefineVerb = (command, conclude) => {
  withRun(command)
    .addOption(new Option('--for <state>', 'what to wait for').choices(GOALS).default('published'))
    .option('--timeout <duration>', 'how long to wait', '30m');
  withFormat(command, ['text', 'json']).addHelpText('after', HELP);
  command.action((flags: WaitFlags) => wait(command, flags, conclude));
};

async function wait(command: Command, flags: WaitFlags, conclude: Conclude): Promise<void> {
  const timeoutMs = parseDuration(flags.timeout);
  const [{ awaitState }, { interruptible }] = [await import('../cluster/await-state.ts'), await import('../run/interruptible.ts')];
  const place = await openCluster(flags);
  const late = new AssayError('TIMEOUT', `the run was not ${flags.for} within ${flags.timeout}`, {
    hint: `See what it waits for: assay status -n ${place.namespace}`,
  });
  const end = await interruptible((signal) =>
    withDeadline(timeoutMs, late, (inTime) => awaitState(place, waitOptions(flags, AbortSignal.any([signal, inTime])))),
  );
  await conclude(command, { exit: end.reached ? 0 : 1, json: end, render: { text: () => waitText(end, flags.for) } });
}

function waitOptions({ for: goal, release, run }: WaitFlags, signal: AbortSignal): StateWait {
  return { goal, signal, ...(release === undefined ? {} : { release }), ...(run === undefined ? {} : { run }) };
}

/** Gives work a signal that ends it, with an error, after a while. */
async function withDeadline<T>(ms: number, error: AssayError, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(error), ms);
  try {
    return await work(late.signal);
  } finally {
    clearTimeout(timer);
  }
}

function waitText({ reached, run, state, oci, digest, signer, reason, hint }: Reached, goal: Goal): string {
  const rows = [
    ...(reached ? [`${shown(run)}: ${state}`] : [`${shown(run)} ended ${state}, not ${goal}`]),
    ...(reason === undefined ? [] : [shown(reason, 600), `  ${shown(hint ?? '', 600)}`]),
    ...(signer === undefined ? [] : [`signer ${shown(signer.identity)}`, `issuer ${shown(signer.issuer)}`]),
    ...(oci === undefined ? [] : [`${shown(oci)}${digest === undefined ? '' : `@${digest}`}`]),
  ];
  return `${rows.join('\n')}\n`;
}

import type { Command } from 'commander';
import { AssayError } from '#core/error.ts';
import { parseDuration } from '#core/setting/duration.ts';
import { shown } from '#core/verify/foreign-text.ts';
import { openCluster, withRun, type RunFlags } from '../cluster/cluster-flags.ts';
import type { Deletion } from '../cluster/delete-runs.ts';
import { withFormat } from '../output/conclude.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface DeleteFlags extends RunFlags {
  readonly allRuns?: boolean;
  readonly timeout: string;
}

const HELP = `
Removes the Job of a run with its pods and logs, every object that its checks made, and what the status object says of it; then looks
whether anything is left. A run that is under way ends. What Helm installed stays ("helm uninstall" removes it), and so do published
evidence and its pointer.

Exit status: 0 nothing is left, 3 something is.

Examples:
  assay delete -n assay
  assay delete -n assay --all-runs --format json`;

/** `assay delete`: a run, and everything that it made in the cluster. */
export const defineDelete: DefineVerb = (command, conclude) => {
  withRun(command).option('--all-runs', 'every run of the release').option('--timeout <duration>', 'how long objects may take to go', '2m');
  withFormat(command, ['text', 'json']).addHelpText('after', HELP);
  command.action((flags: DeleteFlags) => remove(command, flags, conclude));
};

async function remove(command: Command, flags: DeleteFlags, conclude: Conclude): Promise<void> {
  if (flags.allRuns === true && flags.run !== undefined)
    throw new AssayError('USAGE', '--run and --all-runs exclude each other', { hint: 'Leave one out.' });
  const timeoutMs = parseDuration(flags.timeout);
  const [{ findRelease }, { findRun, listRuns }, { deleteRuns }, { interruptible }] = await Promise.all([
    import('../cluster/find-release.ts'),
    import('../cluster/find-run.ts'),
    import('../cluster/delete-runs.ts'),
    import('../run/interruptible.ts'),
  ]);
  const place = await openCluster(flags);
  const release = await findRelease(place, flags.release);
  const all = flags.run === undefined ? await listRuns(place, release) : [await findRun(place, release, flags.run)];
  const runs = flags.allRuns === true ? all : all.slice(-1);
  const deletion = await interruptible((signal) => deleteRuns(place, release, { runs, timeoutMs, signal }));
  const uninstall = `helm uninstall ${release.helmRelease} -n ${release.namespace}`;
  await conclude(command, {
    exit: deletion.left.length === 0 && deletion.problems.length === 0 ? 0 : 3,
    json: { ...deletion, uninstall },
    render: { text: () => deletionText(deletion, uninstall) },
  });
}

function deletionText({ runs, removed, left, problems, statusReset }: Deletion, uninstall: string): string {
  const lines = [
    ...(runs.length === 0
      ? ['there is no run to delete']
      : [`deleted ${runs.map((run) => shown(run)).join(', ')}: ${removed.length} object(s)`]),
    ...removed.map((name) => `  ${shown(name)}`),
    ...(statusReset ? ['status reset'] : []),
    ...(left.length === 0 ? ['nothing is left of it'] : ['STILL THERE:', ...left.map((name) => `  ${shown(name)}`)]),
    ...problems.map((problem) => `! ${shown(problem, 600)}`),
    `The release itself stays: ${shown(uninstall)}`,
  ];
  return `${lines.join('\n')}\n`;
}

import type { Command } from 'commander';
import { openCluster, withRun, type RunFlags } from '../cluster/cluster-flags.ts';
import type { RunView } from '../cluster/run-view.ts';
import { withFormat } from '../output/conclude.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface StatusFlags extends RunFlags {
  readonly watch?: boolean;
  readonly format: string;
}

const HELP = `
What a run in a cluster does, what it waits for, and what keeps agents from reporting, with the line that helps.
--watch ends with the run. Where the output is no terminal it prints one line per change, with --format json one document per line.

Exit status: 0, or 1 when something is wrong: no agent is wanted, a check failed, a node is missing, the evidence is not signed.

Examples:
  assay status -n assay
  assay status -n assay --watch
  assay status --kubeconfig kubeconfig --context gpu-cluster -n assay --format json`;

/** `assay status`: where a run in a cluster stands. */
export const defineStatus: DefineVerb = (command, conclude) => {
  withRun(command).option('--watch', 'go on until the run ends');
  withFormat(command, ['text', 'json']).addHelpText('after', HELP);
  command.action((flags: StatusFlags) => status(command, flags, conclude));
};

async function status(command: Command, flags: StatusFlags, conclude: Conclude): Promise<void> {
  const [{ interruptible }, { runView, viewExit }, { statusText }] = await Promise.all([
    import('../run/interruptible.ts'),
    import('../cluster/run-view.ts'),
    import('../output/status-text.ts'),
  ]);
  const place = await openCluster(flags);
  if (flags.watch === true) {
    const view = await interruptible((signal) => watch(place, flags, signal));
    const exit = viewExit(view);
    const document = (): string => `${JSON.stringify({ ...view, exit })}\n`;
    await conclude(command, { exit, json: view, document, render: { text: () => statusText(view, Date.now()) } });
    return;
  }
  const { readRun } = await import('../cluster/read-view.ts');
  const { readTrace } = await import('../cluster/read-trace.ts');
  const reading = await interruptible((signal) => readRun(place, flags, (run) => readTrace(place, run, signal)));
  const view = runView(reading);
  await conclude(command, { exit: viewExit(view), json: view, render: { text: () => statusText(view, reading.nowMs) } });
}

/** @returns the last state that was seen */
async function watch(place: Awaited<ReturnType<typeof openCluster>>, flags: StatusFlags, signal: AbortSignal): Promise<RunView> {
  const [{ watchRun }, { liveOutput }, { viewExit }, { statusLine, statusText }] = await Promise.all([
    import('../cluster/watch-view.ts'),
    import('../output/live-output.ts'),
    import('../cluster/run-view.ts'),
    import('../output/status-text.ts'),
  ]);
  const output = liveOutput(flags.format);
  for await (const look of watchRun(place, flags, signal)) {
    if ('problem' in look) {
      output.note(`${look.problem}; trying again`);
      continue;
    }
    const { view, nowMs } = look;
    if (view.ended) {
      output.end();
      return view;
    }
    const { slowest: _slow, estimateMs: _left, ...steady } = view;
    output.show({
      key: JSON.stringify(steady),
      block: statusText(view, nowMs),
      line: statusLine(view),
      json: JSON.stringify({ ...view, exit: viewExit(view) }),
    });
  }
  throw signal.reason;
}

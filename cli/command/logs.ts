import { Option, type Command } from 'commander';
import { AssayError } from '#core/error.ts';
import { openCluster, withRun, type ClusterPlace, type RunFlags } from '../cluster/cluster-flags.ts';
import { redacted, safeEvent, type LogLine } from '../cluster/log-line.ts';
import type { PickedLog } from '../cluster/pick-log.ts';
import { withFormat } from '../output/conclude.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface LogFlags extends RunFlags {
  readonly container?: 'collect' | 'sign';
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly tail?: string;
  readonly verbose?: boolean;
  readonly format: 'text' | 'json';
}

const HELP = `
Without NODE the story of the run as its collector tells it; with NODE the log of the agent there. What looks like a token or a
password is left out. With -f and --format json one document per line is printed.

Examples:
  assay logs -n assay
  assay logs -n assay -f
  assay logs gpu-node-7 -n assay --tail 50
  assay logs -n assay --container sign`;

/** `assay logs [NODE]`: what the programs of a run say. */
export const defineLogs: DefineVerb = (command, conclude) => {
  command.argument('[node]', 'node whose agent is asked');
  withRun(command)
    .addOption(new Option('--container <name>', 'container of the collector pod (default: collect)').choices(['collect', 'sign']))
    .option('-f, --follow', 'go on until the container ends')
    .option('--previous', 'the log of the run before the last restart')
    .option('--tail <lines>', 'only so many lines from the end')
    .option('--verbose', 'also what programs say in passing');
  withFormat(command, ['text', 'json']).addHelpText('after', HELP);
  command.action((node: string | undefined, flags: LogFlags) => logs(command, { node, flags }, conclude));
};

interface Asked {
  readonly node: string | undefined;
  readonly flags: LogFlags;
}

async function logs(command: Command, { node, flags }: Asked, conclude: Conclude): Promise<void> {
  if (node !== undefined && flags.container !== undefined)
    throw new AssayError('USAGE', 'a node and --container exclude each other', { hint: 'The pod of an agent has one container.' });
  const tail = tailOf(flags.tail);
  const [{ pickLog }, { interruptible }, { logReader }] = await Promise.all([
    import('../cluster/pick-log.ts'),
    import('../run/interruptible.ts'),
    import('../output/log-text.ts'),
  ]);
  const place = await openCluster(flags);
  const picked = await pickLog(place, { ...flags, ...(node === undefined ? {} : { node }) });
  const read = logReader({ verbose: flags.verbose === true, stream: process.stdout });
  const seen: LogLine[] = [];
  const take = flags.follow === true ? printer(flags.format, read) : (line: LogLine) => void seen.push(line);
  await interruptible((signal) => readLines(place, { picked, flags, tail, signal }, take));
  const text = (): string =>
    seen
      .flatMap((line) => read(line) ?? [])
      .map((line) => `${line}\n`)
      .join('');
  const json = { pods: picked.pods.map(({ name }) => name), container: picked.container, lines: seen.map(lineDocument) };
  // What was followed is printed already.
  const followed = flags.follow === true ? { document: () => '' } : {};
  await conclude(command, { exit: 0, json, ...followed, render: { text } });
}

interface Reading {
  readonly picked: PickedLog;
  readonly flags: LogFlags;
  readonly tail: number | undefined;
  readonly signal: AbortSignal;
}

async function readLines(place: ClusterPlace, { picked, flags, tail, signal }: Reading, take: (line: LogLine) => void): Promise<void> {
  const { logLines } = await import('../cluster/read-trace.ts');
  // The end of the story is in the last pod.
  const pods = tail === undefined ? picked.pods : picked.pods.slice(-1);
  for (const { name, namespace } of pods) {
    const selection = {
      namespace,
      pod: name,
      container: picked.container,
      timestamps: true,
      ...(tail === undefined ? {} : { tailLines: tail }),
      ...(flags.previous === true ? { previous: true } : {}),
    };
    const lines = flags.follow === true ? place.cluster.followPodLog(selection, signal) : place.cluster.podLogLines(selection, signal);
    for await (const line of logLines(lines)) take(line);
    signal.throwIfAborted();
  }
}

function printer(format: LogFlags['format'], read: (line: LogLine) => string | undefined): (line: LogLine) => void {
  return (line) => {
    const text = format === 'json' ? JSON.stringify(lineDocument(line)) : read(line);
    if (text !== undefined) process.stdout.write(`${text}\n`);
  };
}

function lineDocument({ atMs, text, event }: LogLine): object {
  const what = event === undefined ? { text: redacted(text) } : { event: safeEvent(event, redacted) };
  return { ...(atMs === undefined ? {} : { at: new Date(atMs).toISOString() }), ...what };
}

function tailOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new AssayError('USAGE', `"${text.slice(0, 40)}" is no number of lines`, { hint: 'Write --tail 100.' });
}

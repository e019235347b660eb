import { Option, type Command } from 'commander';
import { shown } from '#core/verify/foreign-text.ts';
import { openCluster, withRun, type RunFlags } from '../cluster/cluster-flags.ts';
import { withFormat } from '../output/conclude.ts';
import { withRegistry, type RegistryFlags } from '../registry/registry-flags.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface ResultFlags extends RunFlags, RegistryFlags {
  readonly from: 'auto' | 'log' | 'evidence';
}

const HELP = `
Counts per phase and node, and everything that did not pass: from the collector's log while the run goes on, from the evidence
once that was pushed. Evidence is read here, not verified: that is "assay verify". In it nodes have pseudonyms.

Exit status: 0 nothing failed, 1 a check failed, a node is missing, or nothing was checked.

Examples:
  assay results -n assay
  assay results -n assay --format junit --output results.xml
  assay results -n assay --run run-0123456789abcdef --from log --format json`;

/** `assay results`: what the checks of a run in a cluster found. */
export const defineResults: DefineVerb = (command, conclude) => {
  withRun(command).addOption(new Option('--from <place>', 'where results are read').choices(['auto', 'log', 'evidence']).default('auto'));
  withFormat(withRegistry(command), ['text', 'json', 'junit']).addHelpText('after', HELP);
  command.action((flags: ResultFlags) => results(command, flags, conclude));
};

async function results(command: Command, flags: ResultFlags, conclude: Conclude): Promise<void> {
  const [{ readResults }, { resultsExit, resultsReport, runResults }, { resultsText }, { interruptible }] = await Promise.all([
    import('../cluster/read-results.ts'),
    import('../cluster/run-results.ts'),
    import('../output/results-text.ts'),
    import('../run/interruptible.ts'),
  ]);
  const place = await openCluster(flags);
  const note = (line: string): void => void process.stderr.write(`${shown(line, 1000)}\n`);
  const tests = await interruptible((signal) => readResults(place, { ...flags, note, signal }));
  const found = runResults(tests);
  const { junitText } = await import('../output/junit.ts');
  const nowMs = Date.now();
  await conclude(command, {
    exit: resultsExit(found),
    json: found,
    render: { text: () => resultsText(found), junit: () => junitText(resultsReport(tests, { start: nowMs, stop: nowMs })) },
  });
}

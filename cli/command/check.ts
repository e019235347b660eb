import type { Command } from 'commander';
import { buildReport } from '#core/ctrf/build-report.ts';
import type { CtrfReport, CtrfTest } from '#core/ctrf/report.ts';
import { packageVersion } from '#core/version.ts';
import type { CheckResult } from '#core/wire/record.ts';
import type { CheckDocument } from '#core/wire/agent-document.ts';
import { checkNode } from '../node/agent-document.ts';
import { nodeArgs, withNodeOptions, type NodeFlags } from '../node/node-options.ts';
import { withFormat } from '../output/conclude.ts';
import { junitText } from '../output/junit.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface CheckFlags extends NodeFlags {
  readonly phase?: readonly string[];
  readonly check?: readonly string[];
  readonly profile?: string;
  readonly deadline?: string;
  readonly constraint?: readonly string[];
  readonly diagnostics?: boolean;
}

/** What this node is called in a report that covers no other. */
const THIS_NODE = 'this-node';

const EXAMPLES = `
The report is CTRF: one test per check, raw numbers and thresholds in "extra". Exit 0 when something passed and nothing failed,
1 otherwise; what could not be checked is skipped or other, with the reason, and never passed.

Examples:
  assay check
  assay check --phase deployment --profile h100 --format json
  assay check --host-root /captured/node --tool-path /captured/bin --format junit --output report.xml`;

/** `assay check`: the node checks of this node as a CTRF report. */
export const defineCheck: DefineVerb = (command, conclude) => {
  withNodeOptions(command)
    .option('--phase <phase...>', 'phases to run: deployment, conformance, performance (default: all)')
    .option('--check <name...>', 'checks to run (default: all of the phase)')
    .option('--profile <accelerator>', 'accelerator this node must have, such as h100')
    .option('--deadline <duration>', 'longest time of one phase, such as 5m')
    .option('--constraint <name=expression...>', 'limits as a recipe would set them: "Deployment.cuda.version=>= 13"')
    .option('--diagnostics', 'run diagnostics that load GPUs, where these are idle: dcgmi diag -r 1');
  withFormat(command, ['text', 'json', 'junit']).addHelpText('after', EXAMPLES);
  command.action((flags: CheckFlags) => check(command, flags, conclude));
};

async function check(command: Command, flags: CheckFlags, conclude: Conclude): Promise<void> {
  const report = reportOf(await checkNode([...nodeArgs(flags), ...checkArgs(flags)]));
  const { passed, failed, other } = report.results.summary;
  const exit = passed > 0 && failed + other === 0 ? 0 : 1;
  // CTRF has a place for what it does not know; its top level is closed.
  const json = { ...report, extra: { exit } };
  await conclude(command, { exit, json, closedJson: true, render: { text: () => text(report), junit: () => junitText(report) } });
}

function checkArgs(flags: CheckFlags): readonly string[] {
  return [
    ...(flags.phase ?? []).map((phase) => `--phase=${phase}`),
    ...(flags.check ?? []).map((name) => `--check=${name}`),
    ...(flags.profile === undefined ? [] : [`--profile=${flags.profile}`]),
    ...(flags.deadline === undefined ? [] : [`--deadline=${flags.deadline}`]),
    ...(flags.constraint ?? []).map((constraint) => `--constraint=${constraint}`),
    ...(flags.diagnostics === true ? ['--diagnostics'] : []),
  ];
}

function reportOf(document: CheckDocument): CtrfReport {
  return buildReport(document.results.map(testOf), {
    toolVersion: packageVersion(),
    start: document.startedAtMs,
    stop: document.endedAtMs,
  });
}

function testOf(result: CheckResult): CtrfTest {
  const { phase, check: name, status, durationMs, message, stdout, extra } = result;
  return {
    name,
    status,
    duration: Math.round(durationMs),
    suite: [phase, THIS_NODE],
    ...(message === undefined ? {} : { message }),
    ...(stdout === undefined ? {} : { stdout }),
    ...(extra === undefined ? {} : { extra }),
  };
}

function text(report: CtrfReport): string {
  const { tests, summary } = report.results;
  const lines = tests.map(
    (test) => `${test.status.padEnd(8)}${test.suite[0] ?? ''} ${test.name}${test.message === undefined ? '' : `: ${test.message}`}\n`,
  );
  return `${lines.join('')}\n${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped, ${summary.other} other\n`;
}

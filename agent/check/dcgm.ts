import { outputText } from '../host/tool-outcome.ts';
import { readDcgmDiag } from '../probe/nvidia-reading.ts';
import { saidBy, type ToolRead } from '../probe/tool-read.ts';
import type { DcgmDiag, DiagResult } from '../vendor/nvidia/dcgm-diag.ts';
import type { CheckContext } from './check.ts';
import { checkGpuIdle } from './gpu-idle.ts';
import { nvidiaOnPci } from './nvidia-gpu.ts';
import { fail, pass, skip, skipFor, unknown, warn, withoutTool, type Outcome, type Verdict } from './verdict.ts';

/** What a severity of DCGM asks for. @source DCGM, dcgm_errors.h: 0 none, 1 monitor, 2 isolate, 3 unknown, 4 triage, 5 config, 6 reset */
const SEVERITIES: Readonly<Record<number, readonly [name: string, outcome: Outcome]>> = {
  1: ['monitor', 'warn'],
  2: ['isolate', 'fail'],
  4: ['triage', 'fail'],
  5: ['config', 'warn'],
  6: ['reset', 'fail'],
};

const NO_HOST_ENGINE = /unable to (?:establish a connection|connect)|connection to the host engine|host engine is not running/i;

/**
 * The quick diagnostics of DCGM find nothing. They load the GPUs for a minute or two, so they run only when asked for, and only while
 * nothing computes there.
 * @source NVIDIA DCGM diagnostics guide, run level 1
 */
export async function checkDcgmDiagnostics(context: CheckContext): Promise<Verdict> {
  const pci = await nvidiaOnPci(context);
  if (!pci.ready) return pci.verdict;
  if (!context.diagnostics) return skip('diagnostics load the GPUs and were not asked for (--diagnostics)');
  const idle = await checkGpuIdle(context);
  if (idle.outcome !== 'pass') return skip(`the GPUs are not at rest, or it cannot be told: ${idle.message}`);
  const read = await readDcgmDiag(context.host);
  return read.state === 'read' ? judge(read) : withoutDiag(read);
}

function withoutDiag(read: Exclude<ToolRead<DcgmDiag>, { state: 'read' }>): Verdict {
  if (read.state === 'unreadable' && NO_HOST_ENGINE.test(saidBy(read.outcome)))
    return skipFor('vendor-tool', 'the DCGM host engine does not answer');
  if (read.state === 'unreadable' && read.outcome.outcome === 'exited')
    return unknown(read.reason, { exitCode: read.outcome.code, bytes: outputText(read.outcome).length });
  return withoutTool(read);
}

/** What the parser says of a result that it could not take in; a line before the document and an empty member are no results. */
const UNCLEAR = /no known status|runtime error/;

interface Row {
  readonly test: string;
  readonly status: DiagResult['status'];
  readonly entities: readonly string[];
  /** Numbers of DCGM's error table; its sentences are left out, because they may name devices. */
  readonly errors: readonly number[];
  readonly severities: readonly string[];
  readonly outcome: Outcome;
}

function judge({ value, parsed, exitCode }: Extract<ToolRead<DcgmDiag>, { state: 'read' }>): Verdict {
  const rows = value.results.filter(({ isSummary }) => isSummary !== true).map(rowOf);
  const loud = rows.filter(({ outcome }) => outcome !== 'pass' && outcome !== 'skip');
  const observed = {
    ...(value.version === undefined ? {} : { version: value.version }),
    exitCode,
    passed: rows.filter(({ outcome }) => outcome === 'pass').length,
    skipped: rows.filter(({ outcome }) => outcome === 'skip').length,
    findings: loud,
    incomplete: parsed.partial.length,
  };
  if (loud.some(({ outcome }) => outcome === 'fail')) return fail(told(loud, 'fail'), observed);
  // The end of the tool covers what it could not put into its document.
  if (exitCode !== 0 && loud.length === 0) return unknown(`dcgmi ended with status ${exitCode}, and no result says why`, observed);
  const unclear = parsed.partial.some((sentence) => UNCLEAR.test(sentence));
  if (unclear) return unknown('dcgmi reports what cannot be judged', observed);
  if (loud.length > 0) return warn(told(loud, 'warn'), observed);
  if (observed.passed === 0)
    return rows.length === 0 ? unknown('dcgmi reports no test', observed) : skip('dcgmi skipped every test', observed);
  return pass(`${observed.passed} diagnostic tests passed${observed.skipped === 0 ? '' : `, ${observed.skipped} skipped`}`, observed);
}

function rowOf({ test, status, entities, warnings }: DiagResult): Row {
  const numbers = warnings.map(({ severity }) => severity).filter((severity) => severity !== undefined);
  const known = numbers.map((severity) => SEVERITIES[severity]).filter((severity) => severity !== undefined);
  return {
    test,
    status,
    entities,
    errors: warnings.map(({ errorId }) => errorId).filter((id) => id !== undefined),
    severities: known.map(([name]) => name),
    outcome: outcomeOf(
      status,
      known.map(([, outcome]) => outcome),
    ),
  };
}

/** What an error asks for weighs more than how the test calls its end: a setting that is off fails a test, not a board. */
function outcomeOf(status: DiagResult['status'], severities: readonly Outcome[]): Outcome {
  if (status === 'pass') return 'pass';
  if (status === 'skip' || status === 'not-run') return 'skip';
  if (severities.includes('fail')) return 'fail';
  if (severities.includes('warn')) return 'warn';
  return status === 'fail' ? 'fail' : 'warn';
}

function told(rows: readonly Row[], outcome: Outcome): string {
  return rows
    .filter((row) => row.outcome === outcome)
    .map(({ test, entities, severities }) => {
      const where = entities.length === 0 ? '' : ` on ${entities.join(', ')}`;
      return `${test}${where}${severities.length === 0 ? '' : `: ${[...new Set(severities)].join(', ')}`}`;
    })
    .join('; ');
}

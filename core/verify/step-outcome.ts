import type { Finding } from './finding.ts';
import { shown } from './foreign-text.ts';
import type { Compared, StepName, StepReport, StepStatus } from './verdict.ts';
import { STEP_NAMES } from './verdict.ts';

/** What a step returns: what it compared and what it found. Its status follows from the findings. */
export interface StepOutcome {
  /** One sentence: what agrees, or what is wrong. */
  readonly detail: string;
  readonly compared?: readonly Compared[];
  readonly findings?: readonly Finding[];
  /** When the step, or its heart, could not be done; a finding of weight overrides it. */
  readonly status?: 'skipped' | 'not-replayable';
}

/** Compared rows that a report lists; the rest is counted. */
const MAX_ROWS = 40;

/** The report of a step: its status is the worst of what it found. */
export function reportStep(name: StepName, { detail, compared = [], findings = [], status }: StepOutcome): StepReport {
  const rows = compared.slice(0, MAX_ROWS).map(({ key, value }) => ({ key: shown(key), value: shown(value) }));
  const left = compared.length - rows.length;
  return {
    step: STEP_NAMES.indexOf(name) + 1,
    name,
    status: statusOf(findings, status),
    detail: shown(detail, 600),
    ...(rows.length === 0 ? {} : { subRows: left > 0 ? [...rows, { key: '…', value: `${left} more` }] : rows }),
  };
}

/** True when nothing after the step may be trusted to mean anything. */
export function isFatal({ findings = [] }: StepOutcome): boolean {
  return findings.some(({ severity }) => severity === 'error' || severity === 'undecided');
}

function statusOf(findings: readonly Finding[], own: StepOutcome['status']): StepStatus {
  const severities = new Set(findings.map(({ severity }) => severity));
  if (severities.has('error')) return 'failed';
  if (severities.has('undecided')) return 'undecided';
  if (own !== undefined) return own;
  return severities.has('warning') ? 'findings' : 'passed';
}

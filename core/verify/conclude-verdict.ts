import type { Finding } from './finding.ts';
import { failureClass } from './finding.ts';
import type { FailureCause, Verdict } from './verdict.ts';

/** The part of a verdict that follows from the findings. */
export type Conclusion = Pick<Verdict, 'exit' | 'verdict' | 'failureCause' | 'pending'>;

/**
 * Weighs the findings: one error makes the evidence invalid, whatever else is unknown; then comes what could not be decided;
 * then what a reviewer has to look at.
 * @param httpStatus answer of a registry behind the first failure, when there was one
 */
export function concludeVerdict(findings: readonly Finding[], httpStatus?: number): Conclusion {
  const first = findings.find(({ severity }) => severity === 'error') ?? findings.find(({ severity }) => severity === 'undecided');
  if (first !== undefined) {
    const isError = first.severity === 'error';
    return { exit: isError ? 2 : 3, verdict: isError ? 'invalid' : 'undecided', failureCause: causeOf(first, httpStatus) };
  }
  const pending = findings.some(({ code }) => code === 'SIGNATURE_PENDING') ? ({ pending: true } as const) : {};
  const hasWarning = findings.some(({ severity }) => severity === 'warning');
  return { exit: hasWarning ? 1 : 0, verdict: hasWarning ? 'valid-with-findings' : 'valid', ...pending };
}

function causeOf({ code, detail, hint }: Finding, httpStatus: number | undefined): FailureCause {
  return { class: failureClass(code), detail: `[${code}] ${detail}`, hint, ...(httpStatus === undefined ? {} : { httpStatus }) };
}

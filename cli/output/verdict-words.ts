import type { Verdict } from '#core/verify/verdict.ts';

/** How a verdict is said in a sentence. */
export const VERDICT_WORDS: Readonly<Record<Verdict['verdict'], string>> = {
  valid: 'valid: every check passed',
  'valid-with-findings': 'valid, with findings to review',
  invalid: 'invalid',
  undecided: 'undecided: try again',
};

/** What every report of a lab signature begins with. */
export const LAB_WORDS = 'LAB TRUST';

/** The first line of every report: whose word it rests on, the verdict and the exit code. */
export function headline({ verdict, exit, trust, pending, mode }: Verdict): string {
  const parts = [
    ...(trust === 'lab' ? [LAB_WORDS] : []),
    ...(mode === 'upstream' ? ['upstream checks only'] : []),
    ...(pending === true ? ['UNSIGNED, pending signature'] : []),
    `${VERDICT_WORDS[verdict]} (exit ${exit})`,
  ];
  return parts.join(' · ');
}

/** Who signed, or why nobody counts as signer. @param show makes foreign text safe for the format */
export function signerWords({ signer, findings, pending }: Verdict, show: (text: string) => string): string {
  if (signer !== undefined) {
    const index = signer.rekorLogIndex === undefined ? '' : `, log index ${signer.rekorLogIndex}`;
    return `verified: ${show(signer.identity)} (issuer ${show(signer.issuer)}${index})`;
  }
  const isUnsigned = pending === true || findings.some(({ code }) => code === 'SIGNATURE_PENDING' || code === 'SIGNATURE_REQUIRED');
  if (isUnsigned) return 'none: nothing here is signed';
  return 'none verified: nothing below is vouched for';
}

/** Phases of a predicate in upstream's report order, as far as they are there. */
export function phaseRows({
  predicate,
}: Verdict): readonly { readonly phase: string; readonly passed: number; readonly failed: number; readonly skipped: number }[] {
  const phases = (predicate?.['phases'] ?? {}) as Readonly<
    Record<string, { readonly passed?: number; readonly failed?: number; readonly skipped?: number } | undefined>
  >;
  return ['deployment', 'performance', 'conformance'].flatMap((phase) => {
    const summary = Object.hasOwn(phases, phase) ? phases[phase] : undefined;
    return summary === undefined
      ? []
      : [{ phase, passed: summary.passed ?? 0, failed: summary.failed ?? 0, skipped: summary.skipped ?? 0 }];
  });
}

/** Rows of the criteria match, as far as they are there. */
export function matchRows({
  predicate,
}: Verdict): readonly { readonly dimension: string; readonly match: string; readonly recipe: string; readonly cluster: string }[] {
  const match = predicate?.['criteriaMatch'] as
    | { readonly perDimension?: readonly Readonly<Record<string, string | undefined>>[] }
    | undefined;
  return (match?.perDimension ?? []).map((row) => ({
    dimension: row['dimension'] ?? '',
    match: row['match'] ?? '',
    recipe: row['recipeRequires'] ?? '(any)',
    cluster: row['fingerprintProvides'] ?? '(not captured)',
  }));
}

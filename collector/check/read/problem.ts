import { errorText, isAssayError } from '#core/error.ts';
import { fail, pass, skipFor, unknown, type ClusterVerdict, type Observed } from '../verdict.ts';

/** One thing that does not let a check of many parts pass. */
export interface Problem {
  readonly outcome: 'fail' | 'unknown' | 'forbidden';
  /** Which part, and what is wrong with it. */
  readonly text: string;
}

/** A problem made from what a part threw; an abort goes on. */
export function problemOf(error: unknown, part: string): Problem {
  if (error instanceof Error && error.name === 'AbortError') throw error;
  const isForbidden = isAssayError(error) && error.code === 'CLUSTER_FORBIDDEN';
  return { outcome: isForbidden ? 'forbidden' : 'unknown', text: `${part}: ${errorText(error)}` };
}

/** Texts of the message; the rest are counted. */
const SHOWN = 12;

/** What a whole check says of its parts: the worst speaks. Problems are sorted, so that two runs say the same. */
export function foldProblems(
  problems: readonly Problem[],
  { good, observed }: { readonly good: string; readonly observed: Observed },
): ClusterVerdict {
  const of = (outcome: Problem['outcome']): readonly string[] =>
    [...new Set(problems.filter((problem) => problem.outcome === outcome).map(({ text }) => text))].sort();
  const [failed, unclear, forbidden] = [of('fail'), of('unknown'), of('forbidden')];
  const counted = { ...observed, failed: failed.length, unknown: unclear.length, forbidden: forbidden.length };
  if (failed.length > 0) return fail(list([...failed, ...unclear, ...forbidden]), counted);
  if (unclear.length > 0) return unknown(list([...unclear, ...forbidden]), counted);
  if (forbidden.length > 0)
    return { ...skipFor('permission', list(forbidden), counted), reason: 'the collector has no permission to read some of it' };
  return pass(good, observed);
}

function list(texts: readonly string[]): string {
  const more = texts.length - SHOWN;
  return `${texts.slice(0, SHOWN).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

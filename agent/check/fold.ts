import type { Thresholds } from './check.ts';
import { fail, pass, skip, unknown, warn, type Grant, type Observed, type Outcome, type Verdict } from './verdict.ts';

/** What a check says about one of several like things. */
export interface Finding {
  readonly outcome: Outcome;
  /** Why, in a few words that may be the same for several things; empty for a plain pass. */
  readonly text: string;
  /** Raw values of this thing. */
  readonly observed: unknown;
  /** The grant whose absence is the reason of a skip. */
  readonly missing?: Grant;
}

/** Makes a finding. */
export function finding(outcome: Outcome, text: string, observed: unknown): Finding {
  return { outcome, text, observed };
}

/** Of several findings the worst speaks: a failure, then what should be readable and is not, then a warning. */
const WORST_FIRST: readonly Outcome[] = ['fail', 'unknown', 'warn', 'pass', 'skip'];

const MAKE: Readonly<Record<Outcome, (message: string, observed: Observed) => Verdict>> = { fail, unknown, warn, pass, skip };

/** Everything a fold needs besides the findings. */
export interface FoldWords {
  /** What is true when everything passes: `no row remap failed`. */
  readonly good: string;
  /** More raw values beside those of the things. */
  readonly observed?: Observed;
  readonly thresholds?: Thresholds;
}

/**
 * One verdict from findings by name of the thing. All skipped is skipped; some skipped is judged on the rest, and says how many.
 * @param findings name and finding of each thing, in order
 */
export function fold(findings: readonly (readonly [name: string, finding: Finding])[], words: FoldWords): Verdict {
  const outcome = WORST_FIRST.find((each) => findings.some(([, { outcome: one }]) => one === each)) ?? 'skip';
  const speaking = findings.filter(([, one]) => one.outcome === outcome);
  const skipped = outcome === 'skip' ? 0 : findings.filter(([, one]) => one.outcome === 'skip').length;
  const message = outcome === 'pass' ? words.good : grouped(speaking, outcome === 'skip');
  const note = skipped === 0 ? '' : ` (${skipped} of ${findings.length} not applicable)`;
  const observed = { ...words.observed, devices: Object.fromEntries(findings.map(([name, one]) => [name, one.observed])) };
  const [missing] = speaking.map((speaker) => speaker[1].missing);
  return {
    ...MAKE[outcome](message + note, observed),
    ...(words.thresholds === undefined ? {} : { thresholds: words.thresholds }),
    ...(outcome === 'skip' && missing !== undefined ? { missing } : {}),
  };
}

/** `text: a, b; other text: c`; without names when one text is about every thing. */
function grouped(findings: readonly (readonly [string, Finding])[], isShort: boolean): string {
  const byText = Map.groupBy(findings, ([, one]) => one.text);
  const [only] = byText.keys();
  if (isShort && byText.size === 1 && only !== undefined) return only;
  return [...byText].map(([text, ofText]) => `${text}: ${ofText.map(([name]) => name).join(', ')}`).join('; ');
}

import type { CtrfReport, CtrfStatus, Phase } from '#core/ctrf/report.ts';
import { countTests } from '#core/ctrf/summary.ts';
import { shown } from '../foreign-text.ts';

/** What later steps need of a phase report, so that a report of megabytes need not stay in memory. */
export interface PhaseFacts {
  readonly phase: Phase;
  readonly counts: Readonly<Record<CtrfStatus, number>>;
  readonly tests: number;
  readonly names: ReadonlySet<string>;
  /** Node pseudonyms of node checks: the second part of a test's suite. */
  readonly nodes: ReadonlySet<string>;
  /** First tests whose own record contradicts their state. */
  readonly contradictions: readonly string[];
  /** First tests that carry free text (message, stdout). */
  readonly freeTexts: readonly string[];
  /** First tests that failed or ended without a verdict. */
  readonly failed: readonly string[];
  readonly inconclusive: readonly string[];
}

/** Examples that a finding names. */
const EXAMPLES = 5;

/** State that a node check's recorded outcome stands for. @source docs/reference/check.md, outcome of a check */
const STATUS_OF_OUTCOME: Readonly<Record<string, CtrfStatus>> = {
  pass: 'passed',
  warn: 'passed',
  fail: 'failed',
  skip: 'skipped',
  unknown: 'other',
};

/** Boils a report down. @param report as parsed, tests with known states only */
export function phaseFacts(phase: Phase, report: CtrfReport): PhaseFacts {
  const { tests } = report.results;
  const [names, nodes] = [new Set<string>(), new Set<string>()];
  const lists = { contradictions: [] as string[], freeTexts: [] as string[], failed: [] as string[], inconclusive: [] as string[] };
  for (const test of tests) {
    const node = test.suite?.[1];
    names.add(test.name);
    if (node !== undefined) nodes.add(node);
    const label = (): string => shown(node === undefined ? test.name : `${test.name} on ${node}`, 120);
    if (test.message !== undefined || test.stdout !== undefined) note(lists.freeTexts, label);
    if (test.status === 'failed') note(lists.failed, label);
    if (test.status === 'other' || test.status === 'pending') note(lists.inconclusive, () => `${label()} (${test.status})`);
    const problem = contradictionOf(test.status, test.extra);
    if (problem !== undefined) note(lists.contradictions, () => `${label()} ${problem}`);
  }
  return { phase, counts: countTests(tests), tests: tests.length, names, nodes, ...lists };
}

function note(list: string[], label: () => string): void {
  if (list.length < EXAMPLES) list.push(label());
}

/**
 * Recomputes a verdict where a test records what it rests on: the outcome of a node check, or a measured number with its
 * bounds (`extra.measured`, `extra.bounds.atLeast`, `extra.bounds.atMost`).
 */
function contradictionOf(status: CtrfStatus, extra: Readonly<Record<string, unknown>> | undefined): string | undefined {
  if (extra === undefined) return undefined;
  const { outcome, measured, bounds } = extra;
  const expected = typeof outcome === 'string' && Object.hasOwn(STATUS_OF_OUTCOME, outcome) ? STATUS_OF_OUTCOME[outcome] : undefined;
  if (expected !== undefined && expected !== status) return `says ${status}, its outcome ${shown(outcome, 20)} stands for ${expected}`;
  if (status !== 'passed' || typeof measured !== 'number' || typeof bounds !== 'object' || bounds === null) return undefined;
  const { atLeast, atMost } = bounds as { readonly atLeast?: unknown; readonly atMost?: unknown };
  if (typeof atLeast === 'number' && !(measured >= atLeast)) return `says passed, measured ${measured} where at least ${atLeast} is needed`;
  return typeof atMost === 'number' && !(measured <= atMost)
    ? `says passed, measured ${measured} where at most ${atMost} is allowed`
    : undefined;
}

import type { CtrfReport, CtrfStatus, CtrfTest, Phase } from '#core/ctrf/report.ts';
import { countTests } from '#core/ctrf/summary.ts';
import { shown } from '../foreign-text.ts';

/** What later steps need of a phase report, so that a report of megabytes need not stay in memory. */
export interface PhaseFacts {
  readonly phase: Phase;
  readonly counts: Readonly<Record<CtrfStatus, number>>;
  readonly tests: number;
  readonly names: ReadonlySet<string>;
  /** What the node itself reported, by its pseudonym (the second part of a suite); nodes of folded tests are only named. */
  readonly nodes: ReadonlyMap<string, Readonly<Record<CtrfStatus, number>>>;
  /** True when tests of several nodes stand as one, so that nothing can be counted by node. */
  readonly isFolded: boolean;
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
  const names = new Set<string>();
  const lists = { contradictions: [] as string[], freeTexts: [] as string[], failed: [] as string[], inconclusive: [] as string[] };
  for (const test of tests) {
    const { name, status, extra } = test;
    const label = (): string => shown(nodeOf(test) === undefined ? name : `${name} on ${nodeOf(test)}`, 120);
    names.add(name);
    if (test.message !== undefined || test.stdout !== undefined) note(lists.freeTexts, label);
    if (status === 'failed') note(lists.failed, label);
    if (status === 'other' || status === 'pending') note(lists.inconclusive, () => `${label()} (${status})`);
    const problem = contradictionOf(status, extra);
    if (problem !== undefined) note(lists.contradictions, () => `${label()} ${problem}`);
  }
  return { phase, counts: countTests(tests), tests: tests.length, names, ...nodeCounts(tests), ...lists };
}

function nodeCounts(tests: readonly CtrfTest[]): Pick<PhaseFacts, 'nodes' | 'isFolded'> {
  const nodes = new Map<string, Record<CtrfStatus, number>>();
  let isFolded = false;
  for (const test of tests) {
    const { status, extra } = test;
    const own = nodeOf(test);
    const folded = own === undefined ? foldedNodes(extra) : [own];
    isFolded ||= own === undefined && folded.length > 0;
    for (const node of folded) {
      const counts = nodes.get(node) ?? countTests([]);
      // What the collector says about a node is not the node's own report.
      if (extra?.['origin'] !== 'collector') counts[status] += 1;
      nodes.set(node, counts);
    }
  }
  return { nodes, isFolded };
}

/** Pseudonym of the node a test ran on; reports of other tools may have no suite at all. */
function nodeOf(test: CtrfTest): string | undefined {
  return (test as Partial<CtrfTest>).suite?.[1];
}

/** First and last names of the ranges of nodes that a folded test stands for. */
function foldedNodes(extra: Readonly<Record<string, unknown>> | undefined): readonly string[] {
  const nodes = extra?.['nodes'];
  return Array.isArray(nodes) ? nodes.flatMap((range: unknown) => (typeof range === 'string' ? range.split('..', 2) : [])) : [];
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

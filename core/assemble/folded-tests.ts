import type { CtrfTest } from '#core/ctrf/report.ts';
import { NodeRanges } from './node-ranges.ts';
import { ObservedValues } from './observed-values.ts';

/** Different results kept apart; a catalog of 60 checks with four states leaves room for four variants of each. */
const MAX_GROUPS = 1024;
/** Longest `extra` that a folded test repeats, in characters of JSON; a longer one tells its outcome only. */
const MAX_EXTRA = 4096;
/** Name of the test that stands for everything beyond {@link MAX_GROUPS}. */
const REST = 'further-checks';

type Extra = Readonly<Record<string, unknown>>;

/** A node check's result with the place of its node among all nodes. */
export interface PlacedTest {
  readonly test: CtrfTest;
  readonly node: string;
  /** Position of the node, from 0; results come in this order. */
  readonly place: number;
}

interface Group {
  readonly name: string;
  readonly status: CtrfTest['status'];
  readonly phase: string;
  readonly fixed: Extra;
  readonly observed: ObservedValues;
  readonly nodes: NodeRanges;
  message: string | undefined;
  duration: number;
}

/**
 * Node results of one phase, folded: nodes that say the same are one test. What was observed stands in it when all agree;
 * numbers that differ become their range, everything else that differs is only named. Which record a node sent is still
 * bound by its digest in `nodes.json`. Memory depends on the number of checks, not of nodes.
 */
export class FoldedTests {
  readonly #groups = new Map<string, Group>();

  /** Takes one result; places never fall. */
  add({ test, node, place }: PlacedTest): void {
    const { fixed, observed } = splitExtra(test.extra ?? {});
    const fixedText = JSON.stringify(fixed);
    const isShort = fixedText.length <= MAX_EXTRA;
    const key = `${test.status}\n${test.name}\n${isShort ? fixedText : ''}`;
    const group = this.#groups.get(key);
    if (group !== undefined) merge(group, test, observed);
    const target = group ?? this.#open(key, test, { fixed: isShort ? fixed : outcomeOf(fixed), observed });
    target.nodes.add(node, place);
  }

  /** One test per group, in the order in which the groups appeared. */
  toTests(): readonly CtrfTest[] {
    return [...this.#groups.values()].map(toTest);
  }

  #open(key: string, test: CtrfTest, extra: { readonly fixed: Extra; readonly observed: Extra }): Group {
    if (this.#groups.size < MAX_GROUPS) return this.#put(key, newGroup(test, extra));
    const { status, suite } = test;
    const restKey = `${status}\n${REST}`;
    const rest = { name: REST, status, suite, duration: 0 };
    return this.#groups.get(restKey) ?? this.#put(restKey, newGroup(rest, { fixed: { origin: 'node' }, observed: {} }));
  }

  #put(key: string, group: Group): Group {
    this.#groups.set(key, group);
    return group;
  }
}

function newGroup(
  { name, status, suite, message, duration }: CtrfTest,
  { fixed, observed }: { readonly fixed: Extra; readonly observed: Extra },
): Group {
  return { name, status, phase: suite[0] ?? '', fixed, observed: new ObservedValues(observed), nodes: new NodeRanges(), message, duration };
}

function merge(group: Group, { duration, message }: CtrfTest, observed: Extra): void {
  group.duration = Math.max(group.duration, duration);
  if (group.message !== message) group.message = undefined;
  group.observed.merge(observed);
}

function toTest({ name, status, phase, fixed, observed, nodes, message, duration }: Group): CtrfTest {
  const extra = { ...fixed, ...observed.toExtra(), nodeCount: nodes.count, nodes: nodes.toList() };
  return { name, status, duration, suite: [phase], ...(message === undefined ? {} : { message }), extra };
}

/** What has to be equal, and what may differ from node to node. */
function splitExtra(extra: Extra): { readonly fixed: Extra; readonly observed: Extra } {
  const { observed, ...fixed } = extra;
  return typeof observed === 'object' && observed !== null && !Array.isArray(observed)
    ? { fixed, observed: observed as Extra }
    : { fixed: extra, observed: {} };
}

function outcomeOf({ origin, outcome }: Extra): Extra {
  return { ...(origin === undefined ? {} : { origin }), ...(outcome === undefined ? {} : { outcome }) };
}

import type { CtrfTest } from '#core/ctrf/report.ts';
import { NodeRanges } from './node-ranges.ts';

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
  readonly observed: Map<string, unknown>;
  readonly ranges: Map<string, { min: number; max: number }>;
  readonly differs: Set<string>;
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
    const { fixed, observed } = splitExtra(boundedExtra(test.extra ?? {}));
    const key = `${test.status}\n${test.name}\n${JSON.stringify(fixed)}`;
    const group = this.#groups.get(key);
    if (group !== undefined) merge(group, test, observed);
    const target = group ?? this.#open(key, test, { fixed, observed });
    target.nodes.add(node, place);
  }

  /** One test per group, in the order in which the groups appeared. */
  toTests(): readonly CtrfTest[] {
    return [...this.#groups.values()].map(toTest);
  }

  #open(key: string, test: CtrfTest, { fixed, observed }: { readonly fixed: Extra; readonly observed: Extra }): Group {
    if (this.#groups.size < MAX_GROUPS) return this.#put(key, newGroup(test, fixed, observed));
    const { status, suite } = test;
    const restKey = `${status}\n${REST}`;
    return this.#groups.get(restKey) ?? this.#put(restKey, newGroup({ name: REST, status, suite, duration: 0 }, { origin: 'node' }, {}));
  }

  #put(key: string, group: Group): Group {
    this.#groups.set(key, group);
    return group;
  }
}

function newGroup(test: CtrfTest, fixed: Extra, observed: Extra): Group {
  const { name, status, suite, message, duration } = test;
  return {
    name,
    status,
    phase: suite[0] ?? '',
    fixed,
    observed: new Map(Object.entries(observed)),
    ranges: new Map(),
    differs: new Set(),
    nodes: new NodeRanges(),
    message,
    duration,
  };
}

function merge(group: Group, { duration, message }: CtrfTest, observed: Extra): void {
  group.duration = Math.max(group.duration, duration);
  if (group.message !== message) group.message = undefined;
  for (const key of new Set([...group.observed.keys(), ...Object.keys(observed)])) mergeValue(group, key, observed[key]);
  for (const key of group.ranges.keys()) if (!(key in observed)) differ(group, key);
}

function mergeValue(group: Group, key: string, value: unknown): void {
  if (group.differs.has(key)) return;
  const range = group.ranges.get(key);
  const known = range ?? group.observed.get(key);
  if (range === undefined && isSame(known, value)) return;
  const bounds = range ?? (typeof known === 'number' ? { min: known, max: known } : undefined);
  if (bounds === undefined || typeof value !== 'number') return differ(group, key);
  group.observed.delete(key);
  group.ranges.set(key, { min: Math.min(bounds.min, value), max: Math.max(bounds.max, value) });
}

function differ(group: Group, key: string): void {
  group.observed.delete(key);
  group.ranges.delete(key);
  group.differs.add(key);
}

function isSame(left: unknown, right: unknown): boolean {
  return left === right || (typeof left === 'object' && JSON.stringify(left) === JSON.stringify(right));
}

function toTest({ name, status, phase, fixed, observed, ranges, differs, nodes, message, duration }: Group): CtrfTest {
  const extra = {
    ...fixed,
    ...(observed.size === 0 ? {} : { observed: Object.fromEntries(observed) }),
    ...(ranges.size === 0 ? {} : { ranges: Object.fromEntries(ranges) }),
    ...(differs.size === 0 ? {} : { differs: [...differs].sort() }),
    nodeCount: nodes.count,
    nodes: nodes.toList(),
  };
  return { name, status, duration, suite: [phase], ...(message === undefined ? {} : { message }), extra };
}

/** What has to be equal, and what may differ from node to node. */
function splitExtra(extra: Extra): { readonly fixed: Extra; readonly observed: Extra } {
  const { observed, ...fixed } = extra;
  return typeof observed === 'object' && observed !== null && !Array.isArray(observed)
    ? { fixed, observed: observed as Extra }
    : { fixed: extra, observed: {} };
}

function boundedExtra(extra: Extra): Extra {
  if (JSON.stringify(extra).length <= MAX_EXTRA) return extra;
  const { origin, outcome } = extra;
  return { ...(origin === undefined ? {} : { origin }), ...(outcome === undefined ? {} : { outcome }) };
}

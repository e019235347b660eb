import type { CtrfTest } from '#core/ctrf/report.ts';
import { goJson } from '#core/digest/go-json.ts';
import { FoldedTests, type PlacedTest } from './folded-tests.ts';

/** Indentation of a test inside a report: list and test stand three levels deep. */
const INDENT = 6;

/** A test as compact JSON: a third of what it takes as an object. */
interface KeptTest extends Pick<PlacedTest, 'node' | 'place'> {
  readonly text: string;
}

/**
 * The node results of one phase. They stand one by one as long as their report can be read by everybody; once it would be
 * too large, nodes that say the same fold into one test. Memory is bounded by the limit, not by the number of nodes.
 */
export class PhaseTests {
  readonly #maxBytes: number;
  #kept: KeptTest[] = [];
  #bytes = 0;
  #folded: FoldedTests | undefined;

  /** @param maxBytes what the tests may take in the report as it is written */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes one result as it will be shown; the places of nodes never fall. */
  add(placed: PlacedTest): void {
    if (this.#folded !== undefined) return this.#folded.add(placed);
    const { test, node, place } = placed;
    this.#bytes += writtenBytes(test);
    this.#kept.push({ text: JSON.stringify(test), node, place });
    if (this.#bytes > this.#maxBytes) this.#fold();
  }

  /** One by one, or folded. @param otherBytes what else stands in the report */
  toTests(otherBytes: number): readonly CtrfTest[] {
    const folded = this.#bytes + otherBytes > this.#maxBytes ? this.#fold() : undefined;
    return folded?.toTests() ?? this.#kept.map(({ text }) => JSON.parse(text) as CtrfTest);
  }

  #fold(): FoldedTests {
    const folded = this.#folded ?? new FoldedTests();
    for (const { text, node, place } of this.#kept) folded.add({ test: JSON.parse(text) as CtrfTest, node, place });
    this.#kept = [];
    this.#folded = folded;
    return folded;
  }
}

/** Bytes that a test takes in a report, its indentation and comma included. */
export function writtenBytes(test: CtrfTest): number {
  const text = goJson(test);
  let lines = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines += 1;
  return Buffer.byteLength(text) + INDENT * lines;
}

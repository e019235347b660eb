import type { CtrfTest } from '#core/ctrf/report.ts';
import { goJson } from '#core/digest/go-json.ts';
import { FoldedTests, type PlacedTest } from './folded-tests.ts';

/** Indentation of a test inside a report: list and test stand three levels deep. */
const INDENT = 6;

/**
 * The node results of one phase. They stand one by one as long as their report can be read by everybody; once it would be
 * too large, nodes that say the same fold into one test. Memory is bounded by the limit, not by the number of nodes.
 */
export class PhaseTests {
  readonly #maxBytes: number;
  readonly #folded = new FoldedTests();
  /** Compact JSON of each test; given up when they no longer fit. */
  #single: string[] | undefined = [];
  #bytes = 0;

  /** @param maxBytes what the tests may take in the report as it is written */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** True when anything was added. */
  get used(): boolean {
    return this.#bytes > 0;
  }

  /** Takes one result as it will be shown; the places of nodes never fall. */
  add(placed: PlacedTest): void {
    this.#folded.add(placed);
    this.#bytes += writtenBytes(placed.test);
    if (this.#bytes > this.#maxBytes) this.#single = undefined;
    this.#single?.push(JSON.stringify(placed.test));
  }

  /** One by one, or folded. @param otherBytes what else stands in the report */
  toTests(otherBytes: number): readonly CtrfTest[] {
    const fits = this.#single !== undefined && this.#bytes + otherBytes <= this.#maxBytes;
    return fits ? (this.#single ?? []).map((text) => JSON.parse(text) as CtrfTest) : this.#folded.toTests();
  }
}

/** Bytes that a test takes in a report, its indentation and comma included. */
export function writtenBytes(test: CtrfTest): number {
  const text = goJson(test);
  return Buffer.byteLength(text) + INDENT * text.split('\n').length;
}

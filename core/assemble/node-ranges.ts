/** Ranges shown of one list; more would say less. */
const MAX_RANGES = 256;

/**
 * Pseudonyms as a short list: neighbours stand as `node-0001..node-0350`. Names are added in their own order.
 */
export class NodeRanges {
  readonly #ranges: { readonly first: string; last: string; lastPlace: number }[] = [];
  #count = 0;
  #lastPlace = -1;

  /** How many nodes were added. */
  get count(): number {
    return this.#count;
  }

  /** @param place position of the node among all nodes of the run, rising; the same place again changes nothing */
  add(node: string, place: number): void {
    if (place === this.#lastPlace) return;
    this.#count += 1;
    this.#lastPlace = place;
    const current = this.#ranges.at(-1);
    if (current?.lastPlace === place - 1) Object.assign(current, { last: node, lastPlace: place });
    else if (this.#ranges.length < MAX_RANGES) this.#ranges.push({ first: node, last: node, lastPlace: place });
  }

  /** At most 256 entries, each one node or `first..last`. */
  toList(): readonly string[] {
    return this.#ranges.map(({ first, last }) => (first === last ? first : `${first}..${last}`));
  }
}

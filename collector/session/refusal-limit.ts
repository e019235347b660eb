import { RateBucket } from './rate-bucket.ts';

/** An agent that is refused comes back every 7 to 15 s when it waits for the next run; that is well below. */
const RATE = { perSecond: 0.2, burst: 8 };
/** Nodes that are remembered; then the quiet ones are forgotten. */
const KNOWN_LIMIT = 4096;

interface Trouble {
  readonly bucket: RateBucket;
  waitUntilMs: number;
}

/**
 * Turns away nodes whose hello is refused again and again, before they cost a websocket. Only a node that the credential
 * proves can be turned away: a name in a hello may be anybody's.
 */
export class RefusalLimit {
  readonly #monotonicMs: () => number;
  readonly #nodes = new Map<string, Trouble>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Notes a hello that was refused. */
  note(node: string): void {
    if (this.#nodes.size >= KNOWN_LIMIT) this.#forgetQuiet();
    const trouble = this.#nodes.get(node) ?? { bucket: new RateBucket(RATE, this.#monotonicMs), waitUntilMs: 0 };
    this.#nodes.set(node, trouble);
    const waitMs = trouble.bucket.take();
    if (waitMs > 0) trouble.waitUntilMs = this.#monotonicMs() + waitMs;
  }

  /** How long the node has to wait before it may try again; 0 when it need not. */
  waitMs(node: string): number {
    return Math.max(0, (this.#nodes.get(node)?.waitUntilMs ?? 0) - this.#monotonicMs());
  }

  #forgetQuiet(): void {
    for (const [node, { bucket }] of this.#nodes) if (bucket.isFull) this.#nodes.delete(node);
  }
}

import type { AgentState } from '#core/cluster/agent-state.ts';
import type { Clock } from '#core/clock.ts';
import type { NodePresence } from '../session/node-presence.ts';

/** How long a state that waiting does not heal must last before nobody waits for the node any more. */
const SETTLE_MS = 20_000;
const LOOK_MS = 1000;

/**
 * Keeps the state of each expected node with the moment since when it has it, tells whoever listens, and settles nodes that cannot
 * come. Says nothing before {@link begin}: half a picture would look like absent nodes.
 */
export class PresenceBoard implements NodePresence {
  readonly #clock: Clock;
  readonly #read: (node: string) => AgentState | undefined;
  readonly #states = new Map<string, AgentState>();
  /** Nodes that waiting does not heal, and since when. */
  readonly #hopeless = new Map<string, number>();
  readonly #settled = new Set<string>();
  readonly #listeners: ((node: string) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param read looks a state up in what was watched */
  constructor(clock: Clock, read: (node: string) => AgentState | undefined) {
    this.#clock = clock;
    this.#read = read;
  }

  readonly stateOf = (node: string): AgentState | undefined => this.#states.get(node);

  readonly isSettled = (node: string): boolean => this.#settled.has(node);

  readonly settledCount = (): number => this.#settled.size;

  readonly listen = (listener: (node: string) => void): void => void this.#listeners.push(listener);

  /** Starts to tell. @param nodes all expected ones */
  begin(nodes: readonly string[]): void {
    this.#timer = setInterval(() => this.#settle(), LOOK_MS);
    for (const node of nodes) this.update(node);
  }

  /** Looks at a node again. */
  update(node: string): void {
    if (this.#timer === undefined) return;
    const [before, after] = [this.#states.get(node), this.#read(node)];
    if (after === undefined || (before !== undefined && isSame(before, after))) return;
    this.#states.set(node, after);
    this.#settled.delete(node);
    this.#hopeless.delete(node);
    if (after.state === 'absent' && !after.mayHeal) this.#hopeless.set(node, this.#clock.monotonicMs());
    this.#tell(node);
  }

  /** Stops looking at the time. */
  end(): void {
    clearInterval(this.#timer);
  }

  #settle(): void {
    const untilMs = this.#clock.monotonicMs() - SETTLE_MS;
    for (const [node, sinceMs] of this.#hopeless) {
      if (sinceMs > untilMs) continue;
      this.#hopeless.delete(node);
      this.#settled.add(node);
      this.#tell(node);
    }
  }

  #tell(node: string): void {
    for (const listener of this.#listeners) listener(node);
  }
}

function isSame(left: AgentState, right: AgentState): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

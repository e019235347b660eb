import type { Clock } from '#core/clock.ts';
import type { Cluster, ClusterObject } from '#core/cluster/cluster.ts';
import { readNodes } from '#core/cluster/read-nodes.ts';

/** How long one look serves the checks that begin with it. */
const MAX_AGE_MS = 20_000;

/** The nodes, read at most once in {@link MAX_AGE_MS} for all checks of a run. */
export class ClusterNodes {
  readonly #cluster: Pick<Cluster, 'watch'>;
  readonly #clock: Clock;
  #last: { readonly at: number; readonly nodes: Promise<readonly ClusterObject[]> } | undefined;

  constructor(cluster: Pick<Cluster, 'watch'>, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /** @throws CLUSTER_* */
  read(): Promise<readonly ClusterObject[]> {
    const now = this.#clock.monotonicMs();
    if (this.#last === undefined || now - this.#last.at > MAX_AGE_MS) this.#last = { at: now, nodes: readNodes(this.#cluster) };
    // A failure is not kept: the next check asks again.
    this.#last.nodes.catch(() => (this.#last = undefined));
    return this.#last.nodes;
  }
}

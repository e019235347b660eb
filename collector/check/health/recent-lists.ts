import type { Clock } from '#core/clock.ts';
import type { ClusterObject, ObjectSelection } from '#core/cluster/cluster.ts';
import type { ReadableCluster } from '../cluster-check.ts';
import { collect } from '#core/cluster/each-object.ts';

interface Answer {
  readonly at: number;
  readonly objects: Promise<readonly ClusterObject[] | undefined>;
}

/** Objects of a selection, by name or as a list; the same question within a moment is asked once: five looks at the pods of one namespace are one request. */
export class RecentLists {
  readonly #cluster: Pick<ReadableCluster, 'read' | 'list' | 'watch'>;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #answers = new Map<string, Answer>();

  /** @param maxAgeMs how long an answer serves; less than the time between two tries */
  constructor(cluster: Pick<ReadableCluster, 'read' | 'list' | 'watch'>, clock: Clock, maxAgeMs: number) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
  }

  /**
   * @param fields parts of the object that are looked at, besides its name; of many pods only these are kept
   * @returns undefined when the cluster does not know the kind, or has no object of that name
   * @throws CLUSTER_*
   */
  find(selection: ObjectSelection, name: string | undefined, fields: readonly string[]): Promise<readonly ClusterObject[] | undefined> {
    const key = JSON.stringify([selection, name, fields]);
    const known = this.#answers.get(key);
    const now = this.#clock.monotonicMs();
    if (known !== undefined && now - known.at < this.#maxAgeMs) return known.objects;
    const objects = name === undefined ? this.#list(selection, fields) : this.#read(selection, name);
    this.#answers.set(key, { at: now, objects });
    return objects;
  }

  #list(selection: ObjectSelection, fields: readonly string[]): Promise<readonly ClusterObject[] | undefined> {
    // There are many pods, and every cluster knows the kind.
    return selection.kind === 'Pod' ? collect(this.#cluster, selection, (pod) => slim(pod, fields)) : this.#cluster.list(selection);
  }

  async #read({ apiVersion, kind, namespace }: ObjectSelection, name: string): Promise<readonly ClusterObject[] | undefined> {
    const object = await this.#cluster.read({ apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) });
    return object === undefined ? undefined : [object];
  }
}

function slim(object: ClusterObject, fields: readonly string[]): ClusterObject {
  const { apiVersion, kind, metadata } = object;
  const kept = Object.fromEntries(fields.flatMap((field) => (Object.hasOwn(object, field) ? [[field, object[field]] as const] : [])));
  const { annotations: _annotations, ...named } = metadata;
  return { ...kept, apiVersion, kind, metadata: fields.includes('metadata') ? metadata : named };
}

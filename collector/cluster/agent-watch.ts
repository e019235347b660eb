import { agentState, type AgentState } from '#core/cluster/agent-state.ts';
import type { Cluster, ClusterObject, ObjectSelection } from '#core/cluster/cluster.ts';
import { daemonSetFacts, type DaemonSetFacts } from '#core/cluster/daemon-set-facts.ts';
import { nodeFacts, type NodeFacts } from '#core/cluster/node-facts.ts';
import { textAt, textsAt } from '#core/cluster/object-value.ts';
import { podFacts, type PodFacts } from '#core/cluster/pod-facts.ts';
import { releaseObjects } from '#core/cluster/run-status.ts';
import { errorText } from '#core/error.ts';
import type { Log } from '#core/log.ts';
import { livePod, readingPodDirectory, type LivePod, type PodDirectory } from '../session/pod-directory.ts';
import type { ExpectedNode } from './expected-set.ts';

/** What is watched. */
export interface AgentWatchOptions {
  readonly cluster: Pick<Cluster, 'read' | 'watch'>;
  readonly namespace: string;
  /** Full name of the release. */
  readonly release: string;
  readonly expected: readonly ExpectedNode[];
  readonly log: Log;
  /** Called with a node whose state may have changed. */
  readonly onChange: (node: string) => void;
}

interface KnownPod {
  readonly facts: PodFacts;
  readonly live: LivePod | undefined;
}

const EVENT_NEWEST = ['lastTimestamp', 'eventTime', 'firstTimestamp'] as const;

/**
 * Follows the expected nodes, the agents' DaemonSet and its pods, and says what that means for each node. Only small facts are
 * kept, and of nodes that are not expected nothing.
 */
export class AgentWatch {
  readonly #options: AgentWatchOptions;
  readonly #uids: ReadonlyMap<string, string>;
  readonly #nodes = new Map<string, NodeFacts>();
  /** By name. */
  readonly #pods = new Map<string, KnownPod>();
  /** Names of the pods of each node. */
  readonly #podsOf = new Map<string, Set<string>>();
  /** Names of nodes that are not expected. */
  readonly #others = new Set<string>();
  #isStarted = false;
  #daemonSet: DaemonSetFacts | undefined;
  #createFailure: { readonly at: string; readonly message: string } | undefined;

  constructor(options: AgentWatchOptions) {
    this.#options = options;
    this.#uids = new Map(options.expected.map(({ name, uid }) => [name, uid]));
  }

  /** Pods that were seen; one that was not is read. */
  get pods(): PodDirectory {
    const { cluster, namespace } = this.#options;
    const reading = readingPodDirectory(cluster, namespace);
    return {
      find: async (name, uid) => {
        const known = this.#pods.get(name);
        return known?.facts.uid === uid ? known.live : reading.find(name, uid);
      },
    };
  }

  /**
   * Starts to watch; resolves when everything that exists was seen. Later outages are waited out, and whatever else ends a watch is
   * logged: what was known then stays.
   * @throws the codes of the cluster, when the first look fails
   */
  async start(signal: AbortSignal): Promise<void> {
    const { namespace, release } = this.#options;
    const { agent } = releaseObjects(release);
    const found = await this.#options.cluster.read({ apiVersion: 'apps/v1', kind: 'DaemonSet', namespace, name: agent });
    const labels = Object.entries(textsAt(found, 'spec', 'selector', 'matchLabels')).map(([key, value]) => `${key}=${value}`);
    await Promise.all([
      this.#follow({ apiVersion: 'v1', kind: 'Node' }, this.#onNode, signal),
      this.#follow(
        { apiVersion: 'v1', kind: 'Pod', namespace, ...(labels.length === 0 ? {} : { labels: labels.join(',') }) },
        this.#onPod,
        signal,
      ),
      this.#follow({ apiVersion: 'apps/v1', kind: 'DaemonSet', namespace, fields: `metadata.name=${agent}` }, this.#onDaemonSet, signal),
      this.#follow(
        { apiVersion: 'v1', kind: 'Event', namespace, fields: `involvedObject.name=${agent},reason=FailedCreate` },
        this.#onEvent,
        signal,
      ),
    ]);
    this.#isStarted = true;
  }

  /** @returns undefined for a node that is not expected */
  stateOf(name: string): AgentState | undefined {
    const uid = this.#uids.get(name);
    if (uid === undefined) return undefined;
    return agentState({
      name,
      uid,
      node: this.#nodes.get(name),
      pods: [...(this.#podsOf.get(name) ?? [])].flatMap((pod) => this.#pods.get(pod)?.facts ?? []),
      daemonSet: this.#daemonSet,
      release: this.#options.release,
      ...(this.#createFailure === undefined ? {} : { createFailure: this.#createFailure.message }),
    });
  }

  async #follow(selection: ObjectSelection, take: (object: ClusterObject, isPresent: boolean) => void, signal: AbortSignal): Promise<void> {
    const synced = Promise.withResolvers<void>();
    const run = async (): Promise<void> => {
      for await (const event of this.#options.cluster.watch(selection, signal)) {
        if (event.change === 'synced') synced.resolve();
        else take(event.object, event.change === 'present');
      }
      synced.resolve();
    };
    void run().catch((error: unknown) => {
      this.#options.log.error({ kind: selection.kind, error: errorText(error) }, 'watch ended');
      synced.reject(error);
    });
    await synced.promise;
  }

  readonly #onNode = (object: ClusterObject, isPresent: boolean): void => {
    const { name } = object.metadata;
    if (!this.#uids.has(name)) return this.#noteOther(object, isPresent);
    if (isPresent) this.#nodes.set(name, nodeFacts(object));
    else this.#nodes.delete(name);
    this.#options.onChange(name);
  };

  /** A node that came after the set was fixed is no part of the run, and that is said. */
  #noteOther(object: ClusterObject, isPresent: boolean): void {
    const { name } = object.metadata;
    if (this.#others.has(name) || !isPresent) return;
    this.#others.add(name);
    if (this.#isStarted && nodeFacts(object).gpu !== undefined)
      this.#options.log.warn({ node: name }, 'a GPU node joined the cluster during the run; it is not part of it');
  }

  readonly #onPod = (object: ClusterObject, isPresent: boolean): void => {
    const { name } = object.metadata;
    const before = this.#pods.get(name)?.facts.node;
    const known = isPresent && this.#isAgent(object) ? { facts: podFacts(object), live: livePod(object) } : undefined;
    this.#keepPod(name, known);
    if (known !== undefined && known.facts.createdAt > (this.#createFailure?.at ?? '')) this.#setCreateFailure(undefined);
    for (const node of new Set([before, known?.facts.node])) if (node !== undefined && this.#uids.has(node)) this.#options.onChange(node);
  };

  readonly #onDaemonSet = (object: ClusterObject, isPresent: boolean): void => {
    const facts = isPresent ? daemonSetFacts(object) : undefined;
    const isSame = JSON.stringify({ ...facts, desired: 0 }) === JSON.stringify({ ...this.#daemonSet, desired: 0 });
    this.#daemonSet = facts;
    // Its counters move with every pod, which says nothing about a node.
    if (!isSame) this.#changeAll();
  };

  readonly #onEvent = (event: ClusterObject, isPresent: boolean): void => {
    const at = EVENT_NEWEST.map((field) => textAt(event, field)).find((time) => time !== undefined) ?? '';
    const newestPod = [...this.#pods.values()].reduce((newest, { facts }) => (facts.createdAt > newest ? facts.createdAt : newest), '');
    if (isPresent && at >= (this.#createFailure?.at ?? '') && at > newestPod)
      this.#setCreateFailure({ at, message: textAt(event, 'message') ?? 'no reason given' });
  };

  #setCreateFailure(failure: { readonly at: string; readonly message: string } | undefined): void {
    const isSame = failure?.message === this.#createFailure?.message;
    this.#createFailure = failure;
    if (!isSame) this.#changeAll();
  }

  #changeAll(): void {
    for (const name of this.#uids.keys()) this.#options.onChange(name);
  }

  #keepPod(name: string, known: KnownPod | undefined): void {
    const [before, node] = [this.#pods.get(name)?.facts.node, known?.facts.node];
    if (before !== undefined) this.#podsOf.get(before)?.delete(name);
    if (known === undefined) this.#pods.delete(name);
    else this.#pods.set(name, known);
    if (node === undefined || !this.#uids.has(node)) return;
    const pods = this.#podsOf.get(node) ?? new Set();
    this.#podsOf.set(node, pods.add(name));
  }

  #isAgent({ metadata }: ClusterObject): boolean {
    const { agent } = releaseObjects(this.#options.release);
    return metadata.ownerReferences?.some(({ kind, name }) => kind === 'DaemonSet' && name === agent) === true;
  }
}

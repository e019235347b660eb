import type { Clock } from '#core/clock.ts';
import type { Cluster, ClusterObject, NewObject, ObjectKind, ObjectName } from '#core/cluster/cluster.ts';
import { RUN_LABEL, WRITTEN_KINDS } from '#core/cluster/test-object-kinds.ts';
import { sha256Hex } from '#core/digest/sha256.ts';
import { AssayError, errorText } from '#core/error.ts';
import { waitFor } from '../read/wait-for.ts';

/** The only way for a check to make objects: each is labelled, owned, and removed at the latest when the check is over. */
export interface TestObjects {
  /** Where test objects live. */
  readonly namespace: string;
  /** A name for an object, `assay-<purpose>-<8 hex of the run>`, at most 63 characters. */
  readonly name: (purpose: string) => string;
  /** For the pod template of an object that makes pods, so that the teardown sees them. */
  readonly labels: Readonly<Record<string, string>>;
  /**
   * Makes an object in the namespace of the checks.
   * @throws CLUSTER_* as creating does; INTERRUPTED when the check is over
   */
  readonly create: (object: NewObject) => Promise<ClusterObject>;
  /** Changes an object that was made here (merge patch). @throws CLUSTER_*, INTERRUPTED */
  readonly patch: (object: ObjectKind & { readonly name: string }, change: Readonly<Record<string, unknown>>) => Promise<ClusterObject>;
}

/** What was made in a run, and what became of it. */
export interface Teardown {
  readonly created: number;
  /** Kind and name of what is still there. */
  readonly left: readonly string[];
  /** What could not be looked at or removed, with the reason. */
  readonly problems: readonly string[];
}

/** Who makes test objects, and where. */
export interface TestObjectOptions {
  readonly cluster: Pick<Cluster, 'create' | 'list' | 'patch' | 'remove'>;
  readonly runId: string;
  readonly namespace: string;
  readonly owner?: ObjectKind & { readonly name: string; readonly uid: string; readonly namespace: string };
  readonly clock: Clock;
  /** Between two looks whether an object is gone. */
  readonly everyMs: number;
  readonly timeoutMs: number;
}

const MANAGED = { 'app.kubernetes.io/managed-by': 'assay' } as const;
const MAX_NAME = 63;
const RUN_HEX = 8;
const POD: ObjectKind = { apiVersion: 'v1', kind: 'Pod' };

/** Makes the test objects of one run and removes them again, check by check. */
export class TestObjectKeeper {
  readonly #options: TestObjectOptions;
  readonly #live = new Map<string, ObjectName>();
  readonly #pending = new Set<Promise<unknown>>();
  #created = 0;

  constructor(options: TestObjectOptions) {
    this.#options = options;
  }

  /** Objects for one check. @param signal aborts when the check is over; nothing is made any more then */
  forCheck(check: string, signal: AbortSignal): TestObjects {
    const { namespace, runId } = this.#options;
    const suffix = `-${sha256Hex(runId).slice(0, RUN_HEX)}`;
    return {
      namespace,
      name: (purpose) => `assay-${purpose}`.slice(0, MAX_NAME - suffix.length) + suffix,
      labels: { ...MANAGED, [RUN_LABEL]: runId },
      create: (object) => this.#create(this.#dressed(object, check), signal),
      patch: (object, change) => this.#patch({ ...object, namespace }, change, signal),
    };
  }

  /** Removes what the last check made and waits until it is gone. Never throws. */
  async clear(): Promise<Teardown> {
    await Promise.allSettled(this.#pending);
    const live = [...this.#live.values()];
    this.#live.clear();
    // In the versions in which they were made; pods besides, which other objects make.
    const kinds = new Map([POD, ...live].map(({ apiVersion, kind }) => [`${apiVersion}/${kind}`, { apiVersion, kind }]));
    return this.#removeAll(live, [...kinds.values()]);
  }

  /** Removes whatever carries the label of this run, made in this process or in one before it, and looks again. Never throws. */
  async sweep(): Promise<Teardown> {
    await this.clear();
    const { found, problems } = await this.#labelled(WRITTEN_KINDS);
    return found.length === 0 ? { created: this.#created, left: [], problems } : this.#removeAll(found, WRITTEN_KINDS);
  }

  async #removeAll(objects: readonly ObjectName[], kinds: readonly ObjectKind[]): Promise<Teardown> {
    if (objects.length === 0) return { created: this.#created, left: [], problems: [] };
    const refused = (await Promise.all(objects.map((name) => this.#remove(name)))).flat();
    const { clock, everyMs, timeoutMs } = this.#options;
    let last: Look = { found: objects, problems: [] };
    await waitFor(
      async () => {
        last = await this.#labelled(kinds);
        return last.found.length === 0 ? true : undefined;
      },
      { clock, signal: new AbortController().signal, everyMs, timeoutMs },
    );
    const problems = last.found.length === 0 ? last.problems : [...last.problems, ...refused];
    return { created: this.#created, left: last.found.map(keyOf), problems };
  }

  async #patch(name: ObjectName, change: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<ClusterObject> {
    if (signal.aborted || !this.#live.has(keyOf(name))) throw new AssayError('INTERRUPTED', `${keyOf(name)} is no live test object`);
    return this.#options.cluster.patch(name, change);
  }

  async #create(object: NewObject, signal: AbortSignal): Promise<ClusterObject> {
    if (signal.aborted) throw new AssayError('INTERRUPTED', `no ${object.kind} is made any more: the check is over`);
    const { apiVersion, kind, metadata } = object;
    const name = { apiVersion, kind, namespace: this.#options.namespace, name: metadata.name };
    const making = this.#options.cluster.create(object).then((made) => {
      this.#created += 1;
      this.#live.set(keyOf(name), name);
      return made;
    });
    this.#pending.add(making);
    try {
      return await making;
    } finally {
      this.#pending.delete(making);
    }
  }

  #dressed(object: NewObject, check: string): NewObject {
    const { namespace, owner, runId } = this.#options;
    const { labels, annotations, ...metadata } = object.metadata;
    const owned = owner?.namespace === namespace ? { ownerReferences: [ownerReference(owner)] } : {};
    const all = { ...labels, ...MANAGED, [RUN_LABEL]: runId };
    return {
      ...object,
      metadata: { ...metadata, namespace, labels: all, annotations: { ...annotations, 'assay.dev/check': check }, ...owned },
    };
  }

  async #remove(name: ObjectName): Promise<readonly string[]> {
    try {
      await this.#options.cluster.remove(name);
      return [];
    } catch (error) {
      return [`${keyOf(name)}: ${errorText(error)}`];
    }
  }

  /** What carries the label of this run now. A kind that cannot be listed is a problem, not an empty list. */
  async #labelled(kinds: readonly ObjectKind[]): Promise<Look> {
    const { cluster, namespace, runId } = this.#options;
    const found: ObjectName[] = [];
    const problems: string[] = [];
    for (const kind of kinds) {
      try {
        const objects = (await cluster.list({ ...kind, namespace, labels: `${RUN_LABEL}=${runId}` })) ?? [];
        found.push(...objects.map(({ metadata }) => ({ ...kind, namespace, name: metadata.name })));
      } catch (error) {
        problems.push(`${kind.kind}: ${errorText(error)}`);
      }
    }
    return { found, problems };
  }
}

/** One look for objects of the run. */
interface Look {
  readonly found: readonly ObjectName[];
  readonly problems: readonly string[];
}

function ownerReference({ apiVersion, kind, name, uid }: NonNullable<TestObjectOptions['owner']>): ObjectKind & {
  readonly name: string;
  readonly uid: string;
} {
  return { apiVersion, kind, name, uid };
}

function keyOf({ kind, name }: ObjectName): string {
  return `${kind} ${name}`;
}

/** A kind of object as its manifests name it. */
export interface ObjectKind {
  /** `v1`, `apps/v1`, `resource.k8s.io/v1` … */
  readonly apiVersion: string;
  readonly kind: string;
}

/** Names one object; without a namespace where its kind has none. */
export interface ObjectName extends ObjectKind {
  readonly namespace?: string;
  readonly name: string;
}

/** Names the objects of one kind; without a namespace in all of them. */
export interface ObjectSelection extends ObjectKind {
  readonly namespace?: string;
  /** Label selector in the API's own syntax. */
  readonly labels?: string;
  /** Field selector in the API's own syntax. */
  readonly fields?: string;
}

/** An object as the API server wrote it: plain JSON, times as text. Everything but the named fields is to be checked before use. */
export interface ClusterObject extends ObjectKind {
  readonly metadata: ObjectMetadata;
  readonly [field: string]: unknown;
}

/** The part of `metadata` that Assay reads. */
export interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly (ObjectKind & { readonly name: string; readonly uid: string; readonly controller?: boolean })[];
}

/** An object that is to be created: the server fills in the rest. */
export interface NewObject extends ObjectKind {
  readonly metadata: Omit<ObjectMetadata, 'uid' | 'resourceVersion' | 'generation' | 'creationTimestamp' | 'deletionTimestamp'>;
  readonly [field: string]: unknown;
}

/** One change of a watched selection. `synced` comes once, when everything that existed at the start was said. */
export type ObjectChange = { readonly change: 'present' | 'gone'; readonly object: ClusterObject } | { readonly change: 'synced' };

/** Which log to read. */
export interface PodLogSelection {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
  readonly tailLines?: number;
  /** The log of the container's run before the present one. */
  readonly previous?: boolean;
  /** Each line begins with the time it was written, RFC 3339, and a space. */
  readonly timestamps?: boolean;
}

/**
 * A Kubernetes cluster, as much of it as Assay uses. Every answer is bounded in bytes, pages and time. All methods throw
 * CLUSTER_UNREACHABLE (no answer, 429 and 5xx after retries), CLUSTER_FORBIDDEN (401, 403) and CLUSTER_REFUSED (any other
 * refusal, the kind being unknown to the cluster included).
 */
export interface Cluster {
  /** Namespace of this pod, or of the kubeconfig's context. */
  readonly namespace: string;
  /** @returns undefined when there is no such object, or the cluster does not know the kind */
  readonly read: (name: ObjectName) => Promise<ClusterObject | undefined>;
  /** @returns undefined when the cluster does not know the kind (a CRD that is not installed) */
  readonly list: (selection: ObjectSelection) => Promise<readonly ClusterObject[] | undefined>;
  /** Changes of a selection, without end: reconnects by itself. Ends when aborted. */
  readonly watch: (selection: ObjectSelection, signal: AbortSignal) => AsyncIterable<ObjectChange>;
  /** @throws CLUSTER_CONFLICT when an object of this name exists */
  readonly create: (object: NewObject) => Promise<ClusterObject>;
  /** Replaces an object that was read before. @throws CLUSTER_CONFLICT when it changed since */
  readonly replace: (object: ClusterObject) => Promise<ClusterObject>;
  /** Merge patch (RFC 7386). */
  readonly patch: (name: ObjectName, change: Readonly<Record<string, unknown>>) => Promise<ClusterObject>;
  /** Deletes an object and what it owns. @returns false when there was none */
  readonly remove: (name: ObjectName) => Promise<boolean>;
  /** Text of a container's log, at most 10 MiB of it. */
  readonly podLog: (selection: PodLogSelection) => Promise<string>;
  /** Lines of a container's log as they are written, until the container ends or the signal aborts. */
  readonly followPodLog: (selection: PodLogSelection, signal: AbortSignal) => AsyncIterable<string>;
  /** Lines of a container's log up to now, however many. */
  readonly podLogLines: (selection: PodLogSelection, signal: AbortSignal) => AsyncIterable<string>;
  /**
   * GET of an API path outside the objects: `/version`, `/apis/custom.metrics.k8s.io/v1beta1`, a service's proxy path.
   * @returns status and text of the answer, whatever the status; at most 10 MiB; and the time of the server's clock, RFC 9110
   */
  readonly get: (path: string) => Promise<{ readonly status: number; readonly text: string; readonly date?: string }>;
}

import type { ClusterObject, NewObject } from '#core/cluster/cluster.ts';

/** The only way for a check to make objects: each is labelled, owned, and removed at the latest when the check is over. */
export interface TestObjects {
  /** Where test objects live. */
  readonly namespace: string;
  /** @throws CLUSTER_* as creating does; INTERRUPTED when the check is over */
  readonly create: (object: NewObject) => Promise<ClusterObject>;
}

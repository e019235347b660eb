import type { ObjectKind } from '#core/cluster/cluster.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import { AssayError } from '#core/error.ts';
import type { ReadableCluster } from '../cluster-check.ts';

const OK = 200;
const NOT_FOUND = 404;

/**
 * Whether the cluster serves a kind of a named group. Everybody may ask that, also without a right to the objects.
 * @throws CLUSTER_UNREACHABLE when the API server answers something else
 * @source Kubernetes API, discovery
 */
export async function knowsKind(cluster: Pick<ReadableCluster, 'get'>, { apiVersion, kind }: ObjectKind): Promise<boolean> {
  const path = `/apis/${apiVersion}`;
  const { status, text } = await cluster.get(path);
  if (status === NOT_FOUND) return false;
  if (status !== OK) throw new AssayError('CLUSTER_UNREACHABLE', `GET ${path}: ${status}`);
  return listAt(JSON.parse(text), 'resources').some((resource) => textAt(resource, 'kind') === kind);
}

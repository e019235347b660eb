import type { Cluster, ClusterObject } from '#core/cluster/cluster.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import { compareText } from '#core/digest/compare-text.ts';
import type { Measurement, Scalar } from '#core/snapshot/measurement.ts';
import { eachObject } from '#core/cluster/each-object.ts';
import { readImageName } from '#core/cluster/image-name.ts';

const FIELDS: readonly string[] = ['containers', 'initContainers', 'ephemeralContainers'];
/** Images by name that are recorded; clusters with more have many tenants. */
const MAX_IMAGES = 2000;
/** Pods that are looked at: forty pages. In a larger cluster the same images come again and again. */
const MAX_PODS = 20_000;
const SOURCE = 'v1 Pod';

/**
 * Tags of all images that pods ask for, by the last part of the image's name, and how many pods were looked at. Several tags of one
 * name stand side by side, sorted.
 * @throws CLUSTER_*
 * @source upstream snapshot, K8s.image, where the last tag that was seen wins
 */
export async function imageFacts(cluster: Pick<Cluster, 'watch'>): Promise<readonly Measurement[]> {
  const tags = new Map<string, Set<string>>();
  let pods = 0;
  for await (const pod of eachObject(cluster, { apiVersion: 'v1', kind: 'Pod' })) {
    pods += 1;
    if (pods > MAX_PODS) break;
    for (const image of imagesOf(pod)) addTag(tags, image);
  }
  const images = [...tags]
    .sort(([left], [right]) => compareText(left, right))
    .slice(0, MAX_IMAGES)
    .map(([key, found]) => fact('image', key, [...found].sort(compareText).join(',')));
  return [...images, fact('pod', 'looked-at', Math.min(pods, MAX_PODS)), fact('pod', 'all', pods <= MAX_PODS)];
}

function addTag(tags: Map<string, Set<string>>, image: string): void {
  const { repository, tag } = readImageName(image);
  const name = repository.slice(repository.lastIndexOf('/') + 1);
  tags.set(name, (tags.get(name) ?? new Set()).add(tag ?? 'latest'));
}

function fact(subtype: string, key: string, value: Scalar): Measurement {
  return { type: 'K8s', subtype, key, reading: { state: 'read', value }, source: SOURCE };
}

function imagesOf(pod: ClusterObject): readonly string[] {
  return FIELDS.flatMap((field) => listAt(pod, 'spec', field)).flatMap((container) => textAt(container, 'image') ?? []);
}

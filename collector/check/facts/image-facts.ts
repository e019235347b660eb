import type { ClusterObject } from '#core/cluster/cluster.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import { compareText } from '#core/digest/compare-text.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';
import { readImageName } from '../read/image-name.ts';

const FIELDS: readonly string[] = ['containers', 'initContainers', 'ephemeralContainers'];
/** Images by name that are recorded; clusters with more have many tenants. */
const MAX_IMAGES = 2000;

/**
 * Tags of all images that pods ask for, by the last part of the image's name. Several tags of one name stand side by side, sorted.
 * @source upstream snapshot, K8s.image, where the last tag that was seen wins
 */
export function imageFacts(pods: readonly ClusterObject[]): readonly Measurement[] {
  const tags = new Map<string, Set<string>>();
  for (const image of pods.flatMap(imagesOf)) {
    const { repository, tag } = readImageName(image);
    const name = repository.slice(repository.lastIndexOf('/') + 1);
    tags.set(name, (tags.get(name) ?? new Set()).add(tag ?? 'latest'));
  }
  return [...tags]
    .sort(([left], [right]) => compareText(left, right))
    .slice(0, MAX_IMAGES)
    .map(([key, found]) => ({
      type: 'K8s',
      subtype: 'image',
      key,
      reading: { state: 'read', value: [...found].sort(compareText).join(',') },
      source: 'v1 Pod',
    }));
}

function imagesOf(pod: ClusterObject): readonly string[] {
  return FIELDS.flatMap((field) => listAt(pod, 'spec', field)).flatMap((container) => textAt(container, 'image') ?? []);
}

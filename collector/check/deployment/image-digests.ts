import type { ClusterObject } from '#core/cluster/cluster.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { enabledComponents } from '../read/component.ts';
import { eachObject } from '#core/cluster/each-object.ts';
import { readImageName } from '#core/cluster/image-name.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import { fail, pass, skip, type ClusterVerdict } from '../verdict.ts';
import { imagePins, type ImagePin } from './image-pins.ts';

const SHOWN = 8;

/** One image that runs, by what the pod asks for and what the node pulled. */
interface RunningImage {
  readonly image: string;
  /** Undefined when the node does not know it: the image was loaded, not pulled. */
  readonly digest: string | undefined;
}

type Match = 'same' | 'different' | 'not-pinned' | 'no-digest';

/**
 * Images that run in the namespaces of the recipe's components have the content that the recipe's documents pin. Images that nothing pins
 * are counted and not judged.
 */
export async function checkImageDigests({ cluster, recipe, files, bom }: ClusterCheckContext): Promise<ClusterVerdict> {
  const namespaces = [...new Set(enabledComponents(recipe).flatMap(({ namespace }) => namespace ?? []))].sort();
  const running = await runningImages(cluster, namespaces);
  const pins = imagePins(files, bom);
  const judged = running.map((image) => ({ image, match: matchOf(image, pins) }));
  const of = (match: Match): readonly RunningImage[] => judged.filter((each) => each.match === match).map(({ image }) => image);
  const observed = {
    namespaces: namespaces.length,
    pins: pins.length,
    images: running.length,
    same: of('same').length,
    different: of('different').length,
    notPinned: of('not-pinned').length,
    withoutDigest: of('no-digest').length,
  };
  if (observed.different > 0) return fail(`${differences(of('different'), pins)}: deploy the recipe's images, or renew its pins`, observed);
  if (running.length === 0) return skip("no pod runs in the namespaces of the recipe's components", observed);
  if (observed.same === 0) return skip(`none of ${running.length} running images is pinned by the recipe's documents`, observed);
  return pass(
    `${observed.same} running images have the content that is pinned; ${observed.notPinned + observed.withoutDigest} others are not pinned or of unknown content and were not judged`,
    observed,
  );
}

function matchOf({ image, digest }: RunningImage, pins: readonly ImagePin[]): Match {
  const { repository, tag } = readImageName(image);
  const own = pinsFor(repository, tag, pins);
  if (own.length === 0) return 'not-pinned';
  if (digest === undefined) return 'no-digest';
  return own.some((pin) => pin.digest === digest) ? 'same' : 'different';
}

/** Pins of the same tag speak before those of the repository. */
function pinsFor(repository: string, tag: string | undefined, pins: readonly ImagePin[]): readonly ImagePin[] {
  const own = pins.filter((pin) => pin.repository === repository);
  const ofTag = own.filter((pin) => pin.tag === tag && tag !== undefined);
  return ofTag.length > 0 ? ofTag : own.filter((pin) => pin.tag === undefined || tag === undefined);
}

function imagesOf(pod: ClusterObject): readonly RunningImage[] {
  const statuses = ['containerStatuses', 'initContainerStatuses'].flatMap((field) => listAt(pod, 'status', field));
  return statuses.flatMap((status) => {
    const [name, image] = [textAt(status, 'name'), textAt(status, 'image')];
    const asked = ['containers', 'initContainers']
      .flatMap((field) => listAt(pod, 'spec', field))
      .find((container) => textAt(container, 'name') === name);
    // The status may name the image by another of its names; the pod's own wish is what the recipe led to.
    const wished = textAt(asked, 'image') ?? image;
    const id = textAt(status, 'imageID') ?? '';
    return wished === undefined || id === '' ? [] : [{ image: wished, digest: readImageName(id).digest }];
  });
}

async function runningImages(cluster: ClusterCheckContext['cluster'], namespaces: readonly string[]): Promise<readonly RunningImage[]> {
  const byText = new Map<string, RunningImage>();
  for (const namespace of namespaces)
    for await (const pod of eachObject(cluster, { apiVersion: 'v1', kind: 'Pod', namespace }))
      for (const image of imagesOf(pod)) byText.set(`${image.image} ${image.digest ?? ''}`, image);
  return [...byText].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, image]) => image);
}

function differences(images: readonly RunningImage[], pins: readonly ImagePin[]): string {
  const said = images.slice(0, SHOWN).map(({ image, digest = '' }) => {
    const { repository, tag } = readImageName(image);
    const wanted = pinsFor(repository, tag, pins).map((pin) => pin.digest);
    return `${image} runs as ${digest}, pinned is ${wanted.join(' or ')}`;
  });
  return `${said.join('; ')}${images.length > SHOWN ? `; and ${images.length - SHOWN} more` : ''}`;
}

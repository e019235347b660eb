import type { ClusterObject } from '#core/cluster/cluster.ts';
import { evaluateConstraint } from '#core/recipe/constraint.ts';
import { API_VERSION, type Snapshot } from '#core/snapshot/document.ts';
import type { ClusterCheckContext, ReadableCluster } from '../cluster-check.ts';
import { componentOf, GPU_OPERATOR } from '../read/component.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import { fail, pass, skip, unknown, type ClusterVerdict } from '../verdict.ts';

const CONSTRAINT = 'Deployment.gpu-operator.version';
const NAMESPACES: readonly string[] = ['gpu-operator', 'nvidia-gpu-operator', 'kube-system'];
const NAMES: readonly string[] = ['gpu-operator', 'nvidia-gpu-operator'];

/** A version and the field of the Deployment that says it. */
interface FoundVersion {
  readonly version: string;
  readonly source: string;
}

/** The version of the deployed GPU operator satisfies the recipe's constraint {@link CONSTRAINT}. */
export async function checkGpuOperatorVersion({ cluster, recipe }: ClusterCheckContext): Promise<ClusterVerdict> {
  const constraint = recipe.validation?.deployment?.constraints?.find(({ name }) => name === CONSTRAINT);
  if (constraint === undefined) return skip(`the recipe has no constraint ${CONSTRAINT}`);
  const deployment = await findDeployment(cluster, componentOf(recipe, ...GPU_OPERATOR.names)?.namespace);
  if (deployment === undefined)
    return fail(`there is no Deployment ${NAMES.join(' or ')} in ${NAMESPACES.join(', ')}: install the GPU operator`, { found: false });
  const found = versionOf(deployment);
  if (found === undefined)
    return unknown('the Deployment of the GPU operator does not say its version: no label, image tag or annotation', { found: true });
  return judge(found, constraint.value);
}

function judge({ version, source }: FoundVersion, expected: string): ClusterVerdict {
  const snapshot: Snapshot = {
    apiVersion: API_VERSION,
    kind: 'Snapshot',
    metadata: {},
    measurements: [{ type: 'K8s', subtypes: [{ subtype: 'deployment', data: { 'gpu-operator': version } }] }],
  };
  const { passed, error } = evaluateConstraint(snapshot, { name: 'K8s.deployment.gpu-operator', value: expected });
  const thresholds = { version: { value: expected, source: `recipe constraint ${CONSTRAINT}` } };
  const observed = { version, source };
  if (error !== undefined) return { ...unknown(`version ${version} cannot be compared with "${expected}"`, observed), thresholds };
  const verdict = passed
    ? pass(`the GPU operator is ${version}, as the recipe asks (${expected})`, observed)
    : fail(`the GPU operator is ${version}, the recipe asks for ${expected}: upgrade its release`, observed);
  return { ...verdict, thresholds };
}

async function findDeployment(cluster: ReadableCluster, own: string | undefined): Promise<ClusterObject | undefined> {
  const namespaces = [...new Set([...(own === undefined ? [] : [own]), ...NAMESPACES])];
  for (const namespace of namespaces)
    for (const name of NAMES) {
      const found = await cluster.read({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name });
      if (found !== undefined) return found;
    }
  return undefined;
}

/** @source upstream deployment checks: version label, else the tag of the operator's image, else an annotation */
function versionOf(deployment: ClusterObject): FoundVersion | undefined {
  const label = deployment.metadata.labels?.['app.kubernetes.io/version'];
  if (label !== undefined && label !== '') return { version: label, source: 'label' };
  const images = listAt(deployment, 'spec', 'template', 'spec', 'containers').map((container) => textAt(container, 'image') ?? '');
  const tag = images
    .filter((image) => image.includes('gpu-operator'))
    .map(tagOf)
    .find((found) => found !== undefined);
  if (tag !== undefined) return { version: tag, source: 'image tag' };
  const annotation = deployment.metadata.annotations?.['nvidia.com/gpu-operator-version'];
  return annotation === undefined || annotation === '' ? undefined : { version: annotation, source: 'annotation' };
}

function tagOf(image: string): string | undefined {
  const tag = /:([^/:@]+)(?:@.*)?$/.exec(image)?.[1]?.split('-')[0];
  return tag === undefined || tag === '' ? undefined : tag;
}

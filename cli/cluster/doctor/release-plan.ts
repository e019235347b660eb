import type { ClusterObject } from '#core/cluster/cluster.ts';
import { daemonSetFacts } from '#core/cluster/daemon-set-facts.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import { releaseObjects } from '#core/cluster/run-status.ts';
import type { ClusterPlace } from '../cluster-flags.ts';
import type { Release } from '../find-release.ts';
import { componentLabels } from '../find-run.ts';
import { AUDIENCE, REQUESTS, RUNTIME_CLASS } from './chart-defaults.ts';
import {
  given,
  resourcesAt,
  type ChartPlan,
  type ContainerResources,
  type GpuAccess,
  type RegistryPlan,
  type SigningPlan,
} from './chart-plan.ts';

const SPEC = ['spec', 'template', 'spec'] as const;
const JOB_SPEC = ['spec', 'jobTemplate', ...SPEC] as const;

/**
 * What an installed release asks of its cluster, from its objects.
 * @returns undefined when the agents' DaemonSet is gone
 * @throws CLUSTER_*
 */
export async function planOfRelease({ cluster }: ClusterPlace, release: Release): Promise<ChartPlan | undefined> {
  const { namespace, name, helmRelease } = release;
  const daemonSet = await cluster.read({ apiVersion: 'apps/v1', kind: 'DaemonSet', namespace, name: releaseObjects(name).agent });
  const pod = await collectorPod({ cluster, namespace }, release);
  if (daemonSet === undefined) return undefined;
  const sign = containerOf(pod, 'sign');
  const collect = containerOf(pod, 'collect');
  const signing = signingOf(pod, sign);
  const [config, recipe] = await Promise.all([signingConfig({ cluster, namespace }, pod), recipeOf({ cluster, namespace }, pod, collect)]);
  return {
    namespace,
    release: name,
    helmRelease,
    isInstalled: true,
    isWhole: pod !== undefined,
    daemonSet: daemonSetFacts(daemonSet),
    expectSelector: variable(collect, 'ASSAY_EXPECT_SELECTOR') ?? '',
    ...recipe,
    gpuAccess: accessOf(daemonSet),
    runtimeClass: textAt(daemonSet, ...SPEC, 'runtimeClassName') ?? RUNTIME_CLASS,
    checksActive: variable(collect, 'ASSAY_CHECKS_ACTIVE') === 'true',
    agent: resourcesOf(listAt(daemonSet, ...SPEC, 'containers')[0]) ?? REQUESTS.agent,
    collector: [resourcesOf(collect) ?? REQUESTS.collect, resourcesOf(sign) ?? REQUESTS.sign],
    registry: registryOf(pod, sign),
    signing: { ...signing, ...given('signingConfig', config) },
  };
}

/** Spec of the collector's pod, from the newest Job or the CronJob. */
async function collectorPod({ cluster, namespace }: ClusterPlace, release: Release): Promise<unknown> {
  const selection = { namespace, labels: componentLabels(release, 'collector') };
  const jobs = (await cluster.list({ apiVersion: 'batch/v1', kind: 'Job', ...selection })) ?? [];
  const crons = (await cluster.list({ apiVersion: 'batch/v1', kind: 'CronJob', ...selection })) ?? [];
  const newest = jobs
    .toSorted((left, right) => ((left.metadata.creationTimestamp ?? '') < (right.metadata.creationTimestamp ?? '') ? -1 : 1))
    .at(-1);
  return newest === undefined ? valueAt(crons[0], JOB_SPEC) : valueAt(newest, SPEC);
}

function valueAt(object: ClusterObject | undefined, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, step) => (value as Readonly<Record<string, unknown>> | undefined)?.[step], object);
}

function containerOf(pod: unknown, name: string): unknown {
  return listAt(pod, 'containers').find((container) => textAt(container, 'name') === name);
}

function resourcesOf(container: unknown): ContainerResources | undefined {
  return resourcesAt((container as { resources?: unknown } | undefined)?.resources);
}

function variable(container: unknown, name: string): string | undefined {
  return textAt(
    listAt(container, 'env').find((entry) => textAt(entry, 'name') === name),
    'value',
  );
}

/** The value of `--name=value` among a container's arguments; the empty text for a switch. */
function argument(container: unknown, name: string): string | undefined {
  const found = listAt(container, 'args').find((word) => word === `--${name}` || String(word).startsWith(`--${name}=`));
  return found === undefined ? undefined : String(found).slice(name.length + 3);
}

function accessOf(daemonSet: ClusterObject): GpuAccess {
  if (textAt(daemonSet, ...SPEC, 'runtimeClassName') !== undefined) return 'runtimeClass';
  const volumes = listAt(daemonSet, ...SPEC, 'volumes').map((volume) => textAt(volume, 'name'));
  if (volumes.includes('driver-root')) return 'driverRoot';
  return volumes.includes('kfd') ? 'amd' : 'none';
}

function registryOf(pod: unknown, sign: unknown): RegistryPlan {
  const volume = listAt(pod, 'volumes').find((entry) => textAt(entry, 'name') === 'registry');
  return {
    repository: argument(sign, 'push') ?? '',
    secretName: textAt(volume, 'secret', 'secretName') ?? '',
    plainHttp: argument(sign, 'plain-http') !== undefined,
    insecureTls: argument(sign, 'insecure-tls') !== undefined,
  };
}

function signingOf(pod: unknown, sign: unknown): SigningPlan {
  const identity = listAt(pod, 'volumes').find((entry) => textAt(entry, 'name') === 'identity');
  const audience = textAt(listAt(identity, 'projected', 'sources')[0], 'serviceAccountToken', 'audience');
  return {
    enabled: identity !== undefined,
    ...given('fulcioUrl', argument(sign, 'fulcio-url')),
    ...given('rekorUrl', argument(sign, 'rekor-url')),
    ...given('rekorApi', argument(sign, 'rekor-api')),
    ...given('tsaUrl', argument(sign, 'tsa-url')),
    audience: audience ?? AUDIENCE,
  };
}

async function recipeOf({ cluster, namespace }: ClusterPlace, pod: unknown, collect: unknown): Promise<Pick<ChartPlan, 'recipe'>> {
  const criteria = variable(collect, 'ASSAY_CRITERIA');
  if (criteria !== undefined)
    return {
      recipe: { criteria: Object.fromEntries(criteria.split(',').map((pair) => [pair.split('=')[0] ?? '', pair.split('=')[1] ?? ''])) },
    };
  const volume = listAt(pod, 'volumes').find((entry) => textAt(entry, 'name') === 'recipe');
  const name = textAt(volume, 'configMap', 'name');
  if (name === undefined) return {};
  const key = textAt(listAt(volume, 'configMap', 'items')[0], 'key') ?? 'recipe.yaml';
  const text = textAt(await cluster.read({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }), 'data', key);
  return text === undefined ? {} : { recipe: { text } };
}

async function signingConfig({ cluster, namespace }: ClusterPlace, pod: unknown): Promise<string | undefined> {
  const volume = listAt(pod, 'volumes').find((entry) => textAt(entry, 'name') === 'sigstore');
  const name = textAt(volume, 'configMap', 'name');
  if (name === undefined) return undefined;
  return textAt(await cluster.read({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }), 'data', 'signing_config.json');
}

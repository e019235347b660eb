import { daemonSetFacts, type DaemonSetFacts } from '#core/cluster/daemon-set-facts.ts';
import { at, listAt, numberAt, textAt } from '#core/cluster/object-value.ts';
import { releaseObjects } from '#core/cluster/run-status.ts';
import { AMD_LABELS, AUDIENCE, CHART, GPU_LABELS, REQUESTS, RUNTIME_CLASS, TOLERATIONS } from './chart-defaults.ts';

/** How agents reach GPU tools. */
export type GpuAccess = 'auto' | 'none' | 'runtimeClass' | 'driverRoot' | 'amd';

/** How the evidence of a release is signed. */
export interface SigningPlan {
  readonly enabled: boolean;
  readonly fulcioUrl?: string;
  readonly rekorUrl?: string;
  readonly rekorApi?: string;
  readonly tsaUrl?: string;
  /** Text of a signing configuration, in place of the addresses. */
  readonly signingConfig?: string;
  readonly audience: string;
}

/** The recipe of a release: criteria that select one of the catalog, or its text. */
export type RecipePlan = { readonly criteria: Readonly<Record<string, string>> } | { readonly text: string };

/** Where the evidence of a release goes. */
export interface RegistryPlan {
  /** Empty: nowhere. */
  readonly repository: string;
  readonly secretName: string;
  readonly plainHttp: boolean;
  readonly insecureTls: boolean;
}

/** Requests and limits of one container, as Kubernetes writes them. */
export interface ContainerResources {
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
}

/** What a release of the chart asks of a cluster, installed or not. */
export interface ChartPlan {
  readonly namespace: string;
  /** Full name of the release. */
  readonly release: string;
  readonly helmRelease: string;
  readonly isInstalled: boolean;
  /** False for an installed release without Job and CronJob: where its evidence goes is then not known. */
  readonly isWhole: boolean;
  readonly daemonSet: DaemonSetFacts;
  /** Labels of nodes that are expected besides those with GPUs. */
  readonly expectSelector: string;
  /** What is certified; undefined when it is not said. */
  readonly recipe?: RecipePlan;
  readonly gpuAccess: GpuAccess;
  readonly runtimeClass: string;
  readonly checksActive: boolean;
  readonly agent: ContainerResources;
  readonly collector: readonly ContainerResources[];
  readonly registry: RegistryPlan;
  readonly signing: SigningPlan;
}

/** Which release the values are for. */
export interface PlannedRelease {
  readonly namespace: string;
  readonly helmRelease: string;
}

const ACCESS: readonly GpuAccess[] = ['auto', 'none', 'runtimeClass', 'driverRoot', 'amd'];

/**
 * What a release would ask of a cluster with some values; what they leave out is the chart's default.
 * @param values as in values.yaml, not checked: Helm does that
 */
export function planFromValues(values: unknown, { namespace, helmRelease }: PlannedRelease): ChartPlan {
  const release = fullName(values, helmRelease);
  const extraNodes = listAt(values, 'agent', 'extraNodes');
  const access = textAt(values, 'gpuAccess');
  return {
    namespace,
    release,
    helmRelease,
    isInstalled: false,
    isWhole: true,
    daemonSet: daemonSetFacts(plannedDaemonSet(values, { release, helmRelease, extraNodes })),
    expectSelector: extraNodes.map(requirementText).join(','),
    ...recipePlan(values),
    gpuAccess: ACCESS.find((known) => known === access) ?? 'auto',
    runtimeClass: textAt(values, 'gpu', 'runtimeClassName') ?? RUNTIME_CLASS,
    checksActive: at(values, 'checks', 'active') === true,
    agent: resourcesAt(at(values, 'agent', 'resources')) ?? REQUESTS.agent,
    collector: [
      resourcesAt(at(values, 'collector', 'resources')) ?? REQUESTS.collect,
      resourcesAt(at(values, 'collector', 'signResources')) ?? REQUESTS.sign,
    ],
    registry: registryPlan(values),
    signing: signingPlan(values),
  };
}

/** `agent.extraNodes` as the chart hands it to the collector. */
function requirementText(requirement: unknown): string {
  const key = textAt(requirement, 'key') ?? '';
  const operator = textAt(requirement, 'operator') ?? '';
  if (operator === 'Exists') return key;
  if (operator === 'DoesNotExist') return `!${key}`;
  return `${key} ${operator.toLowerCase()} (${listAt(requirement, 'values').map(String).join(',')})`;
}

function fullName(values: unknown, helmRelease: string): string {
  const override = textAt(values, 'fullnameOverride') ?? '';
  const chart = textAt(values, 'nameOverride') || CHART;
  const full = helmRelease.includes(chart) ? helmRelease : `${helmRelease}-${chart}`;
  return (override === '' ? full : override).slice(0, 40).replace(/-$/, '');
}

interface DaemonSetNames {
  readonly release: string;
  readonly helmRelease: string;
  readonly extraNodes: readonly unknown[];
}

function plannedDaemonSet(values: unknown, { release, helmRelease, extraNodes }: DaemonSetNames): Parameters<typeof daemonSetFacts>[0] {
  const own = at(values, 'agent', 'affinity');
  const affinity = typeof own === 'object' && own !== null && Object.keys(own).length > 0 ? own : chartAffinity(extraNodes);
  const tolerations = at(values, 'agent', 'tolerations') ?? TOLERATIONS;
  const nodeSelector = at(values, 'agent', 'nodeSelector') ?? {};
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: releaseObjects(release).agent, labels: { 'app.kubernetes.io/instance': helmRelease } },
    spec: { template: { spec: { affinity, tolerations, nodeSelector } } },
  };
}

/** @source charts/assay/templates/_gpu.tpl, assay.gpuNodeTerms */
function chartAffinity(extraNodes: readonly unknown[]): object {
  const terms = [
    ...GPU_LABELS.map((key) => ({ matchExpressions: [{ key, operator: 'In', values: ['true'] }] })),
    ...AMD_LABELS.map((key) => ({ matchExpressions: [{ key, operator: 'Exists' }] })),
    ...(extraNodes.length === 0 ? [] : [{ matchExpressions: extraNodes }]),
  ];
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } };
}

/** Criteria that are empty, or 0, are none. */
function recipePlan(values: unknown): Pick<ChartPlan, 'recipe'> {
  const text = textAt(values, 'recipe', 'file') ?? '';
  if (text !== '') return { recipe: { text } };
  const criteria = Object.entries(amounts(at(values, 'recipe', 'criteria'))).filter(([, value]) => value !== '' && value !== '0');
  return criteria.length === 0 ? {} : { recipe: { criteria: Object.fromEntries(criteria) } };
}

function registryPlan(values: unknown): RegistryPlan {
  return {
    repository: textAt(values, 'registry', 'repository') ?? '',
    secretName: textAt(values, 'registry', 'secretName') ?? '',
    plainHttp: at(values, 'registry', 'plainHTTP') === true,
    insecureTls: at(values, 'registry', 'insecureTLS') === true,
  };
}

function signingPlan(values: unknown): SigningPlan {
  const rekorApi = textAt(values, 'sigstore', 'rekorApi') ?? numberAt(values, 'sigstore', 'rekorApi')?.toString() ?? '2';
  return {
    enabled: at(values, 'sigstore', 'enabled') !== false,
    ...given('fulcioUrl', textAt(values, 'sigstore', 'fulcioUrl')),
    ...given('rekorUrl', textAt(values, 'sigstore', 'rekorUrl')),
    rekorApi,
    ...given('tsaUrl', textAt(values, 'sigstore', 'tsaUrl')),
    ...given('signingConfig', textAt(values, 'sigstore', 'signingConfig')),
    audience: textAt(values, 'sigstore', 'audience') ?? AUDIENCE,
  };
}

/** A member, where its text is not empty. */
export function given<Name extends string>(name: Name, text: string | undefined): { readonly [Key in Name]?: string } {
  return (text === undefined || text === '' ? {} : { [name]: text }) as { readonly [Key in Name]?: string };
}

/** Requests and limits of a container; undefined where none are named. */
export function resourcesAt(resources: unknown): ContainerResources | undefined {
  if (typeof resources !== 'object' || resources === null) return undefined;
  return { requests: amounts(at(resources, 'requests')), limits: amounts(at(resources, 'limits')) };
}

function amounts(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([name, amount]) => [name, String(amount)]));
}

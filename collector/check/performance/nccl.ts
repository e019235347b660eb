import type { ClusterObject } from '#core/cluster/cluster.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import type { Recipe } from '#core/recipe/document.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { readImageName } from '#core/cluster/image-name.ts';
import { knowsKind } from '../read/knows-kind.ts';
import { waitFor } from '../read/wait-for.ts';
import { skip, skipFor, unknown, type ClusterVerdict } from '../verdict.ts';
import { readGpuNodes } from '../workload/gpu-load.ts';
import { checkImage } from '../workload/images.ts';
import type { TestObjects } from '../workload/test-objects.ts';
import { bandwidthVerdict, wantedBandwidth, type BandwidthRule } from './bandwidth-verdict.ts';
import { ncclObjects, type NcclJob, type NcclVariant } from './nccl-objects.ts';
import { fabricResources, largestGroup, namesOf, type NodeGroup } from './node-group.ts';

const TRAIN_JOB = { apiVersion: 'trainer.kubeflow.org/v1alpha1', kind: 'TrainJob' };
const DOMAIN = { apiVersion: 'resource.nvidia.com/v1beta1', kind: 'ComputeDomain' };
/** Services and accelerators for which a variant says something. `*` is any. @source upstream NCCL checks */
const SUPPORTED: Readonly<Record<NcclVariant, readonly (readonly [service: string, accelerator: string])[]>> = {
  'nccl-all-reduce-bw': [
    ['eks', 'h100'],
    ['eks', 'h200'],
    ['gke', 'h100'],
    ['aks', 'h100'],
    ['*', 'b200'],
    ['*', 'gb200'],
  ],
  'nccl-all-reduce-bw-net': [['eks', 'gb200']],
  'nccl-all-reduce-bw-nvls': [
    ['eks', 'gb200'],
    ['oke', 'gb200'],
  ],
};
const PROOF: Readonly<Record<NcclVariant, BandwidthRule['proof']>> = {
  'nccl-all-reduce-bw': 'any-network',
  'nccl-all-reduce-bw-net': 'not-socket',
  'nccl-all-reduce-bw-nvls': 'nvls',
};
const NODES_MIN = 2;
/** A little less than the check's deadline of half an hour. */
const JOB_MS = 1_620_000;
const REREADS = 5;

/** Bus bandwidth of a collective over all GPUs of at least two idle nodes reaches what the recipe asks for. */
export async function checkNccl(variant: NcclVariant, context: ClusterCheckContext): Promise<ClusterVerdict> {
  const { cluster, recipe, objects } = context;
  const wantedGBps = wantedBandwidth(recipe.validation?.performance?.constraints?.find(({ name }) => name === variant)?.value);
  const impossible = whyNot(variant, recipe, { fabric: context.fabric, wantedGBps });
  if (impossible !== undefined) return skip(impossible);
  if (!(await knowsKind(cluster, TRAIN_JOB)))
    return skip('the cluster does not know TrainJob: install kubeflow-trainer; Assay installs nothing');
  if (variant === 'nccl-all-reduce-bw-nvls' && !(await knowsKind(cluster, DOMAIN)))
    return skip('the cluster does not know ComputeDomain: install the DRA driver');
  const nodes = await readGpuNodes(context, 'nvidia');
  const group = largestGroup(nodes.idle, recipe);
  const observed = { gpuNodes: nodes.all.length, busy: nodes.busy.length, alikeAndIdle: group?.nodes.length ?? 0 };
  if (group === undefined || group.nodes.length < NODES_MIN)
    return skip(`fewer than ${NODES_MIN} GPU nodes are alike, idle and selected by the recipe`, observed);
  if (objects === undefined)
    return skipFor('active-checks', 'a benchmark over all GPUs of several nodes makes a TrainJob: set checks.active', observed);
  return runBenchmark({ ...context, objects }, group, { variant, rule: { wantedGBps, constraint: variant, proof: PROOF[variant] } });
}

function whyNot(
  variant: NcclVariant,
  { criteria }: Recipe,
  { fabric, wantedGBps }: { readonly fabric: string | undefined; readonly wantedGBps: number | undefined },
): string | undefined {
  if (wantedGBps === undefined) return `the recipe's performance phase has no constraint ${variant} with a number`;
  const { service = 'any', accelerator = 'any' } = criteria ?? {};
  const isRoce = variant === 'nccl-all-reduce-bw-net' && service === 'eks' && fabric === 'roce';
  const fits = SUPPORTED[variant].some(([onService, of]) => (onService === '*' || onService === service) && of === accelerator);
  if (!fits && !isRoce) return `${variant} says nothing about ${accelerator} on ${service}`;
  return service === 'gke'
    ? 'on GKE the benchmark needs the networks and the daemon of GPUDirect-TCPXO, which Assay does not set up'
    : undefined;
}

interface Benchmark {
  readonly variant: NcclVariant;
  readonly rule: BandwidthRule;
}

type ActiveContext = ClusterCheckContext & { readonly objects: TestObjects };

async function runBenchmark(context: ActiveContext, group: NodeGroup, { variant, rule }: Benchmark): Promise<ClusterVerdict> {
  const { objects } = context;
  const fabric = await fabricResources(context, namesOf(group)[0] ?? '');
  const named = (part: string): string => objects.name(`${variant.replace('all-reduce-', '')}-${part}`);
  const names = { job: named('tj'), runtime: named('rt'), domain: named('cd'), claims: named('imex') };
  const image = checkImage(context.fabric === 'roce' ? 'nccl-roce' : 'nccl', context.images);
  const job: NcclJob = { variant, group, image, fabric, names };
  for (const object of ncclObjects(job, objects)) await objects.create(object);
  const { log, state, digest } = await launcherLog(context, names.job);
  const besides = {
    nodes: group.nodes.length,
    gpusPerNode: group.gpusPerNode,
    fabricResources: Object.keys(fabric),
    ...(digest === undefined ? {} : { imageDigests: [digest] }),
  };
  return log === undefined ? unknown(`the benchmark did not run: ${state}`, besides) : bandwidthVerdict(log, rule, besides);
}

interface LauncherEnd {
  readonly log: string | undefined;
  readonly state: string;
  readonly digest?: string | undefined;
}

/** Waits for the launcher's pod to end and reads its log until that is complete: its last lines may come late. */
async function launcherLog(context: ActiveContext, trainJob: string): Promise<LauncherEnd> {
  const { cluster, clock, signal, timing, objects } = context;
  const { namespace } = objects;
  const labels = `jobset.sigs.k8s.io/jobset-name=${trainJob},jobset.sigs.k8s.io/replicatedjob-name=launcher`;
  const everyMs = Math.min(2000, timing.retryMs);
  let state = 'no launcher pod came';
  const pod = await waitFor(
    async () => {
      const [found] = (await cluster.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels })) ?? [];
      if (found !== undefined) state = `its launcher is ${textAt(found, 'status', 'phase') ?? 'without a phase'}`;
      else state = failureOf(await cluster.read({ ...TRAIN_JOB, namespace, name: trainJob })) ?? state;
      return ['Succeeded', 'Failed'].includes(textAt(found, 'status', 'phase') ?? '') ? found : undefined;
    },
    { clock, signal, everyMs, timeoutMs: Math.min(JOB_MS, timing.tryMs) },
  );
  if (pod === undefined) return { log: undefined, state };
  let log = '';
  await waitFor(
    async () => {
      log = await cluster.podLog({ namespace, pod: pod.metadata.name, container: 'node' });
      return log.includes('Avg bus bandwidth') ? true : undefined;
    },
    { clock, signal, everyMs, timeoutMs: REREADS * everyMs },
  );
  return { log, state, digest: digestOf(pod) };
}

function digestOf(pod: ClusterObject): string | undefined {
  return readImageName(textAt(listAt(pod, 'status', 'containerStatuses')[0], 'imageID') ?? '').digest;
}

function failureOf(trainJob: ClusterObject | undefined): string | undefined {
  const failed = listAt(trainJob, 'status', 'conditions').find(
    (condition) => textAt(condition, 'type') === 'Failed' && textAt(condition, 'status') === 'True',
  );
  return textAt(failed, 'message');
}

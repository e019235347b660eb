import type { ClusterCheckContext } from '../cluster-check.ts';
import { componentOf } from '../read/component.ts';
import { foldProblems, problemOf, type Problem } from '../read/problem.ts';
import { readDraState, type DraState } from '../read/resource-slices.ts';
import { readWorkload } from '../read/workload-problem.ts';
import { fail, pass, skip, skipFor, unknown, type ClusterVerdict, type Observed } from '../verdict.ts';
import { checkImage } from '../workload/images.ts';
import { runPod } from '../workload/run-pod.ts';
import type { TestObjects } from '../workload/test-objects.ts';
import { gpuAllocation } from './allocation.ts';

const DRIVER = 'nvidia-dra-driver-gpu';
const INSTALL = `install ${DRIVER}`;
const DEVICE_CLASS = 'gpu.nvidia.com';
const POD_MS = 240_000;

/** The DRA driver is up and advertises usable devices; where the recipe hands out GPUs by claims, a pod with a claim for one GPU runs. */
export async function checkDraSupport(context: ClusterCheckContext): Promise<ClusterVerdict> {
  const { cluster, recipe, files, objects } = context;
  const driver = componentOf(recipe, DRIVER);
  if (driver === undefined) return skip(`the recipe has no ${DRIVER}`);
  const namespace = driver.namespace ?? 'nvidia-dra-driver';
  const [controller, plugin, state] = await Promise.all([
    readWorkload(cluster, { kind: 'Deployment', namespace, name: `${DRIVER}-controller` }, INSTALL),
    readWorkload(cluster, { kind: 'DaemonSet', namespace, name: `${DRIVER}-kubelet-plugin` }, INSTALL),
    sliceProblems(cluster),
  ]);
  const allocation = gpuAllocation(recipe, files);
  const observed = { ...state.observed, pluginsReady: plugin.ready, pluginsWanted: plugin.wanted, allocation };
  const found = foldProblems([...controller.problems, ...plugin.problems, ...state.problems], {
    good: `the DRA driver is up on ${plugin.ready} nodes and advertises ${String(state.observed['usable'])} usable devices`,
    observed,
  });
  if (found.outcome !== 'pass' || allocation === 'device-plugin') return found;
  if (objects === undefined)
    return skipFor(
      'active-checks',
      'the recipe hands out GPUs by claims, and that one can be had is only shown by a pod with a claim: set checks.active',
      observed,
    );
  return claimPod(context, objects, { apiVersion: state.apiVersion, observed });
}

interface SliceState {
  readonly apiVersion: string;
  readonly observed: Observed;
  readonly problems: readonly Problem[];
}

async function sliceProblems(cluster: ClusterCheckContext['cluster']): Promise<SliceState> {
  try {
    const state = await readDraState(cluster);
    if (state === undefined)
      return {
        apiVersion: '',
        observed: { served: false },
        problems: [{ outcome: 'fail', text: 'the API server does not serve resource.k8s.io: enable dynamic resource allocation' }],
      };
    return judgeSlices(state);
  } catch (error) {
    return { apiVersion: '', observed: {}, problems: [problemOf(error, 'ResourceSlices')] };
  }
}

function judgeSlices({ apiVersion, devices, incompletePools }: DraState): SliceState {
  const own = devices.filter(({ driver }) => driver.endsWith('.nvidia.com'));
  const usable = own.filter(({ isTainted }) => !isTainted).length;
  const observed = { served: true, apiVersion, devices: own.length, usable, incompletePools };
  const problems: readonly Problem[] =
    usable > 0
      ? []
      : [
          {
            outcome: 'fail',
            text: `no driver of nvidia.com advertises a usable device (${own.length} devices, ${incompletePools} incomplete pools)`,
          },
        ];
  return { apiVersion, observed, problems };
}

async function claimPod(
  context: ClusterCheckContext,
  objects: TestObjects,
  { apiVersion, observed }: Pick<SliceState, 'apiVersion' | 'observed'>,
): Promise<ClusterVerdict> {
  const claim = objects.name('dra-claim');
  await objects.create({ apiVersion, kind: 'ResourceClaim', metadata: { name: claim }, spec: claimSpec(apiVersion) });
  const image = checkImage('nvidia-smi', context.images);
  const end = await runPod(
    { ...context, objects },
    { purpose: 'dra', image, command: ['nvidia-smi', '-L'], extra: claimed(image, claim) },
    POD_MS,
  );
  if (end.end === 'not-started')
    return (end.cause === 'unplaced' ? fail : unknown)(`a pod with a claim for one GPU does not run: ${end.reason}`, observed);
  const gpus = end.log.match(/^GPU \d+: /gm)?.length ?? 0;
  const seen = { ...observed, claimedGpus: gpus, ...(end.digest === undefined ? {} : { imageDigests: [end.digest] }) };
  if (end.end === 'failed') return fail(`the pod with a claim for one GPU failed: ${end.reason}`, seen);
  if (end.log.startsWith('no log')) return unknown(end.log, seen);
  return gpus === 1
    ? pass('a pod with a claim for one GPU runs and sees it', seen)
    : fail(`a pod with a claim for one GPU sees ${gpus}`, seen);
}

/** A claim for one GPU. In v1beta1 the request is flat, later it stands below `exactly`. @source Kubernetes API, resource.k8s.io */
export function claimSpec(apiVersion: string): Readonly<Record<string, unknown>> {
  const wish = { deviceClassName: DEVICE_CLASS };
  const request = apiVersion.endsWith('v1beta1') ? wish : { exactly: wish };
  return { devices: { requests: [{ name: 'gpu', ...request }] } };
}

/** What a test pod needs besides to use a claim. */
function claimed(image: string, claim: string): Readonly<Record<string, unknown>> {
  const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  return {
    resourceClaims: [{ name: 'gpu', resourceClaimName: claim }],
    containers: [{ name: 'check', image, command: ['nvidia-smi', '-L'], securityContext, resources: { claims: [{ name: 'gpu' }] } }],
  };
}

import type { NewObject } from '#core/cluster/cluster.ts';
import { onNode } from '../workload/pod-template.ts';
import type { TestObjects } from '../workload/test-objects.ts';
import { allReduceScript } from './benchmark-command.ts';
import { namesOf, type NodeGroup } from './node-group.ts';

/** Variants of the multi-node benchmark: over whatever the library chooses, over the network, over NVLink between nodes. */
export type NcclVariant = 'nccl-all-reduce-bw' | 'nccl-all-reduce-bw-net' | 'nccl-all-reduce-bw-nvls';

/** What the objects of one run are made from. */
export interface NcclJob {
  readonly variant: NcclVariant;
  readonly group: NodeGroup;
  readonly image: string;
  /** Extended resources for the fabric, per pod. */
  readonly fabric: Readonly<Record<string, number>>;
  readonly names: { readonly job: string; readonly runtime: string; readonly domain: string; readonly claims: string };
}

const TRAINER = 'trainer.kubeflow.org/v1alpha1';
const SSH_DIRECTORY = '/root/.ssh';
const SSH_PORT = 22;
/** Largest message with a fabric, and without: several GB over TCP may take longer than the job has. @source upstream NCCL checks */
const LARGEST = { fabric: '16G', none: '4G' } as const;
const ENV: Readonly<Record<NcclVariant, Readonly<Record<string, string>>>> = {
  'nccl-all-reduce-bw': {},
  'nccl-all-reduce-bw-net': { NCCL_MNNVL_ENABLE: '0', NCCL_NVLS_ENABLE: '0' },
  'nccl-all-reduce-bw-nvls': { NCCL_MNNVL_ENABLE: '1', NCCL_NVLS_ENABLE: '1' },
};

/**
 * The objects of one multi-node benchmark, in the order in which they have to be made: a compute domain where NVLink between nodes is
 * used, the runtime, the job.
 * @source upstream NCCL checks: TrainJob on a TrainingRuntime with an MPI policy, launcher and nodes as replicated jobs; ComputeDomain with 0 nodes and single channels
 */
export function ncclObjects(job: NcclJob, objects: TestObjects): readonly NewObject[] {
  const domain = job.variant === 'nccl-all-reduce-bw-nvls' ? [computeDomain(job)] : [];
  return [...domain, trainingRuntime(job, objects), trainJob(job)];
}

function computeDomain({ names }: NcclJob): NewObject {
  const channel = { allocationMode: 'Single', resourceClaimTemplate: { name: names.claims } };
  return {
    apiVersion: 'resource.nvidia.com/v1beta1',
    kind: 'ComputeDomain',
    metadata: { name: names.domain },
    spec: { numNodes: 0, channel },
  };
}

function trainJob({ names, group }: NcclJob): NewObject {
  const runtimeRef = { apiGroup: 'trainer.kubeflow.org', kind: 'TrainingRuntime', name: names.runtime };
  return {
    apiVersion: TRAINER,
    kind: 'TrainJob',
    metadata: { name: names.job },
    spec: { runtimeRef, trainer: { numNodes: group.nodes.length } },
  };
}

function trainingRuntime(job: NcclJob, objects: TestObjects): NewObject {
  const { group, names } = job;
  const mpi = {
    mpiImplementation: 'OpenMPI',
    numProcPerNode: group.gpusPerNode,
    sshAuthMountPath: SSH_DIRECTORY,
    runLauncherAsNode: false,
  };
  const spec = {
    mlPolicy: { numNodes: group.nodes.length, mpi },
    template: {
      spec: {
        network: { enableDNSHostnames: true, publishNotReadyAddresses: true },
        successPolicy: { operator: 'All', targetReplicatedJobs: ['launcher'] },
        replicatedJobs: [replicatedJob('launcher', launcherPod(job), objects), replicatedJob('node', nodePod(job), objects)],
      },
    },
  };
  return {
    apiVersion: TRAINER,
    kind: 'TrainingRuntime',
    metadata: { name: names.runtime, labels: { 'trainer.kubeflow.org/framework': 'mpi' } },
    spec,
  };
}

function replicatedJob(name: string, podSpec: Readonly<Record<string, unknown>>, objects: TestObjects): Readonly<Record<string, unknown>> {
  const labels = { 'trainer.kubeflow.org/trainjob-ancestor-step': 'trainer' };
  const spec = { backoffLimit: 0, ttlSecondsAfterFinished: 600, template: { metadata: { labels: objects.labels }, spec: podSpec } };
  return { name, template: { metadata: name === 'node' ? { labels } : {}, spec } };
}

/** The pod in which mpirun runs: no GPU, anywhere. */
function launcherPod({ variant, group, image, fabric }: NcclJob): Readonly<Record<string, unknown>> {
  const env = { NCCL_DEBUG: 'INFO', ...ENV[variant] };
  const passed = Object.entries(env).flatMap(([name, value]) => ['-x', `${name}=${value}`]);
  const hasFabric = Object.keys(fabric).length > 0 || variant === 'nccl-all-reduce-bw-nvls';
  const script = allReduceScript({ largest: hasFabric ? LARGEST.fabric : LARGEST.none, gpusPerProcess: 1 });
  const ranks = String(group.nodes.length * group.gpusPerNode);
  const command = [
    'mpirun',
    '--allow-run-as-root',
    '-np',
    ranks,
    '--bind-to',
    'none',
    '-x',
    'LD_LIBRARY_PATH',
    ...passed,
    'sh',
    '-c',
    script,
  ];
  return { ...commonPod(), containers: [{ name: 'node', image, command }] };
}

/** One pod per node with all its GPUs and its fabric, waiting for mpirun to come in by ssh. */
function nodePod({ variant, group, image, fabric, names }: NcclJob): Readonly<Record<string, unknown>> {
  const limits = Object.fromEntries(
    Object.entries({ ...fabric, [group.resource]: group.gpusPerNode }).map(([name, count]) => [name, String(count)]),
  );
  const isNvls = variant === 'nccl-all-reduce-bw-nvls';
  const resources = isNvls ? { limits, claims: [{ name: 'imex' }] } : { limits };
  const container = {
    name: 'node',
    image,
    command: ['/usr/sbin/sshd', '-De', '-p', String(SSH_PORT)],
    resources,
    // Registering memory with a fabric locks it.
    securityContext: { capabilities: { add: ['IPC_LOCK'] } },
    readinessProbe: { tcpSocket: { port: SSH_PORT }, periodSeconds: 2 },
    volumeMounts: [{ name: 'shm', mountPath: '/dev/shm' }],
  };
  return {
    ...commonPod(),
    affinity: { nodeAffinity: onNode(...namesOf(group)) },
    containers: [container],
    volumes: [{ name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: '32Gi' } }],
    ...(isNvls ? { resourceClaims: [{ name: 'imex', resourceClaimTemplateName: names.claims }] } : {}),
  };
}

function commonPod(): Readonly<Record<string, unknown>> {
  return { restartPolicy: 'Never', automountServiceAccountToken: false, enableServiceLinks: false, tolerations: [{ operator: 'Exists' }] };
}

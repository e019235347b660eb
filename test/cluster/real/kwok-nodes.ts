import type { Api } from '../bed/api.ts';
import { startRecorded, endRecorded } from '../bed/process-record.ts';
import { kwokWords } from '../bed/light.ts';
import { bedProgram, place } from '../bed/place.ts';
import { until } from '../bed/until.ts';
import { join } from 'node:path';

const GPUS = '8';
const READY_MS = 120_000;
const PARALLEL = 16;

/** Nodes without a machine, with GPUs that are not there; kwok says that they are ready and that pods on them run. */
export interface KwokNodes {
  readonly names: readonly string[];
  readonly stop: () => Promise<void>;
}

/** Starts kwok on the bed's cluster and makes nodes `fake-<n>`. */
export async function startKwokNodes(api: Api, count: number): Promise<KwokNodes> {
  startRecorded({ name: 'kwok', program: bedProgram('kwok'), args: kwokWords(place.kubeconfig), log: join(place.run, 'kwok.log') });
  const names = Array.from({ length: count }, (_, index) => `fake-${index + 1}`);
  const stop = async (): Promise<void> => {
    await each(names, async (name) => void (await api.remove(`/api/v1/nodes/${name}`)));
    await endRecorded('kwok');
  };
  await each(names, async (name) => void (await api.post('/api/v1/nodes', fakeNode(name))));
  await until(`${count} nodes of kwok to be ready`, async () => (await readyCount(api)) === count, { withinMs: READY_MS, everyMs: 500 });
  return { names, stop };
}

async function readyCount(api: Api): Promise<number> {
  const nodes = await api.list('/api/v1/nodes?labelSelector=type%3Dkwok');
  return nodes.filter(({ status }) =>
    status.conditions?.some(({ type, status: is }: { type: string; status: string }) => type === 'Ready' && is === 'True'),
  ).length;
}

function fakeNode(name: string): unknown {
  const resources = { cpu: '192', memory: '2Ti', pods: '110', 'nvidia.com/gpu': GPUS };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        type: 'kwok',
        'nvidia.com/gpu.present': 'true',
        'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3',
      },
    },
    spec: { taints: [{ key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' }] },
    status: { allocatable: resources, capacity: resources },
  };
}

async function each(names: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
  const rest = [...names];
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let name = rest.shift(); name !== undefined; name = rest.shift()) await work(name);
    }),
  );
}

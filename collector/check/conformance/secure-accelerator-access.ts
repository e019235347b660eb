import { errorText } from '#core/error.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import type { GpuNode } from '../read/gpu-node.ts';
import { fail, pass, skip, skipFor, unknown, type ClusterVerdict } from '../verdict.ts';
import { gpuResource, readGpuNodes } from '../workload/gpu-load.ts';
import { checkImage } from '../workload/images.ts';
import { podSpec } from '../workload/pod-template.ts';
import { podEnd, type PodEnd, type PodRun } from '../workload/run-pod.ts';

/** Prints what a container can reach: one line per GPU that the tool shows, one per device file. */
const LOOK = 'nvidia-smi -L 2>/dev/null; for file in /dev/nvidia[0-9]*; do [ -e "$file" ] && echo "device $file"; done; echo LOOKED';
const LOOKED = 'LOOKED';
const SIBLING = 'sibling';
const POD_MS = 240_000;

/** What one container saw; undefined when it did not look. */
interface Sight {
  readonly gpus: number;
  readonly devices: number;
}

/** A container sees the GPU that it was given and no other; one beside it in the same pod, and a pod without any on the same node, see none. */
export async function checkSecureAcceleratorAccess(context: ClusterCheckContext): Promise<ClusterVerdict> {
  const nodes = await readGpuNodes(context, 'nvidia');
  if (nodes.all.length === 0) return skip('no node has GPUs of nvidia');
  if (context.objects === undefined)
    return skipFor('active-checks', 'what a container sees is only shown by containers with and without a GPU: set checks.active');
  const [node] = nodes.idle;
  if (node === undefined)
    return skip(`no GPU node is idle: ${nodes.busy.length} of ${nodes.all.length} have pods that use GPUs`, { busy: nodes.busy.length });
  const run: PodRun = { ...context, objects: context.objects };
  const image = checkImage('isolation', context.images);
  const granted = await runGranted(run, node, image);
  if (granted.end.end === 'not-started') return unknown(`the pod with one GPU did not run: ${granted.end.reason}`, {});
  const outside = await runOutside(run, node, image);
  if (outside.end === 'not-started') return unknown(`the pod without a GPU did not run: ${outside.reason}`, {});
  return judge(
    { granted: sightOf(granted.end.log), sibling: sightOf(granted.siblingLog), outside: sightOf(outside.log) },
    granted.end.digest,
  );
}

interface Sights {
  readonly granted: Sight | undefined;
  readonly sibling: Sight | undefined;
  readonly outside: Sight | undefined;
}

function judge({ granted, sibling, outside }: Sights, digest: string | undefined): ClusterVerdict {
  const observed = { granted, sibling, outside, ...(digest === undefined ? {} : { imageDigests: [digest] }) };
  if (granted === undefined || sibling === undefined || outside === undefined)
    return unknown('a container ended before it had looked', observed);
  const leaks = [
    ...(granted.gpus === 1 && granted.devices === 1
      ? []
      : [`the container with one GPU sees ${granted.gpus} GPUs and ${granted.devices} device files`]),
    ...(isBlind(sibling) ? [] : [`its sibling without a GPU sees ${sibling.gpus} GPUs and ${sibling.devices} device files`]),
    ...(isBlind(outside) ? [] : [`a pod without a GPU on the same node sees ${outside.gpus} GPUs and ${outside.devices} device files`]),
  ];
  if (leaks.length > 0)
    return fail(
      `${leaks.join('; ')}: use CDI, or let only privileged pods name devices (accept-nvidia-visible-devices-envvar-when-unprivileged = false)`,
      observed,
    );
  return pass('a container sees the one GPU that it was given; containers without a GPU see none', observed);
}

async function runGranted(run: PodRun, node: GpuNode, image: string): Promise<{ readonly end: PodEnd; readonly siblingLog: string }> {
  const name = run.objects.name('gpu-granted');
  const resource = gpuResource(node)?.name ?? 'nvidia.com/gpu';
  const command = ['sh', '-c', LOOK];
  const [own] = podSpec({ image, command, resources: { [resource]: 1 } })['containers'] as readonly Readonly<Record<string, unknown>>[];
  const [other] = podSpec({ image, command })['containers'] as readonly Readonly<Record<string, unknown>>[];
  const spec = podSpec({ image, command, node: node.name, extra: { containers: [own, { ...other, name: SIBLING }] } });
  const { namespace } = run.objects;
  await run.objects.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec });
  const end = await podEnd(run, name, POD_MS);
  if (end.end === 'not-started') return { end, siblingLog: '' };
  const siblingLog = await run.cluster.podLog({ namespace, pod: name, container: SIBLING }).catch((error: unknown) => errorText(error));
  return { end, siblingLog };
}

async function runOutside(run: PodRun, node: GpuNode, image: string): Promise<PodEnd> {
  const name = run.objects.name('gpu-none');
  const spec = podSpec({ image, command: ['sh', '-c', LOOK], node: node.name });
  await run.objects.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: run.objects.namespace }, spec });
  return podEnd(run, name, POD_MS);
}

function sightOf(log: string): Sight | undefined {
  if (!log.includes(LOOKED)) return undefined;
  return { gpus: log.match(/^GPU \d+: .*UUID/gm)?.length ?? 0, devices: log.match(/^device \/dev\/nvidia\d/gm)?.length ?? 0 };
}

function isBlind({ gpus, devices }: Sight): boolean {
  return gpus === 0 && devices === 0;
}

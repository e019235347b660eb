import type { GpuVendor } from '#core/cluster/gpu-evidence.ts';
import type { ChartPlan, GpuAccess } from './chart-plan.ts';
import type { ClusterReading, DoctorNode } from './cluster-reading.ts';
import { fail, ok, warn, type DoctorLine } from './doctor-line.ts';

/** How agents should reach GPU tools in a cluster, as values of the chart. */
export interface AdvisedAccess {
  readonly gpuAccess: Exclude<GpuAccess, 'auto'>;
  readonly driverRoot?: string;
  readonly why: string;
}

const AT = { section: 'checks', id: 'gpu-access' } as const;
const GKE_LABEL = 'cloud.google.com/gke-accelerator';
/** DaemonSet of the GPU Operator that keeps the driver in containers. */
const DRIVER_WORKLOAD = /^nvidia-(?:gpu-)?driver-daemonset/;

/** What `auto` comes to, and everything else as it is. */
export function resolvedAccess({ gpuAccess, runtimeClass }: ChartPlan, { runtimeClasses }: ClusterReading): Exclude<GpuAccess, 'auto'> {
  if (gpuAccess !== 'auto') return gpuAccess;
  return runtimeClasses.has(runtimeClass) ? 'runtimeClass' : 'none';
}

/** The way that fits the nodes which must report. */
export function adviseAccess({ expected, runtimeClasses, workloads }: ClusterReading, runtimeClass: string): AdvisedAccess {
  const makers = vendorsOf(expected);
  if (makers.has('nvidia') && makers.has('amd'))
    return {
      gpuAccess: runtimeClasses.has(runtimeClass) ? 'runtimeClass' : 'none',
      why: 'NVIDIA and AMD nodes: a release has one way, install one per maker',
    };
  if (makers.has('amd')) return { gpuAccess: 'amd', why: 'AMD devices and their groups' };
  if (!makers.has('nvidia')) return { gpuAccess: 'none', why: 'no node with tools that a check knows' };
  if (runtimeClasses.has(runtimeClass)) return { gpuAccess: 'runtimeClass', why: `the RuntimeClass ${runtimeClass} is there` };
  if (expected.some(({ labels }) => GKE_LABEL in labels))
    return { gpuAccess: 'driverRoot', driverRoot: '/home/kubernetes/bin/nvidia', why: 'GKE keeps the driver there' };
  if ([...workloads].some((name) => DRIVER_WORKLOAD.test(name)))
    return { gpuAccess: 'driverRoot', driverRoot: '/run/nvidia/driver', why: 'the GPU Operator keeps the driver there' };
  return { gpuAccess: 'none', why: `neither a RuntimeClass ${runtimeClass} nor a driver directory that is known` };
}

/** Whether agents reach the tools of the GPUs, and with it which node checks are skipped. */
export function accessLines(plan: ChartPlan, reading: ClusterReading): readonly DoctorLine[] {
  const access = resolvedAccess(plan, reading);
  const advised = adviseAccess(reading, plan.runtimeClass);
  const lines = [runtimeLine(plan, reading, access), ...makerLines(reading, access, advised)];
  return lines.filter((line) => line !== undefined);
}

function runtimeLine({ runtimeClass }: ChartPlan, { runtimeClasses }: ClusterReading, access: GpuAccess): DoctorLine | undefined {
  if (access !== 'runtimeClass' || runtimeClass === '' || runtimeClasses.has(runtimeClass)) return undefined;
  return fail(
    { ...AT, id: 'runtime-class' },
    `there is no RuntimeClass ${runtimeClass}: every agent pod would be refused`,
    '--set gpuAccess=auto, or install the NVIDIA container toolkit with its RuntimeClass.',
  );
}

function makerLines({ expected }: ClusterReading, access: Exclude<GpuAccess, 'auto'>, advised: AdvisedAccess): readonly DoctorLine[] {
  const served: Readonly<Record<typeof access, GpuVendor | undefined>> = {
    none: undefined,
    runtimeClass: 'nvidia',
    driverRoot: 'nvidia',
    amd: 'amd',
  };
  return (['nvidia', 'amd'] as const).flatMap((maker) => {
    const nodes = expected.filter(({ gpu }) => gpu?.vendor === maker);
    if (nodes.length === 0) return [];
    if (served[access] === maker)
      return [ok('checks', `gpu-access-${maker}`, `gpuAccess ${access}: tools of ${nodes.length} ${maker} node(s) are reached`)];
    const set = advised.gpuAccess === access ? undefined : setLine(advised);
    return [
      warn(
        { ...AT, id: `gpu-access-${maker}` },
        `gpuAccess ${access}: what needs a tool of ${maker} is skipped on ${nodes.length} node(s)`,
        set ?? `${advised.why}. See docs/guide/cluster.md.`,
      ),
    ];
  });
}

function setLine({ gpuAccess, driverRoot, why }: AdvisedAccess): string {
  return `--set gpuAccess=${gpuAccess}${driverRoot === undefined ? '' : `,gpu.driverRoot=${driverRoot}`} (${why})`;
}

function vendorsOf(nodes: readonly DoctorNode[]): ReadonlySet<GpuVendor> {
  return new Set(nodes.flatMap(({ gpu }) => gpu?.vendor ?? []));
}

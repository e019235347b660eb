import type { Measurement } from '#core/snapshot/measurement.ts';
import type { Host } from '../host/host.ts';
import { isThere } from './kernel.ts';
import { measure, type Fact } from './measure.ts';

/** Files by which container runtimes and their GPU support show on a host. Outside the host's own root (a pod without mounts) they are simply not there. */
const TRACES: readonly (readonly [key: string, path: string])[] = [
  ['containerd', '/run/containerd/containerd.sock'],
  ['cri-o', '/run/crio/crio.sock'],
  ['docker', '/run/docker.sock'],
  ['kubelet', '/var/lib/kubelet/config.yaml'],
  ['nvidia-toolkit', '/usr/local/nvidia/toolkit/nvidia-container-runtime'],
  ['nvidia-ctk', '/usr/bin/nvidia-ctk'],
  ['cdi-etc', '/etc/cdi'],
  ['cdi-run', '/run/cdi'],
  ['gpu-operator-driver-ready', '/run/nvidia/validations/driver-ready'],
  ['gpu-operator-toolkit-ready', '/run/nvidia/validations/toolkit-ready'],
];

/** Container runtimes and their GPU support as `Hardware.runtime`. */
export async function probeRuntime(host: Host): Promise<readonly Measurement[]> {
  const facts: Fact[] = [];
  for (const [key, source] of TRACES) facts.push({ key, read: await isThere(host, source), source });
  return measure({ subtype: 'runtime' }, facts);
}

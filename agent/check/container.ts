import type { Host } from '../host/host.ts';
import { acceleratorVendor } from '../probe/accelerator.ts';
import { isThere } from '../probe/kernel.ts';
import type { CheckContext } from './check.ts';
import { nvidiaOnPci } from './nvidia-gpu.ts';
import { fail, pass, skip, skipFor, unknown, warn, type Verdict } from './verdict.ts';

const SOCKETS = ['/run/containerd/containerd.sock', '/run/crio/crio.sock', '/run/docker.sock'];
const CONFIGS = ['/etc/containerd/config.toml', '/etc/docker/daemon.json'];
const CONFIG_DIRECTORIES = ['/etc/containerd/conf.d', '/etc/crio/crio.conf.d'];
const CDI_DIRECTORIES = ['/etc/cdi', '/run/cdi', '/var/run/cdi'];
const MAX_CDI_BYTES = 8 * 1024 * 1024;

/** The container runtime knows how to give GPUs to containers: by a runtime of its own, or by device specifications. */
export async function checkContainerToolkit(context: CheckContext): Promise<Verdict> {
  const pci = await nvidiaOnPci(context);
  if (!pci.ready) return pci.verdict;
  const { host } = context;
  const sockets = await existing(host, SOCKETS);
  const handler = await mentions(host, /nvidia-container-runtime/);
  const specifications = (await cdiFiles(host)).length;
  const observed = { runtimes: sockets, nvidiaRuntime: handler, deviceSpecifications: specifications };
  if (handler || specifications > 0)
    return pass(handler ? 'the runtime has an NVIDIA handler' : 'device specifications are there', observed);
  return sockets.length === 0
    ? skipFor('host-files', 'no container runtime is visible', observed)
    : fail('the container runtime knows nothing of GPUs', observed);
}

/** Device specifications name the libraries of the driver that is loaded. @source Container Device Interface specification */
export async function checkDeviceSpecifications(context: CheckContext): Promise<Verdict> {
  const pci = await nvidiaOnPci(context);
  if (!pci.ready) return pci.verdict;
  const files = await cdiFiles(context.host);
  if (files.length === 0) return skip('no device specification on this host');
  const module = await context.node.nvidiaModule();
  if (module.state !== 'read') return unknown(`the driver version is not known: ${module.reason}`, { files: files.length });
  const versions = new Set<string>();
  for (const path of files) for (const version of await libraryVersions(context.host, path)) versions.add(version);
  const observed = { files: files.length, libraries: [...versions].sort(), driver: module.value.version };
  if (versions.size === 0) return skip('the device specifications name no driver library', observed);
  const stale = [...versions].filter((version) => version !== module.value.version);
  return stale.length === 0
    ? pass('device specifications are those of the driver', observed)
    : fail(`device specifications name libraries of ${stale.join(', ')}, the driver is ${module.value.version}`, observed);
}

async function libraryVersions(host: Host, path: string): Promise<readonly string[]> {
  const read = await host.readText(path, { maxBytes: MAX_CDI_BYTES });
  if (read.state !== 'read') return [];
  return [...read.value.matchAll(/lib(?:cuda|nvidia-ml)\.so\.(\d{3,4}\.\d{1,4}(?:\.\d{1,4})?)/g)].map((match) => match[1] ?? '');
}

async function cdiFiles(host: Host): Promise<readonly string[]> {
  const files = new Set<string>();
  for (const directory of CDI_DIRECTORIES) {
    const names = await host.list(directory);
    for (const name of names.state === 'read' ? names.value : []) {
      const path = `${directory}/${name}`;
      const read = /\.(ya?ml|json)$/.test(name) ? await host.readText(path, { maxBytes: MAX_CDI_BYTES }) : undefined;
      // /var/run is a link to /run on most hosts: the same file counts once.
      const real = await host.readLink(path);
      if (read?.state === 'read' && /nvidia\.com\/gpu/.test(read.value)) files.add(real.state === 'read' ? real.value : path);
    }
  }
  return [...files];
}

async function mentions(host: Host, expression: RegExp): Promise<boolean> {
  const paths = [...CONFIGS];
  for (const directory of CONFIG_DIRECTORIES) {
    const names = await host.list(directory);
    if (names.state === 'read') paths.push(...names.value.map((name) => `${directory}/${name}`));
  }
  for (const path of paths) {
    const read = await host.readText(path);
    if (read.state === 'read' && expression.test(read.value)) return true;
  }
  return false;
}

async function existing(host: Host, paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const there = await isThere(host, path);
    if (there.state === 'read' && there.value) found.push(path);
  }
  return found;
}

const KUBELET = '/var/lib/kubelet/config.yaml';

/** How the kubelet places work on processors and NUMA nodes; told, and a warning where it places GPU work anywhere. */
export async function checkKubeletTopology(context: CheckContext): Promise<Verdict> {
  const gpus = await context.node.gpus();
  if (gpus.state !== 'read' || !gpus.value.some((gpu) => acceleratorVendor(gpu) !== undefined)) return skip('no GPU');
  const read = await context.host.readText(KUBELET);
  if (read.state !== 'read') return skipFor('host-files', read.reason);
  const setting = (name: string): string => new RegExp(`^${name}:\\s*"?([\\w-]+)"?\\s*$`, 'm').exec(read.value)?.[1] ?? 'none';
  const observed = { cpuManagerPolicy: setting('cpuManagerPolicy'), topologyManagerPolicy: setting('topologyManagerPolicy') };
  return observed.topologyManagerPolicy === 'none'
    ? warn('the kubelet places work on any NUMA node', observed)
    : pass(`topology manager policy ${observed.topologyManagerPolicy}`, observed);
}

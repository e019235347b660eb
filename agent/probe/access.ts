import type { Measurement } from '#core/snapshot/measurement.ts';
import { acceleratorVendor } from './accelerator.ts';
import { isThere } from './kernel.ts';
import { found, measure, type Fact } from './measure.ts';
import type { NodeView } from './node-view.ts';

/**
 * What this agent can reach, as `Hardware.access`. Tier 0 needs no grant: sysfs and procfs. Tier 1 adds the vendor tool, the
 * kernel log and the host's processes; checks of tier 1 say which of them they miss.
 */
export async function probeAccess(node: NodeView): Promise<readonly Measurement[]> {
  const kernelLog = await node.kernelLog();
  const processes = await node.processes();
  const grants: readonly Fact[] = [
    found('kernel-log', kernelLog.state === 'read', kernelLog.state === 'read' ? kernelLog.value.source : '/dev/kmsg'),
    found('host-processes', processes.state === 'read' && processes.value.ofHost, '/proc/*/comm'),
    ...(await vendorTool(node)),
    { key: 'device-files', read: await isThere(node.host, '/dev/nvidiactl'), source: '/dev/nvidiactl' },
    { key: 'kernel-log-restricted', read: await flag(node, '/proc/sys/kernel/dmesg_restrict'), source: '/proc/sys/kernel/dmesg_restrict' },
  ];
  const needed = ['kernel-log', 'host-processes', 'vendor-tool'];
  const isFull = needed.every((key) =>
    grants.every((fact) => fact.key !== key || (fact.read.state === 'read' && fact.read.value === true)),
  );
  return measure({ subtype: 'access' }, [
    found('tier', isFull ? 1 : 0, 'grants below'),
    found('live', node.host.live, 'host root'),
    ...grants,
  ]);
}

/** Told where a GPU is: elsewhere there is nothing to run. */
async function vendorTool(node: NodeView): Promise<readonly Fact[]> {
  const gpus = await node.gpus();
  const vendors = new Set((gpus.state === 'read' ? gpus.value : []).map(acceleratorVendor));
  const reads = [...(vendors.has('nvidia') ? [await node.nvidiaSmi()] : []), ...(vendors.has('amd') ? [await node.amdSmi()] : [])];
  return reads.length === 0
    ? []
    : [
        found(
          'vendor-tool',
          reads.every((read) => read.state !== 'absent'),
          'tool directories',
        ),
      ];
}

async function flag({ host }: NodeView, path: string): Promise<Fact['read']> {
  const read = await host.readText(path);
  return read.state === 'read' ? { state: 'read', value: read.value.trim() === '1' } : read;
}

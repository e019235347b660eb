import { acceleratorModel } from '../probe/accelerator.ts';
import { PCI_DEVICES, type PciDetail } from '../probe/pci-function.ts';
import type { CheckContext } from './check.ts';
import { fail, pass, skip, unknown, type Verdict } from './verdict.ts';

/** Every PCI function answers, and no GPU has fallen off the bus. */
export async function checkPciInventory({ host, node }: CheckContext): Promise<Verdict> {
  const read = await node.pci();
  if (read.state === 'absent') return skip(`no PCI bus: ${read.reason}`);
  if (read.state !== 'read') return unknown(read.reason);
  const gpus = await node.gpus();
  const dead: string[] = [];
  for (const gpu of gpus.state === 'read' ? gpus.value : []) {
    // The vendor file is cached by the kernel, config space is not: all ones is what a dead bus reads.
    const config = await host.readBytes(`${PCI_DEVICES}/${gpu.address}/config`, { maxBytes: 4096 });
    if (config.state === 'read' && config.value.length >= 4 && config.value.subarray(0, 4).every((byte) => byte === 0xff))
      dead.push(gpu.address);
  }
  const { functions, problems } = read.value;
  const observed = { functions: functions.length, gpus: gpus.state === 'read' ? gpus.value.length : 0, offTheBus: dead, problems };
  if (dead.length > 0) return fail(`fallen off the bus: ${dead.join(', ')}`, observed);
  if (problems.length > 0) return unknown(`${problems.length} functions cannot be read, first: ${problems[0] ?? ''}`, observed);
  return pass(`${functions.length} PCI functions answer`, observed);
}

/** Count of GPUs per model, PCI id where no model is known. */
export function describeGpus(gpus: readonly PciDetail[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const gpu of gpus) {
    const name = acceleratorModel(gpu) ?? `${gpu.vendor}:${gpu.device}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

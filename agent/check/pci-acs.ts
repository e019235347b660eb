import { isGuest } from '../probe/cpu.ts';
import { PCI_DEVICES } from '../probe/pci-function.ts';
import type { FileRead, Host } from '../host/host.ts';
import type { CheckContext } from './check.ts';
import { pass, skip, skipFor, unknown, warn, type Verdict } from './verdict.ts';

const CONFIG_BYTES = 4096;
/** Without privilege the kernel shows the first 64 bytes only. */
const UNPRIVILEGED_BYTES = 64;
const EXTENDED_START = 0x100;
const ACS_CAPABILITY = 0x000d;
const ACS_CONTROL_OFFSET = 6;
/** Source validation to direct translated P2P: any of them sends traffic between two devices up to the root. */
const ACS_ENABLED_BITS = 0x005f;
const MAX_CAPABILITIES = 64;

/**
 * On bare metal, bridges above GPUs let devices talk to each other directly: access control would send that traffic through the processor.
 * @source PCI Express base specification, ACS extended capability; NCCL troubleshooting guide
 */
export async function checkAccessControl(context: CheckContext): Promise<Verdict> {
  const { host, node } = context;
  const gpus = await node.gpus();
  if (gpus.state !== 'read' || gpus.value.length === 0) return skip('no GPU on the PCI bus');
  if (await isGuest(host)) return skip('a guest does not see the bridges of its host');
  const bridges = new Set<string>();
  for (const { address } of gpus.value) for (const bridge of await bridgesAbove(host, address)) bridges.add(bridge);
  const all = await Promise.all([...bridges].map(async (address) => ({ address, control: await readControl(host, address) })));
  const states = all.filter(({ control }) => control !== 'absent');
  if (states.length === 0) return skip('no bridge above the GPUs is visible');
  const observed = {
    bridges: states.length,
    withAccessControl: states.filter(({ control }) => typeof control === 'number' && control > 0).map(({ address }) => address),
  };
  if (states.every(({ control }) => control === 'short')) return skipFor('root', 'the configuration space of bridges needs root');
  if (states.some(({ control }) => control === undefined)) return unknown('the configuration space of a bridge cannot be read', observed);
  return observed.withAccessControl.length === 0
    ? pass('no access control above the GPUs', observed)
    : warn('access control is on above the GPUs', observed);
}

/** Addresses of the bridges on the way from the root to a function, without itself; the last is the port it is plugged into. */
export async function bridgesAbove(host: Host, address: string): Promise<readonly string[]> {
  const path = await host.readLink(`${PCI_DEVICES}/${address}`);
  const parts = path.state === 'read' ? path.value.split('/') : [];
  return parts.filter((part) => /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/.test(part) && part !== address);
}

/** The control bits that are set, zero for a bridge without the capability, `short` where the kernel shows too little. */
async function readControl(host: Host, address: string): Promise<number | 'short' | 'absent' | undefined> {
  const read: FileRead<Uint8Array> = await host.readBytes(`${PCI_DEVICES}/${address}/config`, { maxBytes: CONFIG_BYTES });
  if (read.state !== 'read') return read.state === 'absent' ? 'absent' : undefined;
  if (read.value.length <= UNPRIVILEGED_BYTES) return 'short';
  const config = Buffer.from(read.value);
  let offset = EXTENDED_START;
  for (let seen = 0; seen < MAX_CAPABILITIES && offset >= EXTENDED_START && offset + ACS_CONTROL_OFFSET + 2 <= config.length; seen += 1) {
    const header = config.readUInt32LE(offset);
    if ((header & 0xffff) === ACS_CAPABILITY) return config.readUInt16LE(offset + ACS_CONTROL_OFFSET) & ACS_ENABLED_BITS;
    offset = (header >>> 20) & 0xffc;
  }
  return 0;
}

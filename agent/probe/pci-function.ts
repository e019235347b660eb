import type { FileRead, Host } from '../host/host.ts';
import { readCount, readLine } from './text-file.ts';

/** Where the kernel lists PCI functions. */
export const PCI_DEVICES = '/sys/bus/pci/devices';
/** Eight trays of switches and bridges stay far below. */
const MAX_FUNCTIONS = 8192;

/** What every PCI function tells without a driver and without privilege. Hex digits are lower-case, without `0x`. */
export interface PciFunction {
  /** `dddd:bb:dd.f`. */
  readonly address: string;
  /** Four digits. */
  readonly vendor: string;
  /** Four digits. */
  readonly device: string;
  /** Six digits: class, subclass, interface. */
  readonly classCode: string;
}

/** One PCI function in full. */
export interface PciDetail extends PciFunction {
  readonly subsystemVendor: FileRead<string>;
  readonly subsystemDevice: FileRead<string>;
  readonly revision: FileRead<string>;
  readonly driver: FileRead<string>;
  readonly numaNode: FileRead<number>;
  /** The best the function and its slot can do together. */
  readonly maxLink: PciLink;
  /** What runs now; an idle device may run slower. */
  readonly currentLink: PciLink;
  /** True for a virtual function: its board is counted at the physical one. */
  readonly virtual: boolean;
}

/** A PCI Express link. */
export interface PciLink {
  /** PCI Express generation, 1 to 7. */
  readonly generation: FileRead<number>;
  /** Lanes. */
  readonly width: FileRead<number>;
}

/** PCI inventory, and what of it made no sense. */
export interface PciInventory {
  readonly functions: readonly PciFunction[];
  /** One sentence per function that could not be read or contradicts itself. */
  readonly problems: readonly string[];
}

/** Every PCI function of the host in address order. Reads sysfs only: works without driver, privilege and wake-up. */
export async function readPci(host: Host): Promise<FileRead<PciInventory>> {
  const names = await host.list(PCI_DEVICES);
  if (names.state !== 'read') return names;
  if (names.value.length > MAX_FUNCTIONS) return { state: 'unreadable', reason: `${PCI_DEVICES}: more than ${MAX_FUNCTIONS} functions` };
  const functions: PciFunction[] = [];
  const problems: string[] = [];
  for (const address of names.value) {
    const read = await readFunction(host, address);
    if (typeof read === 'string') problems.push(read);
    else functions.push(read);
  }
  return { state: 'read', value: { functions, problems } };
}

const ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/;

async function readFunction(host: Host, address: string): Promise<PciFunction | string> {
  if (!ADDRESS.test(address)) return `${PCI_DEVICES}/${address}: not a PCI address`;
  const vendor = await hexFile(host, `${PCI_DEVICES}/${address}/vendor`, 4);
  const device = await hexFile(host, `${PCI_DEVICES}/${address}/device`, 4);
  const classCode = await hexFile(host, `${PCI_DEVICES}/${address}/class`, 6);
  for (const read of [vendor, device, classCode]) if (read.state !== 'read') return read.reason;
  if (vendor.state !== 'read' || device.state !== 'read' || classCode.state !== 'read') return address;
  return { address, vendor: vendor.value, device: device.value, classCode: classCode.value };
}

/** The rest of what sysfs tells about one function. */
export async function readPciDetail(host: Host, basic: PciFunction): Promise<PciDetail> {
  const path = (file: string): string => `${PCI_DEVICES}/${basic.address}/${file}`;
  const physical = await host.stat(path('physfn'));
  return {
    ...basic,
    subsystemVendor: await hexFile(host, path('subsystem_vendor'), 4),
    subsystemDevice: await hexFile(host, path('subsystem_device'), 4),
    revision: await hexFile(host, path('revision'), 2),
    driver: await driverName(host, path('driver')),
    numaNode: await readCount(host, path('numa_node')),
    maxLink: await readLink(host, { speed: path('max_link_speed'), width: path('max_link_width') }),
    currentLink: await readLink(host, { speed: path('current_link_speed'), width: path('current_link_width') }),
    virtual: physical.state === 'read',
  };
}

async function hexFile(host: Host, path: string, digits: number): Promise<FileRead<string>> {
  const read = await readLine(host, path);
  if (read.state !== 'read') return read;
  const match = /^0x([0-9a-f]{1,8})$/i.exec(read.value);
  return match?.[1]?.length === digits
    ? { state: 'read', value: match[1].toLowerCase() }
    : { state: 'unreadable', reason: `${path}: not a number of ${digits} hexadecimal digits` };
}

/** The driver bound to a device, from its `driver` link. */
export async function driverName(host: Host, path: string): Promise<FileRead<string>> {
  const there = await host.stat(path);
  if (there.state === 'absent') return { state: 'absent', reason: `${path}: no driver is bound` };
  const target = await host.readLink(path);
  if (target.state !== 'read') return target;
  return { state: 'read', value: target.value.slice(target.value.lastIndexOf('/') + 1) };
}

async function readLink(host: Host, paths: { readonly speed: string; readonly width: string }): Promise<PciLink> {
  return {
    generation: linkGeneration(await readLine(host, paths.speed), paths.speed),
    width: linkWidth(await readCount(host, paths.width), paths.width),
  };
}

/** GT/s per lane of each generation. @source PCI Express base specification */
const GENERATIONS: ReadonlyMap<string, number> = new Map([
  ['2.5', 1],
  ['5.0', 2],
  ['5', 2],
  ['8.0', 3],
  ['8', 3],
  ['16.0', 4],
  ['16', 4],
  ['32.0', 5],
  ['32', 5],
  ['64.0', 6],
  ['64', 6],
  ['128.0', 7],
]);

/** Sysfs prints `32.0 GT/s PCIe`, older kernels `32 GT/s`, the AMD driver `32.0 GT/s PcIe`, a dead link `Unknown`. */
function linkGeneration(read: FileRead<string>, path: string): FileRead<number> {
  if (read.state !== 'read') return read;
  const generation = GENERATIONS.get(/^([\d.]+) GT\/s/.exec(read.value)?.[1] ?? '');
  return generation === undefined
    ? { state: 'unreadable', reason: `${path}: "${read.value.slice(0, 40)}" is no link speed` }
    : { state: 'read', value: generation };
}

/** 0 and 63 are what the register reads when there is no link. */
function linkWidth(read: FileRead<number>, path: string): FileRead<number> {
  if (read.state !== 'read' || (read.value >= 1 && read.value <= 32)) return read;
  return { state: 'unsupported', reason: `${path}: ${read.value} means that no width is known` };
}

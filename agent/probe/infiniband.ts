import type { FileRead, Host } from '../host/host.ts';
import { readCount, readLine } from './text-file.ts';

/** Where the kernel lists RDMA devices. */
export const INFINIBAND = '/sys/class/infiniband';
const MAX_DEVICES = 128;
const MAX_COUNTERS = 128;

/** One port of an RDMA device. */
export interface RdmaPort {
  readonly number: string;
  /** `4: ACTIVE`. */
  readonly state: FileRead<string>;
  /** `5: LinkUp`. */
  readonly physicalState: FileRead<string>;
  /** Gb/s and lanes of `400 Gb/sec (4X NDR)`. */
  readonly rateGbps: FileRead<number>;
  readonly lanes: FileRead<number>;
  /** `InfiniBand` or `Ethernet`. */
  readonly linkLayer: FileRead<string>;
  readonly lid: FileRead<string>;
  readonly subnetManagerLid: FileRead<string>;
  /** Counters by name, those of `hw_counters` with that prefix. */
  readonly counters: ReadonlyMap<string, number>;
  /** True when one of the GIDs is RoCE v2. */
  readonly hasRoceV2: boolean;
}

/** One RDMA device. */
export interface RdmaDevice {
  readonly name: string;
  readonly firmware: FileRead<string>;
  readonly boardId: FileRead<string>;
  readonly hcaType: FileRead<string>;
  readonly driver: FileRead<string>;
  /** PCI address, when the device is on PCI. */
  readonly pciAddress: string | undefined;
  readonly ports: readonly RdmaPort[];
}

/** Every RDMA device; absent where the kernel has no RDMA at all. */
export async function readInfiniband(host: Host): Promise<FileRead<readonly RdmaDevice[]>> {
  const names = await host.list(INFINIBAND);
  if (names.state !== 'read') return names;
  const devices: RdmaDevice[] = [];
  for (const name of names.value.slice(0, MAX_DEVICES)) devices.push(await readDevice(host, name));
  return { state: 'read', value: devices };
}

async function readDevice(host: Host, name: string): Promise<RdmaDevice> {
  const path = `${INFINIBAND}/${name}`;
  const ports = await host.list(`${path}/ports`);
  const target = await host.readLink(`${path}/device`);
  const driver = await host.readLink(`${path}/device/driver`);
  return {
    name,
    firmware: await readLine(host, `${path}/fw_ver`),
    boardId: await readLine(host, `${path}/board_id`),
    hcaType: await readLine(host, `${path}/hca_type`),
    driver:
      driver.state === 'read' && !driver.value.endsWith('/driver')
        ? { state: 'read', value: lastPart(driver.value) }
        : { state: 'absent', reason: `${path}: no driver` },
    pciAddress:
      target.state === 'read' && /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(lastPart(target.value))
        ? lastPart(target.value)
        : undefined,
    ports: await Promise.all((ports.state === 'read' ? ports.value : []).map((number) => readPort(host, path, number))),
  };
}

async function readPort(host: Host, device: string, number: string): Promise<RdmaPort> {
  const path = `${device}/ports/${number}`;
  const rate = await readLine(host, `${path}/rate`);
  return {
    number,
    state: await readLine(host, `${path}/state`),
    physicalState: await readLine(host, `${path}/phys_state`),
    rateGbps: numberIn(rate, /^([\d.]{1,8}) Gb\/sec/, `${path}/rate`),
    lanes: numberIn(rate, /\((\d{1,2})X\b/, `${path}/rate`),
    linkLayer: await readLine(host, `${path}/link_layer`),
    lid: await readLine(host, `${path}/lid`),
    subnetManagerLid: await readLine(host, `${path}/sm_lid`),
    counters: new Map([...(await readCounters(host, `${path}/counters`, '')), ...(await readCounters(host, `${path}/hw_counters`, 'hw.'))]),
    hasRoceV2: await hasRoceV2(host, `${path}/gid_attrs/types`),
  };
}

/** Virtual devices, hfi1 and mlx4 may have no counters at all. */
async function readCounters(host: Host, path: string, prefix: string): Promise<readonly (readonly [string, number])[]> {
  const names = await host.list(path);
  const counters: (readonly [string, number])[] = [];
  for (const name of (names.state === 'read' ? names.value : []).slice(0, MAX_COUNTERS)) {
    const read = await readCount(host, `${path}/${name}`);
    if (read.state === 'read') counters.push([prefix + name, read.value]);
  }
  return counters;
}

async function hasRoceV2(host: Host, path: string): Promise<boolean> {
  const names = await host.list(path);
  for (const name of (names.state === 'read' ? names.value : []).slice(0, MAX_COUNTERS)) {
    const read = await readLine(host, `${path}/${name}`);
    if (read.state === 'read' && read.value === 'RoCE v2') return true;
  }
  return false;
}

function numberIn(read: FileRead<string>, expression: RegExp, path: string): FileRead<number> {
  if (read.state !== 'read') return read;
  const text = expression.exec(read.value)?.[1];
  return text === undefined
    ? { state: 'unreadable', reason: `${path}: "${read.value.slice(0, 40)}"` }
    : { state: 'read', value: Number(text) };
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

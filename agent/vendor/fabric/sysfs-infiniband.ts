import { parseFileTree, readPlainFile, type FileTree } from '../file-tree.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { invalidSource } from '../source-text.ts';
import { readValue, type Kind } from '../value.ts';
import { readPortValue } from './ibstatus.ts';
import { lookup } from '../lookup.ts';

const TOOL = 'sysfs-infiniband';

/** One port below `/sys/class/infiniband/<device>/ports`. */
export interface SysfsPort {
  readonly port: number;
  readonly fields: readonly Field[];
  /** `counters/*` and `hw_counters/*`; 4-bit and 8-bit ones stay at their ceiling, see {@link isSaturated}. */
  readonly counters: readonly Field[];
}

/** One RDMA device. */
export interface SysfsIbDevice {
  readonly device: string;
  readonly fields: readonly Field[];
  readonly ports: readonly SysfsPort[];
}

const DEVICE_FILES: Readonly<Record<string, Kind>> = {
  fw_ver: 'text',
  hca_type: 'text',
  board_id: 'text',
  hw_rev: 'text',
  node_desc: 'identity',
  node_guid: 'identity',
  sys_image_guid: 'identity',
  node_type: 'text',
};
const PORT_FILES: Readonly<Record<string, Kind>> = {
  state: 'text',
  phys_state: 'text',
  rate: 'text',
  link_layer: 'text',
  lid: 'hex',
  sm_lid: 'hex',
  sm_sl: 'count',
  lid_mask_count: 'count',
  cap_mask: 'hex',
  has_smi: 'flag',
  port_type: 'text',
};

/** Width in bits of counters that stop at their ceiling. @source InfiniBand Architecture Specification, PortCounters */
const NARROW: Readonly<Record<string, number>> = {
  link_downed: 8,
  link_error_recovery: 8,
  local_link_integrity_errors: 4,
  excessive_buffer_overrun_errors: 4,
  port_rcv_constraint_errors: 8,
  port_xmit_constraint_errors: 8,
  VL15_dropped: 16,
  symbol_error: 16,
  port_rcv_errors: 16,
  port_rcv_remote_physical_errors: 16,
  port_rcv_switch_relay_errors: 16,
  port_xmit_discards: 16,
};

/** True when a counter stands at the ceiling of its width: it says "saturated", not a rate. */
export function isSaturated(counter: string, value: number): boolean {
  const bits = lookup(NARROW, counter);
  return bits !== undefined && value === 2 ** bits - 1;
}

/** Parses a captured tree. @throws VENDOR_OUTPUT_INVALID with place; VENDOR_OUTPUT_LIMIT */
export function parseSysfsInfiniband(bytes: Uint8Array): Parsed<{ readonly devices: readonly SysfsIbDevice[] }> {
  return readSysfsInfiniband(parseFileTree(TOOL, bytes));
}

interface OpenPort {
  readonly port: number;
  readonly fields: Field[];
  readonly counters: Field[];
}

interface OpenDevice {
  readonly device: string;
  readonly fields: Field[];
  readonly ports: Map<number, OpenPort>;
}

/** Types the files of RDMA devices, live or captured. @throws VENDOR_OUTPUT_INVALID */
export function readSysfsInfiniband(files: FileTree): Parsed<{ readonly devices: readonly SysfsIbDevice[] }> {
  const tally = new Tally(TOOL);
  const devices = new Map<string, OpenDevice>();
  for (const [path, text] of files) {
    const port = /(?:^|\/)([^/]{1,64})\/ports\/(\d{1,3})\/(.+)$/.exec(path);
    const device = /(?:^|\/)([^/]{1,64})\/([^/]{1,64})$/.exec(path);
    if (port !== null)
      addPortFile(openPort(openDevice(devices, port[1] ?? ''), Number(port[2])), { file: port[3] ?? '', path, text }, tally);
    else if (device !== null) addDeviceFile(openDevice(devices, device[1] ?? ''), { file: device[2] ?? '', path, text }, tally);
    else tally.unread(path);
  }
  const isRdma = [...devices.values()].some(
    (device) => device.ports.size > 0 || device.fields.some((field) => Object.hasOwn(DEVICE_FILES, field.key)),
  );
  if (!isRdma) throw invalidSource(TOOL, 'no file of an RDMA device', { path: '/' });
  const value = { devices: [...devices.values()].map((device) => ({ ...device, ports: [...device.ports.values()] })) };
  return tally.finish(value, value.devices.flatMap(measure));
}

function openDevice(devices: Map<string, OpenDevice>, name: string): OpenDevice {
  const device = devices.get(name) ?? { device: name, fields: [], ports: new Map() };
  devices.set(name, device);
  return device;
}

function openPort(device: OpenDevice, number: number): OpenPort {
  const port = device.ports.get(number) ?? { port: number, fields: [], counters: [] };
  device.ports.set(number, port);
  return port;
}

/** One file: its name below the device or port, where it stood, what it says. */
interface FileLeaf {
  readonly file: string;
  readonly path: string;
  readonly text: string;
}

function addDeviceFile(device: OpenDevice, leaf: FileLeaf, tally: Tally): void {
  const kind = lookup(DEVICE_FILES, leaf.file);
  const value = kind === undefined ? readPlainFile(leaf.path, leaf.text) : readValue(kind, leaf.text);
  if (value === undefined) return tally.unread(leaf.path);
  tally.typed();
  device.fields.push({ key: leaf.file, path: leaf.path, ...value });
}

function addPortFile(port: OpenPort, leaf: FileLeaf, tally: Tally): void {
  const counter = /^(?:hw_)?counters\/([\w-]{1,64})$/.exec(leaf.file)?.[1];
  const kind =
    lookup(PORT_FILES, leaf.file) ??
    (/^(?:gids|pkeys)\/\d+$/.test(leaf.file) ? 'identity' : /^gid_attrs\/(?:types|ndevs)\/\d+$/.test(leaf.file) ? 'text' : undefined);
  const key = leaf.file.replaceAll('/', '.');
  if (counter !== undefined) port.counters.push({ key, path: leaf.path, ...readValue('count', leaf.text) });
  else {
    const value = kind === undefined ? readPlainFile(leaf.path, leaf.text) : readPortValue([key, kind], leaf.text.trim());
    if (value === undefined) return tally.unread(leaf.path);
    port.fields.push({ key, path: leaf.path, ...value });
  }
  tally.typed();
}

function measure(device: SysfsIbDevice): ReturnType<typeof toMeasurements> {
  const source = '/sys/class/infiniband';
  return [
    ...toMeasurements(device.fields, { subtype: 'rdma', item: device.device, source }),
    ...device.ports.flatMap((port) =>
      toMeasurements([...port.fields, ...port.counters], { subtype: 'rdma', item: `${device.device}/${port.port}`, source }),
    ),
  ];
}

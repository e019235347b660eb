import { given } from '../given.ts';
import { pciAddress } from '../pci-address.ts';
import { clip } from '../value.ts';
import type { LogRecord, LogTime } from './log-line.ts';

interface EventBase {
  readonly line: number;
  readonly at?: LogTime;
  /** `dddd:bb:dd.f`, where the message names a device. */
  readonly pciBusId?: string;
  /** The message without stamp, device and process, at most 200 characters. */
  readonly detail: string;
}

/** An NVIDIA driver error. */
export interface XidEvent extends EventBase {
  readonly kind: 'xid';
  readonly code: number;
  readonly pid?: number;
  /** Set for vendor tools only; other process names are dropped. */
  readonly processName?: string;
  readonly gpuInstance?: number;
  readonly computeInstance?: number;
  /** The message says that an earlier Xid caused this one: do not count it twice. */
  readonly causedBy?: number;
  /** Xid 144 to 150: what the NVLink 5 unit reports. */
  readonly nvlink?: { readonly unit: string; readonly severity: 'fatal' | 'nonfatal'; readonly link: number; readonly subcode?: number };
  /** Xid 154: the action the driver now asks for. */
  readonly recoveryAction?: string;
}

/** An NVSwitch error. */
export interface SxidEvent extends EventBase {
  readonly kind: 'sxid';
  readonly code: number;
  readonly severity: 'fatal' | 'non-fatal';
  readonly link?: number;
}

/** Another message that checks judge. */
export interface PatternEvent extends EventBase {
  readonly kind: 'pattern';
  readonly pattern: PatternId;
}

/** One kernel message that says something about the accelerators or the node's health. */
export type KernelEvent = XidEvent | SxidEvent | PatternEvent;

/** Messages without code, by name; the first expression that fits wins. */
const PATTERNS = [
  ['gpu-off-bus', /^NVRM: .{0,80}GPU has fallen off the bus/],
  ['nvidia-init-failed', /^NVRM: .{0,200}(?:rm_init_adapter failed|RmInitAdapter failed)/],
  ['nvidia-version-mismatch', /^NVRM: API mismatch/],
  ['nvidia-peermem-invalid-context', /^nvidia-peermem .{0,120}detected invalid context/],
  ['amdgpu-uncorrectable', /amdgpu.{0,200}uncorrectable hardware errors? detected|amdgpu.{0,200}ACA.{0,80}uncorrectable/i],
  ['amdgpu-poison', /amdgpu.{0,200}poison/i],
  ['amdgpu-ras-threshold', /amdgpu.{0,120}RAS.{0,120}threshold/i],
  ['amdgpu-reset', /amdgpu.{0,200}GPU reset(?!.{0,80}succe)/i],
  ['amdgpu-fatal', /amdgpu.{0,200}(?:fatal error|ring \S{1,40} timeout|device lost)/i],
  ['amdgpu-xgmi', /amdgpu.{0,120}XGMI.{0,120}(?:error|failed)/i],
  ['kfd-hang', /kfd.{0,120}hang/i],
  ['pcie-aer-fatal', /AER: .{0,120}Uncorrect(?:ed|able) \(Fatal\)|AER: .{0,80}severity=Uncorrect(?:ed|able) \(Fatal\)/],
  ['pcie-aer-nonfatal', /AER: .{0,120}Uncorrect(?:ed|able) \(Non-Fatal\)/],
  ['pcie-dpc', /DPC: containment event/],
  ['machine-check', /mce: \[Hardware Error\]/],
  ['edac-uncorrectable', /EDAC .{0,120}\bUE\b/],
  ['out-of-memory', /^Out of memory: Killed process/],
  ['soft-lockup', /soft lockup/],
  ['hung-task', /task \S{1,40} blocked for more than \d+ seconds/],
] as const satisfies readonly (readonly [string, RegExp])[];

/** Name of a message without code. */
export type PatternId = (typeof PATTERNS)[number][0];

const XID =
  /^NVRM: Xid \((?:PCI:)?([0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2})(?: GPU-I:(\d{1,3}))?(?: GPU-CI:(\d{1,3}))?\): (\d{1,5}),\s*(?:pid=('?<unknown>'?|\d{1,10}), name=([^,]{0,80}), ?)?(.*)$/;
const SXID =
  /^nvidia-nvswitch\d{1,3}: SXid \((?:PCI:)?([0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-7])?)\): (\d{5}), (?:(Fatal|Non-fatal), )?(?:Link (-?\d{1,3}) )?(.*)$/;
const NVLINK5 = /^([A-Z_0-9]{3,30}) (Fatal|Nonfatal) \S{1,8} i\d{1,3} Link (-?\d{1,3}) \((0x[0-9a-f]{1,8}) (0x[0-9a-f]{1,8})/i;
const DEVICE = /\b([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}(?:\.[0-7])?)\b/i;
const VENDOR_TOOL = /^(?:nvidia-[a-z-]{1,30}|nv-hostengine|nv-fabricmanager|dcgmi?|amd-smi|rocm-smi)$/;

/** The event in one kernel message, or undefined for the great majority that say nothing of interest. */
export function readKernelEvent(record: LogRecord): KernelEvent | undefined {
  const { text } = record;
  if (text.startsWith('NVRM: Xid')) return readXid(record);
  if (text.startsWith('nvidia-nvswitch')) return readSxid(record);
  const found = PATTERNS.find(([, expression]) => expression.test(text));
  return found === undefined ? undefined : { kind: 'pattern', pattern: found[0], ...base(record, DEVICE.exec(text)?.[1], text) };
}

/** True for an Xid or SXid message that its grammar does not fit, so that it cannot pass for a quiet line. */
export function isUnreadableEvent(record: LogRecord): boolean {
  return /\bS?Xid\b/.test(record.text) && /^(?:NVRM|nvidia-nvswitch)/.test(record.text) && readKernelEvent(record) === undefined;
}

function readXid(record: LogRecord): XidEvent | undefined {
  const match = XID.exec(record.text);
  if (match === null) return undefined;
  const [, device, gpuInstance, computeInstance, code, pid = '', name = '', detail = ''] = match;
  return {
    kind: 'xid',
    code: Number(code),
    ...base(record, device, detail),
    ...given({
      pid: numberIn(pid),
      processName: VENDOR_TOOL.test(name) ? name : undefined,
      gpuInstance: numberIn(gpuInstance),
      computeInstance: numberIn(computeInstance),
      causedBy: numberIn(/caused by previous Xid (\d{1,5})/.exec(detail)?.[1]),
      recoveryAction: /GPU recovery action changed from .{0,60} to 0x[0-9a-f]{1,4} \(([^)]{1,60})\)/i.exec(detail)?.[1],
      nvlink: readNvlink(detail),
    }),
  };
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** @source NVIDIA GPU deployment documentation, Xid 144-150: the sub-code stands in bits 20 to 25 of the second status word */
function readNvlink(detail: string): XidEvent['nvlink'] {
  const match = NVLINK5.exec(detail);
  if (match === null) return undefined;
  const [, unit = '', severity = '', link, , info = '0'] = match;
  return {
    unit,
    severity: severity.toLowerCase() === 'fatal' ? 'fatal' : 'nonfatal',
    link: Number(link),
    subcode: (Number(info) >>> 20) & 0x3f,
  };
}

function readSxid(record: LogRecord): SxidEvent | undefined {
  const match = SXID.exec(record.text);
  if (match === null) return undefined;
  const [, device, code, severity, link, detail = ''] = match;
  return {
    kind: 'sxid',
    code: Number(code),
    severity: severity === 'Fatal' ? 'fatal' : 'non-fatal',
    ...given({ link: numberIn(link) }),
    ...base(record, device, detail),
  };
}

function base(record: LogRecord, device: string | undefined, detail: string): EventBase {
  const pciBusId = device === undefined ? undefined : pciAddress(device);
  return { line: record.line, ...given({ at: record.at, pciBusId }), detail: clip(detail, 200) };
}

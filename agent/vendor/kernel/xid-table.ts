/** What the vendor's catalogue asks for after an Xid. */
export type XidClass =
  | 'reboot'
  | 'reset'
  | 'double-bit'
  | 'nvlink'
  | 'nvlink5'
  | 'recovery-action'
  | 'power-cable'
  | 'restart-vm'
  | 'update-software'
  | 'check-uvm'
  | 'restart-application'
  | 'ignore'
  | 'cleanup'
  | 'power-smoothing'
  | 'degraded'
  | 'contact-vendor'
  | 'unknown';

/** How an Xid counts for the node. */
export interface XidRule {
  readonly class: XidClass;
  /** The verdict of a single fresh occurrence. */
  readonly result: 'fail' | 'warn' | 'info';
  readonly severity: 'critical' | 'major' | 'minor' | 'config' | 'info';
  /** What to do, in a few words. */
  readonly action: string;
}

/**
 * Version of the table: the vendor's Xid catalogue it follows.
 * @source NVIDIA GPU deployment documentation, "Xid Errors" catalogue, October 2025; codes above 161 from the open kernel module 595 header `nverror.h`
 */
export const XID_TABLE_VERSION = '2025-10';

/** The highest code any public source defines. */
const HIGHEST_XID = 176;

const CLASSES: readonly (readonly [XidRule, string])[] = [
  [{ class: 'reboot', result: 'fail', severity: 'critical', action: 'restart the bare-metal node' }, '79'],
  [{ class: 'power-cable', result: 'fail', severity: 'critical', action: 'check the power cables' }, '54'],
  [{ class: 'reset', result: 'fail', severity: 'major', action: 'reset the GPU' }, '46 62 64 95 109 110 119 120 136 140 143 155 156 158'],
  [{ class: 'double-bit', result: 'fail', severity: 'major', action: 'follow the double-bit workflow: look at the remap state' }, '48'],
  [{ class: 'nvlink', result: 'fail', severity: 'major', action: 'follow the NVLink workflow: decode the link' }, '74'],
  [{ class: 'nvlink5', result: 'fail', severity: 'major', action: 'fatal: reset; nonfatal: watch the link' }, '144-150'],
  [{ class: 'recovery-action', result: 'info', severity: 'info', action: 'take the action that the message names' }, '154'],
  [{ class: 'restart-vm', result: 'fail', severity: 'major', action: 'restart the virtual machine' }, '151'],
  [{ class: 'update-software', result: 'fail', severity: 'config', action: 'update the vGPU software' }, '78'],
  [{ class: 'check-uvm', result: 'warn', severity: 'minor', action: 'look for a UVM failure beside it' }, '159'],
  [
    { class: 'restart-application', result: 'info', severity: 'info', action: 'restart the application' },
    '8 11 13 25 31 32 39-41 60 68-72 75-77 80 82-86 88 89 94 96-105 126-135 139 171 172',
  ],
  [
    { class: 'ignore', result: 'info', severity: 'info', action: 'none' },
    '14 37 38 43 44 63 66 67 92 93 106-108 121 137 141 152 153 157 160 161',
  ],
  [{ class: 'cleanup', result: 'info', severity: 'info', action: 'look at the Xid before it' }, '45'],
  [{ class: 'power-smoothing', result: 'info', severity: 'info', action: 'none; 165: the lifetime budget is used up' }, '162-165'],
  [{ class: 'degraded', result: 'fail', severity: 'major', action: 'contact the vendor' }, '167-169 173 175'],
  [{ class: 'contact-vendor', result: 'warn', severity: 'minor', action: 'contact the vendor' }, '166 170 174 176'],
];

const BY_CODE: ReadonlyMap<number, XidRule> = new Map(
  CLASSES.flatMap(([rule, codes]) => expandCodes(codes).map((code) => [code, rule] as const)),
);
const CONTACT: XidRule = { class: 'contact-vendor', result: 'warn', severity: 'minor', action: 'contact the vendor' };
const UNKNOWN: XidRule = { class: 'unknown', result: 'warn', severity: 'minor', action: 'newer than this table: look it up' };

/** The rule of an Xid code; codes the catalogue leaves out ask for the vendor, codes above it are `unknown`. */
export function xidRule(code: number): XidRule {
  return BY_CODE.get(code) ?? (code >= 1 && code <= HIGHEST_XID ? CONTACT : UNKNOWN);
}

function expandCodes(codes: string): number[] {
  return codes.split(' ').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

import { given } from '../given.ts';
import { isIdle, wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Parsed } from '../parsed.ts';
import { pciAddress } from '../pci-address.ts';
import { invalidSource, type SourceLine } from '../source-text.ts';

const TOOL = 'lspci';

/** One PCI function. */
export interface PciFunction {
  readonly pciBusId: string;
  readonly className: string;
  /** Ids as four hex digits, with `-nn` or `-n`. */
  readonly classId?: string;
  readonly vendorId?: string;
  readonly deviceId?: string;
  readonly name: string;
  readonly revision?: string;
  /** With `-vv`: speed in GT/s and lanes, able and now; pciutils 3.11 adds `(ok)` or `(downgraded)`, which is ignored. */
  readonly linkMax?: { readonly gigatransfers: number; readonly lanes: number };
  readonly linkNow?: { readonly gigatransfers: number; readonly lanes: number };
  readonly driver?: string;
}

const HEAD =
  /^((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) (?:([0-9a-f]{4}): |([^":[]{2,60}?)(?: \[([0-9a-f]{4})\])?: )(.{1,300})$/i;
const IDS = /\[?([0-9a-f]{4}):([0-9a-f]{4})\]?(?: \(rev ([0-9a-f]{2})\))?(?: \(prog-if .{1,60}\))?$/i;
const LINK = /Speed (\d{1,3}(?:\.\d)?)GT\/s(?: \([a-z]+\))?, Width x(\d{1,2})/;

type OpenFunction = { -readonly [K in keyof PciFunction]: PciFunction[K] };

/**
 * Parses `lspci`, with `-nn` for the ids, `-vv` for the links. Prefer sysfs on a live node.
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseLspci(bytes: Uint8Array): Parsed<{ readonly functions: readonly PciFunction[] }> {
  const tally = new Tally(TOOL);
  const functions: OpenFunction[] = [];
  for (const line of wholeLines(
    tally,
    bytes,
    (text) => HEAD.test(text) && /(?:\[[0-9a-f]{4}:[0-9a-f]{4}\]|\(rev [0-9a-f]{2}\))$/i.test(text),
  )) {
    const head = HEAD.exec(line.text.trimEnd());
    const last = functions.at(-1);
    if (isIdle(line.text)) continue;
    if (head !== null) {
      functions.push(readHead(head));
      tally.typed();
    } else if (/^\s/.test(line.text) && last !== undefined) readDetail(last, line, tally);
    else throw invalidSource(TOOL, `no PCI function: "${line.text.trim().slice(0, 80)}"`, { line: line.number });
  }
  if (functions.length === 0) throw invalidSource(TOOL, 'no PCI function is listed', { line: 1 });
  return tally.finish({ functions }, functions.flatMap(measure));
}

function readHead(head: RegExpExecArray): OpenFunction {
  const [, slot = '', numericClass, className, classId, rest = ''] = head;
  const ids = IDS.exec(rest);
  const name = rest.slice(0, ids?.index).trim();
  return {
    pciBusId: pciAddress(slot.split(':').length === 2 ? `0000:${slot}` : slot) ?? slot,
    className: className ?? '',
    name: name.replace(/ \(rev [0-9a-f]{2}\)$/i, ''),
    ...given({
      classId: (classId ?? numericClass)?.toLowerCase(),
      vendorId: ids?.[1]?.toLowerCase(),
      deviceId: ids?.[2]?.toLowerCase(),
      revision: ids?.[3] ?? / \(rev ([0-9a-f]{2})\)$/i.exec(rest)?.[1],
    }),
  };
}

/** Of the many `-v` lines only the link and the driver are kept; the others are known to be details. */
function readDetail(target: OpenFunction, line: SourceLine, tally: Tally): void {
  const text = line.text.trim();
  const link = LINK.exec(text);
  const value = link === null ? undefined : { gigatransfers: Number(link[1]), lanes: Number(link[2]) };
  const driver = /^Kernel driver in use: (\S{1,40})$/.exec(text)?.[1];
  if (text.startsWith('LnkCap:') && value !== undefined) target.linkMax = value;
  else if (text.startsWith('LnkSta:') && value !== undefined) target.linkNow = value;
  else if (driver !== undefined) target.driver = driver;
  else return tally.unread(`line ${line.number}: ${text.slice(0, 40)}`);
  tally.typed();
}

function measure(pci: PciFunction): ReturnType<typeof toMeasurements> {
  const { pciBusId, className, classId, vendorId, deviceId, name, revision, driver } = pci;
  const texts = Object.entries(given({ className, classId, vendorId, deviceId, name, revision, driver }));
  const numbers = Object.entries(
    given({
      linkSpeedMax: pci.linkMax?.gigatransfers,
      linkSpeed: pci.linkNow?.gigatransfers,
      linkWidthMax: pci.linkMax?.lanes,
      linkWidth: pci.linkNow?.lanes,
    }),
  );
  return toMeasurements(
    [
      ...texts.map(([key, value]) => ({ key, path: pciBusId, reading: { state: 'read' as const, value: String(value) } })),
      ...numbers.map(([key, value]) => ({
        key,
        path: pciBusId,
        reading: { state: 'read' as const, value: Number(value) },
        unit: key.startsWith('linkSpeed') ? 'GT/s' : '{lane}',
      })),
    ],
    { subtype: 'pci', item: pciBusId, source: 'lspci' },
  );
}

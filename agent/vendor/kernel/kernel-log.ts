import type { Measurement } from '#core/snapshot/measurement.ts';
import { Tally, type Parsed } from '../parsed.ts';
import { pciAddress } from '../pci-address.ts';
import { decodeSource, invalidSource, sourceLines } from '../source-text.ts';
import { isUnreadableEvent, readKernelEvent, type KernelEvent } from './kernel-event.ts';
import { readLogLine, type LogRecord } from './log-line.ts';

const TOOL = 'dmesg-xid';
const MAX_EVENTS = 10_000;
const UUID_LINE = /^NVRM: GPU at (PCI:[0-9a-fA-F:.]{7,20}): (GPU-[0-9a-f-]{36})/;

/** What a kernel log says about accelerators. */
export interface KernelLog {
  /** In log order; at most 10000, `partial` says when there were more. */
  readonly events: readonly KernelEvent[];
  /** Which UUID the driver gave a PCI address. */
  readonly gpus: readonly { readonly pciBusId: string; readonly uuid: string }[];
  /** Lines with a time stamp, of all lines. */
  readonly lines: { readonly total: number; readonly stamped: number };
}

/**
 * Parses a kernel log: Xid, SXid and the other messages that node checks judge; all other lines are only counted.
 * An Xid line that does not follow the grammar is listed as unread and in `partial`, never skipped in silence.
 * @throws VENDOR_OUTPUT_INVALID when no line is a kernel message; VENDOR_OUTPUT_LIMIT
 */
export function parseKernelLog(bytes: Uint8Array): Parsed<KernelLog> {
  const source = decodeSource(TOOL, bytes, { lenient: true });
  const lines = sourceLines(source);
  const tally = new Tally(TOOL);
  const log = { events: [] as KernelEvent[], gpus: [] as { pciBusId: string; uuid: string }[], dropped: 0, stamped: 0 };
  for (const line of lines) {
    const record = readLogLine(line);
    if (record !== undefined) {
      log.stamped += 1;
      readRecord(record, log, tally);
    } else if (log.stamped > 0 || line.text.trim() === '') tally.typed(line.text.trim() === '' ? 0 : 1);
    else tally.unread(`line ${line.number}`);
  }
  if (log.stamped === 0) throw invalidSource(TOOL, `no line of ${lines.length} is a kernel message`, { line: 1 });
  if (log.dropped > 0) tally.partial(`${log.dropped} events after the first ${MAX_EVENTS} are left out`);
  if (!source.closed) tally.partial(`line ${lines.length} has no line break: its end may be cut`);
  const { events, gpus, stamped } = log;
  return tally.finish({ events, gpus, lines: { total: lines.length, stamped } }, countEvents(events));
}

interface LogState {
  readonly events: KernelEvent[];
  readonly gpus: { pciBusId: string; uuid: string }[];
  dropped: number;
}

function readRecord(record: LogRecord, log: LogState, tally: Tally): void {
  const event = readKernelEvent(record);
  const uuid = UUID_LINE.exec(record.text);
  const pciBusId = pciAddress(uuid?.[1] ?? '');
  if (uuid?.[2] !== undefined && pciBusId !== undefined && !log.gpus.some((gpu) => gpu.pciBusId === pciBusId && gpu.uuid === uuid[2]))
    log.gpus.push({ pciBusId, uuid: uuid[2] });
  if (isUnreadableEvent(record)) {
    tally.unread(`line ${record.line}: Xid`);
    tally.partial(`line ${record.line} is an Xid message that cannot be read`);
  } else tally.typed();
  if (event === undefined) return;
  if (log.events.length < MAX_EVENTS) log.events.push(event);
  else log.dropped += 1;
}

/** One measurement per device and message, with the number of its occurrences. */
function countEvents(events: readonly KernelEvent[]): Measurement[] {
  const counts = new Map<string, { readonly item: string | undefined; readonly key: string; count: number; readonly line: number }>();
  for (const event of events) {
    const key = event.kind === 'pattern' ? event.pattern : `${event.kind}.${event.code}`;
    const id = `${event.pciBusId ?? ''} ${key}`;
    const known = counts.get(id);
    if (known === undefined) counts.set(id, { item: event.pciBusId, key, count: 1, line: event.line });
    else known.count += 1;
  }
  return Array.from(counts.values(), ({ item, key, count, line }) => ({
    type: 'Hardware' as const,
    subtype: 'kernel-log',
    ...(item === undefined ? {} : { item }),
    key,
    reading: { state: 'read' as const, value: count },
    unit: '1',
    source: `kernel log from line ${line}`,
  }));
}

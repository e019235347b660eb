import { given } from '../given.ts';
import { Tally, type Parsed } from '../parsed.ts';
import { decodeSource, invalidSource, sourceLines } from '../source-text.ts';
import { clip } from '../value.ts';

const TOOL = 'fabricmanager-log';
const MAX_PROBLEMS = 1000;
const LINE = /^\[([A-Z][a-z]{2} \d{1,2} \d{4} \d\d:\d\d:\d\d)\] \[([A-Z]{4,8})\] (?:\[tid (\d{1,10})\] )?(.*)$/;
const VERSION = /Fabric Manager version (\d{2,4}\.\d{1,4}(?:\.\d{1,4})?)/i;

/** What the log of the NVIDIA fabric manager says. */
export interface FabricManagerLog {
  /** Must equal the driver version to the third component. */
  readonly version?: string;
  readonly lines: number;
  /** Lines of level WARNING and above, oldest first, at most 1000. */
  readonly problems: readonly { readonly line: number; readonly at: string; readonly level: string; readonly message: string }[];
}

/**
 * Parses `/var/log/fabricmanager.log`.
 * @throws VENDOR_OUTPUT_INVALID when no line is the fabric manager's; VENDOR_OUTPUT_LIMIT
 */
export function parseFabricManagerLog(bytes: Uint8Array): Parsed<FabricManagerLog> {
  const tally = new Tally(TOOL);
  const source = decodeSource(TOOL, bytes, { lenient: true });
  const problems: { line: number; at: string; level: string; message: string }[] = [];
  let version: string | undefined;
  let lines = 0;
  for (const { number, text } of sourceLines(source)) {
    const match = LINE.exec(text);
    if (match === null) {
      if (lines === 0 && text.trim() !== '') tally.unread(`line ${number}`);
      else if (text.trim() !== '') tally.typed();
      continue;
    }
    const [, at = '', level = '', , message = ''] = match;
    lines += 1;
    tally.typed();
    version = VERSION.exec(message)?.[1] ?? version;
    if (/^(?:WARN|WARNING|ERROR|FATAL|CRITICAL)$/.test(level) && problems.length < MAX_PROBLEMS)
      problems.push({ line: number, at, level, message: clip(message, 300) });
  }
  if (lines === 0) throw invalidSource(TOOL, 'no line has the form "[time] [level] [tid n] message"', { line: 1 });
  if (!source.closed) tally.partial('the last line has no line break: its end may be cut');
  const base = { type: 'Hardware' as const, subtype: 'nvidia', item: 'fabric-manager', source: 'fabricmanager.log' };
  return tally.finish({ ...given({ version }), lines, problems }, [
    ...(version === undefined ? [] : [{ ...base, key: 'version', reading: { state: 'read' as const, value: version } }]),
    { ...base, key: 'problems', reading: { state: 'read', value: problems.length }, unit: '1' },
  ]);
}

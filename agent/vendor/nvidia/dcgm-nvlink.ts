import { isIdle, wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { invalidSource, type SourceLine } from '../source-text.ts';
import { readValue } from '../value.ts';
import { lookup } from '../lookup.ts';

const TOOL = 'dcgmi-nvlink';

/** State of one link in `dcgmi nvlink -s`. */
export type DcgmLinkState = 'up' | 'down' | 'disabled' | 'not-supported';

/** Links or error counts of one GPU or NVSwitch. */
export interface DcgmNvlinkEntity {
  readonly entity: string;
  readonly links: readonly DcgmLinkState[];
  /** `-e`: counters such as `nvlink.0.crc_flit_error`. */
  readonly errors: readonly Field[];
}

const LETTERS: Readonly<Record<string, DcgmLinkState>> = { U: 'up', D: 'down', X: 'disabled', _: 'not-supported' };
const ENTITY = /^(gpuId|physicalId|switchId|nvSwitch|cpuId) (\d{1,4}):$/i;
const HEADING = /^GPU (\d{1,4})$/;

/**
 * Parses `dcgmi nvlink -s` (one letter per link) and `-e` (error counts).
 * @throws VENDOR_OUTPUT_INVALID with line; VENDOR_OUTPUT_LIMIT
 */
export function parseDcgmNvlink(bytes: Uint8Array): Parsed<{ readonly entities: readonly DcgmNvlinkEntity[] }> {
  const tally = new Tally(TOOL);
  const entities: OpenEntity[] = [];
  let link = '';
  for (const line of wholeLines(tally, bytes, (text) => /^(?:Key:.*_|\+[-=+]{10,}\+)$/.test(text))) {
    const cells = cellsOf(line.text);
    const entity = ENTITY.exec(cells[0] ?? '');
    const heading = HEADING.exec(cells[0] ?? '');
    if (entity !== null || heading !== null) {
      tally.typed();
      entities.push({
        entity:
          entity === null ? `gpu${heading?.[1] ?? ''}` : `${entity[1]?.toLowerCase() === 'gpuid' ? 'gpu' : 'switch'}${entity[2] ?? ''}`,
        links: [],
        errors: [],
      });
      continue;
    }
    link = groupOf(cells[0] ?? '') ?? link;
    readLine(line, { cells, link, entity: entities.at(-1), tally });
  }
  if (entities.length === 0) throw invalidSource(TOOL, 'no GPU and no NVSwitch is listed', { line: 1 });
  const measurements = entities.flatMap(({ entity, links, errors }) => [
    ...toMeasurements(errors, { subtype: 'nvidia', item: entity, source: 'dcgmi nvlink -e' }),
    ...toMeasurements(
      links.map((state, index) => ({ key: `nvlink.${index}.state`, path: entity, reading: { state: 'read' as const, value: state } })),
      { subtype: 'nvidia', item: entity, source: 'dcgmi nvlink -s' },
    ),
  ]);
  return tally.finish({ entities }, measurements);
}

interface OpenEntity {
  readonly entity: string;
  readonly links: DcgmLinkState[];
  readonly errors: Field[];
}

interface LineContext {
  readonly cells: readonly string[];
  readonly link: string;
  readonly entity: OpenEntity | undefined;
  readonly tally: Tally;
}

/** Counters stand below their link, or, on Blackwell and later, below one heading for the whole GPU. */
function groupOf(cell: string): string | undefined {
  return cell === 'Error Detail' ? 'all' : /^Link (\d{1,3})$/.exec(cell)?.[1];
}

function cellsOf(text: string): string[] {
  return text.includes('|')
    ? text
        .split('|')
        .map((cell) => cell.trim().replace(/^(?:-> )+/, ''))
        .filter((cell) => cell !== '')
    : [text.trim()];
}

function readLine(line: SourceLine, { cells, link, entity, tally }: LineContext): void {
  const [first = ''] = cells;
  const letters = first.split(/\s+/);
  const counter = cells.filter((cell) => groupOf(cell) === undefined);
  if (entity !== undefined && letters.every((letter) => lookup(LETTERS, letter) !== undefined)) {
    tally.typed(letters.length);
    entity.links.push(...letters.flatMap((letter) => lookup(LETTERS, letter) ?? []));
  } else if (entity !== undefined && counter.length === 2 && link !== '') {
    tally.typed();
    const key = `nvlink.${link}.${(counter[0] ?? '').toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}`;
    entity.errors.push({ key, path: `line ${line.number}`, ...readValue('any', counter[1] ?? '') });
  } else if (first.startsWith('Warning: ')) tally.partial(`line ${line.number}: ${first.slice(0, 200)}`);
  else if (!isProse(first)) tally.unread(`line ${line.number}: ${first.slice(0, 60)}`);
}

function isProse(text: string): boolean {
  return (
    isIdle(text) ||
    /^(?:\+[-=+]+\+?|(?:GPUs|NvSwitches|CPUs):|No NvSwitches found\.?|No CPUs found\.?|Key:.*|NvLink Link Status|NVLINK Error Counts|Link \d+|Error Detail|No GPUs found\.?)$/i.test(
      text,
    )
  );
}

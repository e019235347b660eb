import { parseFileTree, readPlainFile, type FileTree } from '../file-tree.ts';
import { given } from '../given.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { invalidSource } from '../source-text.ts';
import { readValue, type Kind } from '../value.ts';

const TOOL = 'sysfs-drm';

/** RAS counters of one block. */
export interface RasCounters {
  readonly uncorrectable?: number;
  readonly correctable?: number;
  readonly deferred?: number;
}

/** One card below `/sys/class/drm`. */
export interface DrmCard {
  readonly card: string;
  readonly fields: readonly Field[];
  /** `ras/<block>_err_count`. */
  readonly ras: Readonly<Record<string, RasCounters>>;
}

/** Files of an amdgpu device and how they are read; `.` stands for any path part above. */
const FILES: readonly (readonly [file: RegExp, kind: Kind])[] = [
  [/^(?:vendor|device|subsystem_vendor|subsystem_device|revision|class)$/, 'hex'],
  [/^(?:unique_id|serial_number)$/, 'identity'],
  [/^(?:mem_info_\w+|pcie_replay_count|gpu_busy_percent|mem_busy_percent|numa_node|num_rings|enable)$/, 'number'],
  [
    /^(?:vbios_version|current_compute_partition|available_compute_partition|current_memory_partition|available_memory_partition|product_name|product_number|model|uevent|power_dpm_\w+|power_state|local_cpulist|local_cpus|boot_vga|driver_override|pp_\w+|xgmi_\w+|fru_id|manufacturer)$/,
    'text',
  ],
  [/^(?:current|max)_link_(?:speed|width)$/, 'text'],
  [/^(?:hwmon\/hwmon\d+\/)?(?:temp\d+|power\d+|in\d+|freq\d+|fan\d+|pwm\d+)(?:_\w+)?$/, 'any'],
  [/^(?:hwmon\/hwmon\d+\/)?name$/, 'text'],
  [/^ras\/(?:features|version|schema|gpu_vram_bad_pages|event_state)$/, 'text'],
  [/^fw_version\/\w+$/, 'hex'],
];

/** Parses a captured tree. @throws VENDOR_OUTPUT_INVALID with place; VENDOR_OUTPUT_LIMIT */
export function parseSysfsDrm(bytes: Uint8Array): Parsed<{ readonly cards: readonly DrmCard[] }> {
  return readSysfsDrm(parseFileTree(TOOL, bytes));
}

interface OpenCard {
  readonly card: string;
  readonly fields: Field[];
  readonly ras: Record<string, RasCounters>;
}

/** Types the files of amdgpu cards, live or captured. @throws VENDOR_OUTPUT_INVALID */
export function readSysfsDrm(files: FileTree): Parsed<{ readonly cards: readonly DrmCard[] }> {
  const tally = new Tally(TOOL);
  const cards = new Map<string, OpenCard>();
  let known = 0;
  for (const [path, text] of files) known += readFile(path, text, { cards, tally }) ? 1 : 0;
  if (known === 0) throw invalidSource(TOOL, 'no file of a card', { path: '/' });
  return tally.finish({ cards: [...cards.values()] }, [...cards.values()].flatMap(measure));
}

/** Files one file under its card; true for one that only GPUs have. */
function readFile(path: string, text: string, sink: { readonly cards: Map<string, OpenCard>; readonly tally: Tally }): boolean {
  const named = /(?:^|\/)(card\d{1,4}|renderD\d{1,4})(?:\/device)?\/(.+)$/.exec(path);
  const file = named?.[2] ?? path.replace(/^device\//, '');
  const card = sink.cards.get(named?.[1] ?? 'card') ?? { card: named?.[1] ?? 'card', fields: [], ras: {} };
  const block = /^ras\/(\w+)_err_count$/.exec(file)?.[1];
  const kind = FILES.find(([expression]) => expression.test(file))?.[1];
  const value = kind === undefined ? readPlainFile(path, text) : readValue(kind, text);
  if (block !== undefined) card.ras[block] = readRas(text, path, sink.tally);
  else if (value === undefined) {
    sink.tally.unread(path);
    return false;
  } else {
    sink.tally.typed();
    card.fields.push({ key: file.replaceAll('/', '.'), path, ...value });
  }
  sink.cards.set(card.card, card);
  return kind !== undefined || block !== undefined;
}

function measure(card: DrmCard): ReturnType<typeof toMeasurements> {
  const counters = Object.entries(card.ras).flatMap(([block, counts]) =>
    Object.entries(counts).map(([name, value]) => ({
      key: `ras.${block}.${name}`,
      path: `ras/${block}_err_count`,
      reading: { state: 'read' as const, value: Number(value) },
      unit: '1',
    })),
  );
  return toMeasurements([...card.fields, ...counters], { subtype: 'amd', item: card.card, source: '/sys/class/drm' });
}

/** `ue: 0`, `ce: 0` and, on newer kernels, `de: 0`. */
function readRas(text: string, path: string, tally: Tally): RasCounters {
  const count = (name: string): number | undefined => {
    const match = new RegExp(`^${name}: (\\d{1,15})$`, 'm').exec(text);
    return match === null ? undefined : Number(match[1]);
  };
  const counters = given({ uncorrectable: count('ue'), correctable: count('ce'), deferred: count('de') });
  const read = Object.keys(counters).length;
  if (read === 0) tally.unread(path);
  else tally.typed(read);
  return counters;
}

import { parseFileTree, type FileTree } from '../file-tree.ts';
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

/** Types the files of amdgpu cards, live or captured. @throws VENDOR_OUTPUT_INVALID */
export function readSysfsDrm(files: FileTree): Parsed<{ readonly cards: readonly DrmCard[] }> {
  const tally = new Tally(TOOL);
  const cards = new Map<string, { readonly card: string; readonly fields: Field[]; readonly ras: Record<string, RasCounters> }>();
  for (const [path, text] of files) {
    const match = /(?:^|\/)(card\d{1,4}|renderD\d{1,4})(?:\/device)?\/(.+)$/.exec(path) ?? /^()(?:device\/)?([a-z].*)$/.exec(path);
    const name = match?.[1] === undefined || match[1] === '' ? 'card' : match[1];
    const card = cards.get(name) ?? { card: name, fields: [], ras: {} };
    const block = /^ras\/(\w+)_err_count$/.exec(match?.[2] ?? '')?.[1];
    const kind = FILES.find(([file]) => file.test(match?.[2] ?? ''))?.[1];
    if (block !== undefined) card.ras[block] = readRas(text, path, tally);
    else if (kind !== undefined) {
      tally.typed();
      card.fields.push({ key: (match?.[2] ?? '').replaceAll('/', '.'), path, ...readValue(kind, text) });
    } else {
      tally.unread(path);
      continue;
    }
    cards.set(name, card);
  }
  if (cards.size === 0) throw invalidSource(TOOL, 'no file of a card', { path: '/' });
  const measurements = [...cards.values()].flatMap((card) => [
    ...toMeasurements(card.fields, { subtype: 'amd', item: card.card, source: '/sys/class/drm' }),
    ...Object.entries(card.ras).flatMap(([block, counters]) =>
      toMeasurements(
        Object.entries(counters).map(([name, value]) => ({
          key: `ras.${block}.${name}`,
          path: `ras/${block}_err_count`,
          reading: { state: 'read' as const, value: Number(value) },
          unit: '1',
        })),
        { subtype: 'amd', item: card.card, source: '/sys/class/drm' },
      ),
    ),
  ]);
  return tally.finish({ cards: [...cards.values()] }, measurements);
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

import { numberOf, type Field, type Tally } from '../parsed.ts';
import { readValue, type Kind } from '../value.ts';
import type { XmlElement } from '../xml-tree.ts';

/** One MIG device of a GPU; compute instances of one GPU instance repeat its memory, so memory is never summed up. */
export interface MigDevice {
  readonly index: number | undefined;
  readonly gpuInstanceId: number | undefined;
  readonly computeInstanceId: number | undefined;
  readonly fields: readonly Field[];
}

/** Leaves of a MIG device: XML path, path in `-q` (lower case), kind. The key is `mig.` and the first column with dots. */
const MIG_ROWS: readonly (readonly [xml: string, query: string, kind: Kind])[] = [
  ['index', 'index', 'count'],
  ['gpu_instance_id', 'gpu instance id', 'count'],
  ['compute_instance_id', 'compute instance id', 'count'],
  ['device_attributes/shared/multiprocessor_count', 'device attributes/shared/multiprocessor count', 'count'],
  ['device_attributes/shared/copy_engine_count', 'device attributes/shared/copy engine count', 'count'],
  ['device_attributes/shared/encoder_count', 'device attributes/shared/encoder count', 'count'],
  ['device_attributes/shared/decoder_count', 'device attributes/shared/decoder count', 'count'],
  ['device_attributes/shared/ofa_count', 'device attributes/shared/ofa count', 'count'],
  ['device_attributes/shared/jpg_count', 'device attributes/shared/jpg count', 'count'],
  ['ecc_error_count/volatile_count/sram_uncorrectable', 'ecc errors/volatile/sram uncorrectable', 'count'],
  ['ecc_error_count/volatile_count/sram_uncorrectable_parity', 'ecc errors/volatile/sram uncorrectable parity', 'count'],
  ['ecc_error_count/volatile_count/sram_uncorrectable_secded', 'ecc errors/volatile/sram uncorrectable sec-ded', 'count'],
  ['fb_memory_usage/total', 'shared fb memory usage/total', 'MiB'],
  ['fb_memory_usage/reserved', 'shared fb memory usage/reserved', 'MiB'],
  ['fb_memory_usage/used', 'shared fb memory usage/used', 'MiB'],
  ['fb_memory_usage/free', 'shared fb memory usage/free', 'MiB'],
  ['bar1_memory_usage/total', 'shared bar1 memory/total', 'MiB'],
  ['bar1_memory_usage/used', 'shared bar1 memory/used', 'MiB'],
  ['bar1_memory_usage/free', 'shared bar1 memory/free', 'MiB'],
];

const RULES: ReadonlyMap<string, readonly [xml: string, query: string, kind: Kind]> = new Map(
  MIG_ROWS.flatMap((row) => [
    [row[0], row],
    [row[1].replace('shared fb memory usage', 'fb memory usage'), row],
    [row[1].replace('shared bar1 memory', 'bar1 memory usage'), row],
    [row[1], row],
  ]),
);

/** Collects one MIG device leaf by leaf. @param path path below the device in either form */
export function addMigLeaf(
  fields: Field[],
  leaf: { readonly path: string; readonly text: string; readonly source: string },
  tally: Tally,
): void {
  const rule = RULES.get(leaf.path) ?? RULES.get(leaf.path.toLowerCase());
  if (rule === undefined) return tally.unread(leaf.source);
  tally.typed();
  fields.push({ key: `mig.${rule[0].replaceAll('/', '.')}`, path: leaf.source, ...readValue(rule[2], leaf.text) });
}

/** Closes the leaves of one MIG device. */
export function toMigDevice(fields: readonly Field[]): MigDevice {
  const of = (key: string): number | undefined => {
    const field = fields.find((candidate) => candidate.key === key);
    return field === undefined ? undefined : numberOf(field);
  };
  return { index: of('mig.index'), gpuInstanceId: of('mig.gpu_instance_id'), computeInstanceId: of('mig.compute_instance_id'), fields };
}

/** Reads one `mig_device` element. */
export function readMigDevice(element: XmlElement, source: string, tally: Tally): MigDevice {
  const fields: Field[] = [];
  const walk = (node: XmlElement, path: string): void => {
    if (node.children.length === 0) addMigLeaf(fields, { path, text: node.text, source: `${source}/${path}` }, tally);
    for (const child of node.children) walk(child, path === '' ? child.name : `${path}/${child.name}`);
  };
  walk(element, '');
  return toMigDevice(fields);
}

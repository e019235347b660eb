import type { Reading } from '#core/snapshot/measurement.ts';
import type { Field, Tally } from '../parsed.ts';
import { readValue, type Kind } from '../value.ts';
import type { XmlElement } from '../xml-tree.ts';

/** One process on a GPU. Process ids belong to the namespace the tool ran in. */
export interface GpuProcess {
  readonly fields: readonly Field[];
}

const KINDS: ReadonlyMap<string, readonly [key: string, kind: Kind]> = new Map([
  ['gpu_instance_id', ['process.gpu_instance_id', 'count']],
  ['compute_instance_id', ['process.compute_instance_id', 'count']],
  ['pid', ['process.pid', 'count']],
  ['process_id', ['process.pid', 'count']],
  ['type', ['process.type', 'text']],
  ['used_memory', ['process.used_memory', 'MiB']],
  ['used_gpu_memory', ['process.used_memory', 'MiB']],
  ['gpu_util', ['process.gpu_util', '%']],
  ['mem_util', ['process.mem_util', '%']],
  ['max_memory_usage', ['process.max_memory_usage', 'MiB']],
  ['time', ['process.time', 'ms']],
  ['is_running', ['process.is_running', 'flag']],
]);

/** What stands in place of a process name: it can hold user names and paths, so it is dropped while parsing. */
export const WITHHELD_NAME: Reading = { state: 'absent', reason: 'not kept: a process name can hold user names and paths' };

/** Adds one leaf of a process. @param name element name, or label of `-q` */
export function addProcessLeaf(
  fields: Field[],
  leaf: { readonly name: string; readonly text: string; readonly source: string },
  tally: Tally,
): void {
  const name = leaf.name.toLowerCase().replaceAll(' ', '_');
  if (name === 'process_name' || name === 'name') {
    tally.typed();
    fields.push({ key: 'process.name', path: leaf.source, reading: WITHHELD_NAME });
    return;
  }
  const rule = KINDS.get(name);
  if (rule === undefined) return tally.unread(leaf.source);
  tally.typed();
  fields.push({ key: rule[0], path: leaf.source, ...readValue(rule[1], leaf.text) });
}

/** Reads one `process_info` or `accounted_process_info` element. */
export function readProcess(element: XmlElement, source: string, tally: Tally): GpuProcess {
  const fields: Field[] = [];
  for (const child of element.children)
    addProcessLeaf(fields, { name: child.name, text: child.text, source: `${source}/${child.name}` }, tally);
  return { fields };
}

import type { Measurement, Reading } from '#core/snapshot/measurement.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { invalidSource } from '../source-text.ts';
import { readValue, type Kind } from '../value.ts';
import { parseXml, type XmlElement } from '../xml-tree.ts';
import { GpuFields, type NvidiaGpu } from './smi-gpu.ts';
import { readMigDevice, type MigDevice } from './smi-mig.ts';
import { readProcess, type GpuProcess } from './smi-process.ts';
import { readSupportedClocks, type SupportedClocks } from './smi-supported-clocks.ts';
import { lookup } from '../lookup.ts';

const TOOL = 'nvidia-smi-xml';
const SOURCE = 'nvidia-smi -q -x:';
const MISSING: Reading = { state: 'absent', reason: 'not in this output' };

/** One GPU with what hangs below it. */
export interface ListedGpu extends NvidiaGpu {
  readonly migDevices: readonly MigDevice[];
  readonly processes: readonly GpuProcess[];
  readonly supportedClocks: readonly SupportedClocks[];
}

/** What one `nvidia-smi -q` run says, in either form. */
export interface NvidiaSmi {
  readonly driverVersion: Field;
  /** Highest CUDA version the driver supports, not an installed toolkit. */
  readonly cudaVersion: Field;
  /** What the tool counted; fewer entries in `gpus` mean that a GPU could not be opened. */
  readonly attachedGpus: Field;
  readonly gpus: readonly ListedGpu[];
}

/** The leaves above the GPU list. */
export const SMI_HEADER_KINDS: Readonly<Record<string, Kind>> = {
  timestamp: 'text',
  driver_version: 'text',
  cuda_version: 'text',
  attached_gpus: 'count',
};

/**
 * Parses the output of `nvidia-smi -q -x` in every layout since driver 384.
 * Elements are recognised by presence, never by DTD number or driver version.
 * @throws VENDOR_OUTPUT_INVALID with line, column or element path; VENDOR_OUTPUT_LIMIT
 */
export function parseNvidiaSmiXml(bytes: Uint8Array): Parsed<NvidiaSmi> {
  const root = parseXml(TOOL, bytes, { root: 'nvidia_smi_log', rawPaths: ['nvidia_smi_log.gpu.supported_clocks'] });
  const tally = new Tally(TOOL);
  const paths = new PathNames();
  const header = new Map<string, Field>();
  const gpus: ListedGpu[] = [];
  const measurements: Measurement[] = [];
  for (const element of root.children) {
    if (element.name === 'gpu') readGpu(element, gpus.length, { tally, paths, gpus, measurements });
    else if (lookup(SMI_HEADER_KINDS, element.name) !== undefined && element.children.length === 0) {
      tally.typed();
      header.set(element.name, {
        key: element.name,
        path: element.name,
        ...readValue(lookup(SMI_HEADER_KINDS, element.name) ?? 'text', element.text),
      });
    } else noteUnread(element, element.name, tally);
  }
  if (header.size === 0 && gpus.length === 0)
    throw invalidSource(TOOL, 'the log holds neither versions nor GPUs', { path: '/nvidia_smi_log' });
  return finishSmi({
    tally,
    header,
    gpus,
    measurements: [...toMeasurements(header.values(), { subtype: 'nvidia', source: SOURCE }), ...measurements],
  });
}

/** Assembles the result of either form and compares the counted GPUs with the listed ones. */
export function finishSmi(parts: {
  readonly tally: Tally;
  readonly header: ReadonlyMap<string, Field>;
  readonly gpus: readonly ListedGpu[];
  readonly measurements: readonly Measurement[];
}): Parsed<NvidiaSmi> {
  const { tally, header, gpus, measurements } = parts;
  const of = (key: string): Field => header.get(key) ?? { key, path: '', reading: MISSING };
  const attached = of('attached_gpus').reading;
  if (attached.state === 'read' && attached.value !== gpus.length)
    tally.partial(`the tool counted ${attached.value} GPUs, ${gpus.length} are listed`);
  const value = { driverVersion: of('driver_version'), cudaVersion: of('cuda_version'), attachedGpus: of('attached_gpus'), gpus };
  return tally.finish(value, measurements);
}

/** Element paths of one document, each made once: the GPUs of a node have the same few hundred. */
class PathNames {
  readonly #below = new Map<string, Map<string, string>>();

  below(path: string, name: string): string {
    let names = this.#below.get(path);
    if (names === undefined) this.#below.set(path, (names = new Map()));
    let child = names.get(name);
    if (child === undefined) names.set(name, (child = path === '' ? name : `${path}/${name}`));
    return child;
  }
}

interface GpuSink {
  readonly tally: Tally;
  readonly paths: PathNames;
  readonly gpus: ListedGpu[];
  readonly measurements: Measurement[];
}

function readGpu(element: XmlElement, index: number, sink: GpuSink): void {
  const { tally, paths } = sink;
  const fields = new GpuFields('xml', tally);
  const id = element.attributes['id'] ?? '';
  tally.typed(Object.keys(element.attributes).length);
  const lists = { migDevices: [] as MigDevice[], processes: [] as GpuProcess[], supportedClocks: [] as SupportedClocks[] };
  const root = `gpu[${index}]`;
  const walk = (node: XmlElement, path: string): void => {
    const source = `${root}/${path}`;
    if (path === 'mig_devices/mig_device') lists.migDevices.push(readMigDevice(node, `${root}/${path}[${lists.migDevices.length}]`, tally));
    else if (path === 'processes/process_info' || path === 'accounted_processes/accounted_process_info')
      lists.processes.push(readProcess(node, `${root}/${path}[${lists.processes.length}]`, tally));
    else if (path === 'supported_clocks' && node.text.startsWith('<'))
      lists.supportedClocks.push(...readSupportedClocks(node.text, source, tally));
    else if (node.children.length === 0) fields.add(path, node.text, source);
    else for (const child of node.children) walk(child, paths.below(path, child.name));
  };
  walk(element, '');
  const gpu: ListedGpu = { ...fields.toGpu(index, id, MISSING), ...lists };
  sink.gpus.push(gpu);
  const item = gpu.pciBusId ?? root;
  sink.measurements.push(...toMeasurements(fields.list, { subtype: 'nvidia', item, source: SOURCE }));
  for (const mig of gpu.migDevices)
    sink.measurements.push(...toMeasurements(mig.fields, { subtype: 'nvidia', item: `${item}/mig${mig.index ?? '?'}`, source: SOURCE }));
}

function noteUnread(element: XmlElement, path: string, tally: Tally): void {
  if (element.children.length === 0) tally.unread(path);
  for (const child of element.children) noteUnread(child, `${path}/${child.name}`, tally);
}

import { asArray, asObject, type JsonValue } from '../json-source.ts';
import type { Tally } from '../parsed.ts';
import { unitOf } from '../value.ts';
import { AmdDevice, keyPart } from './smi-device.ts';

/** Reads every object that names a `gpu` or `cpu`, wherever the release puts it: a bare array, `gpu_data`, one list per topic. */
export function readAmdJson(value: JsonValue, tally: Tally): AmdDevice[] {
  const devices = new Map<string, AmdDevice>();
  const visit = (node: JsonValue, path: string): void => {
    const list = asArray(node);
    const object = asObject(node);
    if (list !== undefined) for (const [index, member] of list.entries()) visit(member, `${path}[${index}]`);
    else if (object === undefined) tally.unread(path);
    else if (deviceIndex(object) !== undefined) readDevice(object, { path, devices, tally });
    else for (const [key, member] of Object.entries(object)) visit(member, `${path}/${key}`);
  };
  visit(value, '');
  return [...devices.values()];
}

type JsonObject = { readonly [key: string]: JsonValue };

function deviceIndex(object: JsonObject): number | undefined {
  const index = object['gpu'] ?? object['cpu'];
  return Number.isInteger(index) ? Number(index) : undefined;
}

function readDevice(
  object: JsonObject,
  context: { readonly path: string; readonly devices: Map<string, AmdDevice>; readonly tally: Tally },
): void {
  const { path, devices, tally } = context;
  const kind = 'gpu' in object ? 'gpu' : 'cpu';
  const id = `${kind}${deviceIndex(object)}`;
  const device = devices.get(id) ?? new AmdDevice(kind, deviceIndex(object) ?? 0, tally);
  devices.set(id, device);
  tally.typed();
  for (const [key, member] of Object.entries(object))
    if (key !== kind) addLeaves(device, member, { key: keyPart(key), source: `${path}/${key}`, tally });
}

interface LeafContext {
  readonly key: string;
  readonly source: string;
  readonly tally: Tally;
}

function addLeaves(device: AmdDevice, value: JsonValue, context: LeafContext): void {
  const { key, source, tally } = context;
  const list = asArray(value);
  const object = asObject(value);
  if (list !== undefined) {
    for (const [index, member] of list.entries())
      addLeaves(device, member, { key: `${key}[${index}]`, source: `${source}[${index}]`, tally });
  } else if (object !== undefined && 'value' in object && 'unit' in object && asObject(object['value']) === undefined)
    addQuantity(device, object, context);
  else if (object !== undefined) {
    for (const [name, member] of Object.entries(object))
      addLeaves(device, member, { key: `${key}.${keyPart(name)}`, source: `${source}/${name}`, tally });
  } else device.add(key, value === null ? '' : String(value), source);
}

/** `{"value": 173, "unit": "W"}` is one fact of two leaves. */
function addQuantity(device: AmdDevice, object: JsonObject, { key, source, tally }: LeafContext): void {
  const unit = unitOf(String(object['unit']));
  const value = object['value'];
  if (typeof value !== 'number' || unit === undefined) {
    device.add(key, typeof value === 'number' ? `${value} ${String(object['unit'])}` : String(value), source);
    tally.typed();
    return;
  }
  tally.typed(2);
  device.put({ key, path: source, reading: { state: 'read', value }, unit });
}

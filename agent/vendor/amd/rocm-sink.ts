import type { JsonValue } from '../json-source.ts';
import type { Field, Tally } from '../parsed.ts';
import { readValue, unitOf, type TypedValue } from '../value.ts';
import { keyPart } from './smi-device.ts';

/** Where the facts of an output go. */
export interface RocmSink {
  readonly cards: Map<number, Field[]>;
  readonly system: Field[];
  readonly tally: Tally;
}

/** The fields of a card, started when it is new. */
export function cardFields(sink: RocmSink, index: number): Field[] {
  const fields = sink.cards.get(index) ?? [];
  sink.cards.set(index, fields);
  return fields;
}

/** Adds one labelled value; a label carries its unit in parentheses: `Temperature (Sensor edge) (C)`. */
export function addLabel(
  target: Field[],
  leaf: { readonly label: string; readonly text: JsonValue; readonly path: string },
  tally: Tally,
): void {
  if (typeof leaf.text === 'object') return tally.unread(leaf.path);
  tally.typed();
  target.push({ key: keyPart(leaf.label).replaceAll(/^_+|_+$/g, ''), path: leaf.path, ...readLabelled(leaf.label, String(leaf.text)) });
}

function readLabelled(label: string, text: string): TypedValue {
  const unit = unitOf(/\((%|[A-Za-z]{1,3})\)\s*:?$/.exec(label)?.[1] ?? '');
  const bare = /^\((.*)\)$/.exec(text)?.[1] ?? text;
  if (/unique id|serial number/i.test(label)) return readValue('identity', bare);
  if (/version|name|series|model|vendor|sku|guid|\bid\b|pci bus|driver/i.test(label)) return readValue('text', bare);
  return readValue(unit ?? 'any', bare);
}

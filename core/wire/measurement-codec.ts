import type { Measurement, Reading } from '#core/snapshot/measurement.ts';
import type { assay } from '#proto/gen/assay-v1.js';
import { malformed, wireName, wireNumber, wireText } from './field.ts';
import { wireMeasurementType } from './wire-enum.ts';

type Wire = assay.v1.Measurement.$Shape;

/** A measurement as generated code takes it. */
export function measurementToWire(measurement: Measurement): assay.v1.Measurement.$Properties {
  const { type, subtype, item, key, reading, unit, source } = measurement;
  return {
    type: wireMeasurementType.toNumber(type),
    subtype,
    key,
    source,
    ...(item === undefined ? {} : { item }),
    ...(unit === undefined ? {} : { unit }),
    ...readingToWire(reading),
  };
}

/** A measurement from generated code, every field checked. @throws WIRE_MALFORMED, WIRE_LIMIT */
export function measurementFromWire(wire: Wire, where: string): Measurement {
  return {
    type: wireMeasurementType.toWord(wire.type, `${where}.type`),
    subtype: wireName(wire.subtype, `${where}.subtype`),
    ...(typeof wire.item === 'string' ? { item: wireName(wire.item, `${where}.item`) } : {}),
    key: wireName(wire.key, `${where}.key`),
    reading: readingFromWire(wire, `${where}.reading`),
    ...(typeof wire.unit === 'string' ? { unit: wireName(wire.unit, `${where}.unit`) } : {}),
    source: wireText(wire.source, `${where}.source`),
  };
}

function readingToWire(reading: Reading): assay.v1.Measurement.$Properties {
  if (reading.state !== 'read') return { [reading.state]: reading.reason.toWellFormed() };
  if (typeof reading.value === 'string') return { text: reading.value.toWellFormed() };
  return typeof reading.value === 'number' ? { number: reading.value } : { flag: reading.value };
}

function readingFromWire(wire: Wire, where: string): Reading {
  switch (wire.reading) {
    case 'text':
      return { state: 'read', value: wireText(wire.text, where) };
    case 'number':
      return { state: 'read', value: wireNumber(wire.number, where) };
    case 'flag':
      return { state: 'read', value: wire.flag };
    case 'absent':
    case 'unsupported':
    case 'unreadable':
      return { state: wire.reading, reason: wireText(wire[wire.reading], where) };
    case undefined:
      throw malformed(where, 'is missing');
  }
}

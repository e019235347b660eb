import type { Measurement, MeasurementType, Reading, Scalar } from '#core/snapshot/measurement.ts';
import type { FileRead } from '../host/host.ts';

/** Longest value that travels; a longer one is unreadable rather than cut. */
const MAX_VALUE_LENGTH = 8192;

/** Where a group of facts belongs in a snapshot. */
export interface FactPlace {
  /** `Hardware` when left out: facts that upstream's snapshot has no place for. */
  readonly type?: MeasurementType;
  readonly subtype: string;
  readonly item?: string;
}

/** One fact before it is placed. */
export interface Fact {
  readonly key: string;
  readonly read: FileRead<Scalar>;
  readonly unit?: string;
  /** Path or command it was read from, without host root prefix. */
  readonly source: string;
}

/** Places facts in a snapshot, in their order. */
export function measure(place: FactPlace, facts: readonly Fact[]): readonly Measurement[] {
  const { type = 'Hardware', subtype, item } = place;
  return facts.map(({ key, read, unit, source }) => ({
    type,
    subtype,
    ...(item === undefined ? {} : { item }),
    key,
    reading: bounded(read),
    ...(unit === undefined ? {} : { unit }),
    source,
  }));
}

/** A fact that was found. */
export function found(key: string, value: Scalar, source: string): Fact {
  return { key, read: { state: 'read', value }, source };
}

function bounded(read: FileRead<Scalar>): Reading {
  if (read.state === 'read' && typeof read.value === 'string' && read.value.length > MAX_VALUE_LENGTH)
    return { state: 'unreadable', reason: `longer than ${MAX_VALUE_LENGTH} characters` };
  if (read.state === 'read' && typeof read.value === 'number' && !Number.isFinite(read.value))
    return { state: 'unreadable', reason: 'not a number' };
  return read;
}

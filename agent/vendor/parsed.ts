import type { Measurement, MeasurementType, Reading } from '#core/snapshot/measurement.ts';

/** One typed fact of a vendor output. */
export interface Field {
  /** Stable name over tool versions and output forms, such as `memory.total`. */
  readonly key: string;
  /** Where it stood: element path, key path or line of the raw output. */
  readonly path: string;
  readonly reading: Reading;
  readonly unit?: string;
}

/** What a parser makes of one output. */
export interface Parsed<T> {
  /** Tool name of the catalog. */
  readonly tool: string;
  readonly value: T;
  readonly measurements: readonly Measurement[];
  /** Leaves of the raw output; those not typed stand in `unread`. */
  readonly leaves: { readonly total: number; readonly typed: number };
  /** Paths of leaves that no rule types, or that are left out on purpose (process names); at most {@link MAX_UNREAD}. */
  readonly unread: readonly string[];
  /** What is missing from a whole output, one sentence each; empty for a complete one. */
  readonly partial: readonly string[];
}

/** Paths listed in `unread`; `leaves` counts all of them. */
export const MAX_UNREAD = 1000;
const MAX_PARTIAL = 100;

/** Keeps account of every leaf while a parser runs, so that none is lost without a trace. */
export class Tally {
  readonly tool: string;
  #typed = 0;
  #unreadCount = 0;
  readonly #unread: string[] = [];
  readonly #partial: string[] = [];

  constructor(tool: string) {
    this.tool = tool;
  }

  /** Counts leaves that became typed values. */
  typed(count = 1): void {
    this.#typed += count;
  }

  /** Notes a leaf that stays untyped. */
  unread(path: string): void {
    this.#unreadCount += 1;
    if (this.#unread.length < MAX_UNREAD) this.#unread.push(path.length > 200 ? `${path.slice(0, 200)}…` : path);
  }

  /** Notes what is missing from the output. */
  partial(sentence: string): void {
    if (this.#partial.length < MAX_PARTIAL) this.#partial.push(sentence);
  }

  /** True when at least one leaf was typed. */
  get hasTyped(): boolean {
    return this.#typed > 0;
  }

  /** Closes the account. */
  finish<T>(value: T, measurements: readonly Measurement[]): Parsed<T> {
    const leaves = { total: this.#typed + this.#unreadCount, typed: this.#typed };
    return { tool: this.tool, value, measurements, leaves, unread: this.#unread, partial: this.#partial };
  }
}

/** Where the measurements of one set of fields belong. */
export interface MeasurementPlace {
  readonly type?: MeasurementType;
  readonly subtype: string;
  readonly item?: string;
  /** The command or file; the field's path is appended. */
  readonly source: string;
}

/** Fields as measurements of a snapshot. */
export function toMeasurements(fields: Iterable<Field>, place: MeasurementPlace): Measurement[] {
  const { type = 'Hardware', subtype, item, source } = place;
  const base = item === undefined ? { type, subtype } : { type, subtype, item };
  const measurements: Measurement[] = [];
  for (const { key, path, reading, unit } of fields) {
    const from = `${source} ${path}`;
    measurements.push(unit === undefined ? { ...base, key, reading, source: from } : { ...base, key, reading, unit, source: from });
  }
  return measurements;
}

/** The number of a field that was read as a number; undefined in every other state. */
export function numberOf(field: Field): number | undefined {
  return field.reading.state === 'read' && typeof field.reading.value === 'number' ? field.reading.value : undefined;
}

/** The text of a field that was read as text; undefined in every other state. */
export function textOf(field: Field): string | undefined {
  return field.reading.state === 'read' && typeof field.reading.value === 'string' ? field.reading.value : undefined;
}

import type { CtrfStatus, Phase } from '#core/ctrf/report.ts';
import type { MeasurementType } from '#core/snapshot/measurement.ts';
import { malformed } from './field.ts';

// Position = number in record.proto; 0 is "unspecified" and never valid. Append only.
const PHASES: readonly (Phase | undefined)[] = [undefined, 'deployment', 'performance', 'conformance'];
const STATUSES: readonly (CtrfStatus | undefined)[] = [undefined, 'passed', 'failed', 'skipped', 'pending', 'other'];
const MEASUREMENT_TYPES: readonly (MeasurementType | undefined)[] = [
  undefined,
  'K8s',
  'GPU',
  'OS',
  'SystemD',
  'NodeTopology',
  'NetworkTopology',
  'Hardware',
];

/** Word and number of one protobuf enum. */
export interface WireEnum<Word extends string> {
  readonly toNumber: (word: Word) => number;
  /** @throws WIRE_MALFORMED for 0 and for numbers without a word */
  readonly toWord: (number: number | null | undefined, where: string) => Word;
}

/** Phases on the wire. */
export const wirePhase = wireEnum(PHASES);
/** Check states on the wire. */
export const wireStatus = wireEnum(STATUSES);
/** Measurement types on the wire. */
export const wireMeasurementType = wireEnum(MEASUREMENT_TYPES);

function wireEnum<Word extends string>(words: readonly (Word | undefined)[]): WireEnum<Word> {
  return {
    toNumber: (word) => Math.max(words.indexOf(word), 0),
    toWord: (number, where) => {
      const word = words[number ?? 0];
      if (word === undefined) throw malformed(where, `is ${String(number ?? 0)}, which has no meaning`);
      return word;
    },
  };
}

/** The value of a fact. Integers stay integers; a version or a number printed by a tool as text stays text. */
export type Scalar = string | number | boolean;

/**
 * What became of one read. `absent` (the thing is not there), `unsupported` (it is there, but cannot tell),
 * `unreadable` (it could not be read: permission, time, garbage) and a read zero are four different answers.
 */
export type Reading =
  | { readonly state: 'read'; readonly value: Scalar }
  | { readonly state: 'absent' | 'unsupported' | 'unreadable'; readonly reason: string };

/** Measurement types of `aicr.run/v1alpha2` snapshots that a node can produce or a cluster adds. */
export type MeasurementType = 'K8s' | 'GPU' | 'OS' | 'SystemD' | 'NodeTopology' | 'NetworkTopology' | 'Hardware';

/**
 * One fact with its source.
 * `type`/`subtype`/`key` is its place in a snapshot (`OS` / `release` / `VERSION_ID`); `item` names one of several
 * like things (`0000:1b:00.0`, `eth0`); `source` is the file or command it was read from, without host root prefix.
 */
export interface Measurement {
  readonly type: MeasurementType;
  readonly subtype: string;
  readonly item?: string;
  readonly key: string;
  readonly reading: Reading;
  /** UCUM-like unit of a numeric value: `By`, `MiB`, `Cel`, `W`, `MHz`, `Gb/s`, `1`. */
  readonly unit?: string;
  readonly source: string;
}

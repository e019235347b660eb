import type { CtrfStatus } from '#core/ctrf/report.ts';
import type { Digest } from '#core/digest/sha256.ts';

/** Name of the per-node file in a bundle. */
export const NODES_FILE = 'nodes.json';
/** Name of the coverage file in a bundle. */
export const COVERAGE_FILE = 'coverage.json';

/** What one node contributed; a leaf of the Merkle tree whose root the predicate carries. */
export interface NodeEntry {
  /** Pseudonym, `node-0001`. */
  readonly node: string;
  readonly agentVersion: string;
  readonly complete: boolean;
  readonly records: number;
  /** SHA-256 over the canonical JSON of the node's records: they can be disclosed later and checked against it. */
  readonly recordsDigest: Digest;
  readonly checks: Readonly<Record<CtrfStatus, number>>;
}

/** `nodes.json`. */
export interface NodesFile {
  readonly schemaVersion: '1.0.0';
  readonly nodes: readonly NodeEntry[];
}

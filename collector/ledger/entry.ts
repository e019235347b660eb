import { AssayError, errorText } from '#core/error.ts';
import type { Digest } from '#core/digest/sha256.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';
import type { CheckResult } from '#core/wire/record.ts';
import type { Absence, Plan, SessionIncident } from '#core/wire/run.ts';
import type { CredentialPod } from '../session/admission.ts';

/** First entry of every ledger: what the run is. A restarted collector goes on with it. */
export interface RunEntry {
  readonly kind: 'run';
  readonly format: 1;
  readonly runId: string;
  /** 64 hex digits. */
  readonly nonce: string;
  readonly openedAtMs: number;
  /** From opening to the end of the run. */
  readonly deadlineMs: number;
  readonly expected: readonly string[];
  readonly plan: Plan;
  /** Only of a run in a cluster. */
  readonly cluster?: {
    /** UIDs of the expected nodes, in their order. */
    readonly nodeUids: readonly string[];
    /** This ledger takes the place of one that was lost with its disk. */
    readonly refilled?: true;
  };
  /** Digest of the artifact that the release published before. */
  readonly previous?: Digest;
}

/** An agent was admitted: first connection of this key for this node. */
export interface AgentEntry {
  readonly kind: 'agent';
  /** Position among the agent entries, from 0; batches refer to it. */
  readonly agent: number;
  readonly node: string;
  /** 1 for the first agent of a node, higher when another agent had to start over; only the last one counts. */
  readonly attempt: number;
  /** Raw Ed25519 key, 64 hex digits. */
  readonly publicKey: string;
  readonly agentVersion: string;
  /** Agent clock minus collector clock at the hello. */
  readonly clockSkewMs: number;
  /** The pod that the agent's credential proved; left out when it proved none. */
  readonly pod?: CredentialPod;
  readonly atMs: number;
}

/** A node was excluded from the run. */
export interface RejectedEntry {
  readonly kind: 'rejected';
  readonly node: string;
  readonly code: string;
  readonly detail: string;
  readonly atMs: number;
}

/** Last entry: nothing may follow. Holds the time that a bundle shows, and its absences. */
export interface SealEntry {
  readonly kind: 'seal';
  readonly sealedAtMs: number;
  readonly absences: readonly Absence[];
  /** Incidents by code, also those that have no entry of their own; only in a cluster. */
  readonly incidentCounts?: Readonly<Record<string, number>>;
}

/** Absences that the seal, which follows at once, has no room for. */
export interface AbsencesEntry {
  readonly kind: 'absences';
  readonly absences: readonly Absence[];
}

/** A result of a check of the whole cluster. */
export interface ClusterCheckEntry {
  readonly kind: 'cluster-check';
  readonly result: CheckResult;
}

/** What was read about the whole cluster. */
export interface ClusterFactsEntry {
  readonly kind: 'cluster-facts';
  readonly measurements: readonly Measurement[];
}

/** A refused or suspicious connection. */
export interface IncidentEntry {
  readonly kind: 'incident';
  readonly incident: SessionIncident;
}

/** Records as they came: the websocket frame, byte for byte. */
export interface BatchEntry {
  readonly kind: 'batch';
  readonly agent: number;
  readonly receivedAtMs: number;
  readonly frame: Uint8Array;
}

/** One entry of the ledger. `reopened` marks a restart of the collector. */
export type LedgerEntry =
  | RunEntry
  | { readonly kind: 'reopened'; readonly atMs: number }
  | AgentEntry
  | RejectedEntry
  | AbsencesEntry
  | ClusterCheckEntry
  | ClusterFactsEntry
  | IncidentEntry
  | SealEntry
  | BatchEntry;

const JSON_ENTRY = 1;
const BATCH_ENTRY = 2;
// Kind, agent number, time of receipt.
const BATCH_HEAD = 1 + 4 + 8;

/** Bytes of an entry: a kind byte, then JSON, or the head of a batch and its frame. */
export function encodeEntry(entry: LedgerEntry): Buffer {
  if (entry.kind !== 'batch') return Buffer.concat([Buffer.of(JSON_ENTRY), Buffer.from(JSON.stringify(entry))]);
  const bytes = Buffer.allocUnsafe(BATCH_HEAD + entry.frame.length);
  bytes.writeUInt8(BATCH_ENTRY, 0);
  bytes.writeUInt32BE(entry.agent, 1);
  bytes.writeDoubleBE(entry.receivedAtMs, 5);
  bytes.set(entry.frame, BATCH_HEAD);
  return bytes;
}

/**
 * Reads an entry back. Checksums were verified before; what is left to go wrong is a ledger of another version.
 * The frame of a batch shares the buffer.
 * @throws LEDGER_CORRUPT
 */
export function decodeEntry(bytes: Buffer): LedgerEntry {
  if (bytes[0] === BATCH_ENTRY && bytes.length > BATCH_HEAD)
    return { kind: 'batch', agent: bytes.readUInt32BE(1), receivedAtMs: bytes.readDoubleBE(5), frame: bytes.subarray(BATCH_HEAD) };
  if (bytes[0] !== JSON_ENTRY) throw foreign(`an entry of kind ${String(bytes[0])}`);
  return readJson(bytes.toString('utf8', 1));
}

function readJson(text: string): LedgerEntry {
  try {
    return JSON.parse(text) as LedgerEntry;
  } catch (cause) {
    throw foreign(`an entry that is not JSON (${errorText(cause)})`);
  }
}

function foreign(what: string): AssayError {
  return new AssayError('LEDGER_CORRUPT', `the ledger holds ${what}`, {
    hint: 'It was written by another version of Assay: use that one.',
  });
}

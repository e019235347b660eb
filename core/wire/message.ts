import type { Phase } from '#core/ctrf/report.ts';
import type { Plan } from './run.ts';

/** First message of an agent on a connection. */
export interface Hello {
  readonly kind: 'hello';
  readonly protocol: number;
  readonly agentVersion: string;
  readonly node: string;
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Ed25519 signature over {@link import('./chain.ts').helloToSign}, 64 bytes. */
  readonly channelSignature: Uint8Array;
  /** Run of the agent's journal, empty when the journal is new. */
  readonly lastRunId: string;
  readonly journalSeq: number;
  readonly clockMs: number;
}

/** Consecutive records, exactly as they were encoded. */
export interface Batch {
  readonly kind: 'batch';
  readonly firstSeq: number;
  readonly records: readonly Uint8Array[];
  /** Chain link before the first record, 32 bytes. */
  readonly prevLink: Uint8Array;
  /** Ed25519 signature over {@link import('./chain.ts').batchToSign}, 64 bytes. */
  readonly signature: Uint8Array;
}

/** The agent's credential was renewed while it is connected. */
export interface Renew {
  readonly kind: 'renew';
  /** Up to {@link import('./limits.ts').WIRE_LIMITS}.tokenLength characters. Never logged. */
  readonly token: string;
}

/** The collector admits the agent. */
export interface Welcome {
  readonly kind: 'welcome';
  readonly protocol: number;
  readonly runId: string;
  /** 32 bytes. */
  readonly nonce: Uint8Array;
  readonly plan: Plan;
  /** Highest sequence number on stable storage. */
  readonly resumeSeq: number;
  /** Chain link at `resumeSeq`, 32 bytes. */
  readonly resumeLink: Uint8Array;
  /** Bytes of batches that may be unacknowledged. */
  readonly creditBytes: number;
}

/** Why the collector asks an agent to end early. */
export type StopReason = 'deadline' | 'cancelled';

/** What an agent sends. */
export type AgentMessage = Hello | Batch | Renew;

/** What a collector sends. */
export type CollectorMessage =
  | Welcome
  | { readonly kind: 'ack'; readonly durableSeq: number }
  | { readonly kind: 'credit'; readonly bytes: number }
  | { readonly kind: 'run'; readonly phases: readonly Phase[] }
  | { readonly kind: 'stop'; readonly reason: StopReason }
  | { readonly kind: 'seal'; readonly runId: string };

import type { RunState, RunStatus } from '#core/cluster/run-status.ts';
import { sha256 } from '#core/digest/sha256.ts';
import type { DeliveryReport } from '#core/publish/handover.ts';
import type { Absence } from '#core/wire/run.ts';
import type { RunEntry } from '../ledger/entry.ts';
import type { RunProgress } from '../session/gathering.ts';

/** What is fixed about a run when it begins. */
export interface RunFrame {
  readonly run: RunEntry;
  readonly jobUid: string;
  readonly recipe: string;
}

/** Where a run stands, gathered from the parts that know, as the status object has it. */
export class RunStanding {
  readonly #frame: RunFrame;
  readonly #progress: () => RunProgress;
  #sealed: { readonly sealedAtMs: number; readonly absences: readonly Absence[] } | undefined;
  #delivery: DeliveryReport | undefined;
  #note: { readonly reason: string; readonly hint?: string } | undefined;
  #state: RunState | undefined;

  /** @param progress numbers of this moment */
  constructor(frame: RunFrame, progress: () => RunProgress) {
    this.#frame = frame;
    this.#progress = progress;
  }

  /** The run is sealed. */
  seal(sealedAtMs: number, absences: readonly Absence[]): void {
    this.#sealed = { sealedAtMs, absences };
  }

  /** Whoever signs and pushes has something to tell. */
  deliver(report: DeliveryReport): void {
    this.#delivery = report;
  }

  /** The run stays in a state for a reason. */
  stay(state: 'pending' | 'failed', reason: string, hint?: string): void {
    this.#state = state;
    this.#note = { reason, ...(hint === undefined ? {} : { hint }) };
  }

  /** The status as it is now. */
  toStatus(): RunStatus {
    const { run, jobUid, recipe } = this.#frame;
    const { expected, connected, finished, absent, checks } = this.#progress();
    return {
      schemaVersion: '1.0.0',
      runId: run.runId,
      nonce: run.nonce,
      jobUid,
      state: this.#state ?? this.#currentState(connected + finished > 0),
      recipe,
      openedAt: rfc3339(run.openedAtMs),
      deadlineAt: rfc3339(run.openedAtMs + run.deadlineMs),
      ...(this.#sealed === undefined ? {} : { sealedAt: rfc3339(this.#sealed.sealedAtMs) }),
      expectedDigest: sha256(run.expected.join('\n')),
      nodes: {
        expected,
        connected: this.#sealed === undefined ? connected : 0,
        finished,
        absent: this.#sealed === undefined ? absent : countReasons(this.#sealed.absences),
      },
      checks,
      ...this.#outcome(),
      ...(run.previous === undefined ? {} : { previousDigest: run.previous }),
    };
  }

  #currentState(hasBegun: boolean): RunState {
    if (this.#delivery !== undefined) return this.#delivery.state;
    if (this.#sealed !== undefined) return 'sealed';
    return hasBegun ? 'gathering' : 'waiting';
  }

  #outcome(): Pick<RunStatus, 'reason' | 'hint' | 'signer' | 'oci' | 'digest'> {
    const { reason, hint, signer, oci, digest } = { ...this.#delivery, ...this.#note };
    return {
      ...(reason === undefined ? {} : { reason }),
      ...(hint === undefined ? {} : { hint }),
      ...(signer === undefined ? {} : { signer }),
      ...(oci === undefined ? {} : { oci }),
      ...(digest === undefined ? {} : { digest }),
    };
  }
}

function countReasons(absences: readonly Absence[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of absences) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

function rfc3339(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

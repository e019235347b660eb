import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '#core/clock.ts';
import type { Log } from '#core/log.ts';
import type { PlanConstraint } from '#core/wire/run.ts';
import type { CollectorConfig } from './config.ts';
import type { FinishedRun } from './finish.ts';
import type { RunEntry } from './ledger/entry.ts';
import { Ledger, type OpenedLedger } from './ledger/ledger.ts';
import type { SealedSource } from './ledger/sealed-run.ts';
import type { Admission } from './session/admission.ts';
import { listenForAgents, type AgentServer } from './session/agent-server.ts';
import type { Emit, Gathering } from './session/gathering.ts';
import { loadServerIdentity } from './session/server-identity.ts';

const RUN_ID_BYTES = 8;
const NONCE_BYTES = 32;

/** What the collector's story runs with. */
export interface CollectorContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: Emit;
  /** Ends the collector without a seal. */
  readonly signal: AbortSignal;
  /** Makes the bundle of a sealed run. Called again for the same run after a restart, it gives the same bundle. */
  readonly finish: (source: SealedSource, config: CollectorConfig, emit: Emit) => Promise<FinishedRun>;
}

/** Opens the ledger of the state directory. @param newRun makes the header when it is empty @throws the codes of {@link Ledger.open} */
export function openRunLedger(
  stateDir: string,
  { clock, emit, log }: CollectorContext,
  newRun: () => RunEntry | Promise<RunEntry>,
): Promise<OpenedLedger> {
  return Ledger.open({
    directory: stateDir,
    newRun,
    nowMs: clock.nowMs,
    onStall: (message) => {
      log.error({ code: 'DISK_FULL', message }, 'ledger stalled');
      emit({ event: 'stalled', code: 'DISK_FULL', message });
    },
    onResume: () => {
      log.info('ledger resumed');
      emit({ event: 'resumed' });
    },
  });
}

/** What gathering needs besides the story's context. */
export interface GatherInput {
  readonly config: CollectorConfig;
  readonly admission: Admission;
  readonly gathering: Gathering;
  readonly onListening?: (server: AgentServer) => void;
}

/** Listens for agents until the run is sealed. @throws CONFIG_INVALID, STORAGE_FAILED; an AbortError after the signal */
export async function gatherRun({ config, admission, gathering, onListening }: GatherInput, context: CollectorContext): Promise<void> {
  const identity = await loadServerIdentity(config.tlsKey ?? join(config.stateDir, 'server-key.pem'));
  const server = await listenForAgents({
    address: config.listen,
    identity,
    admission,
    gathering,
    // A failure of the storage ends the gathering, which tells of it.
    onIncident: (incident) => void gathering.addIncident(incident).catch(() => undefined),
    ...context,
  });
  try {
    onListening?.(server);
    context.emit({ event: 'listening', url: server.url, key: identity.pin, runId: gathering.run.runId });
    await gathering.gather(context.signal);
  } finally {
    await server.close();
  }
}

/** The sealed run, and the event that tells of it. @throws LEDGER_CORRUPT */
export async function openSealedRun({ ledger }: OpenedLedger, { emit }: CollectorContext): Promise<SealedSource> {
  const sealed = await ledger.openSealed();
  const { runId, expected, absences } = sealed.run;
  emit({
    event: 'sealed',
    runId,
    ledger: await ledger.digest(),
    expected: expected.length,
    complete: expected.length - absences.length,
    records: sealed.records,
  });
  return sealed;
}

/** What a run is opened from: its settings, and the limits that its recipe sets. */
export type RunSettings = CollectorConfig & { readonly constraints: readonly PlanConstraint[] };

/** Header of a new run. Identifier and nonce are random unless given. */
export function newRunEntry(config: RunSettings, openedAtMs: number, given: Partial<RunEntry> = {}): RunEntry {
  const { accelerator, phases, phaseDeadline, constraints } = config;
  return {
    kind: 'run',
    format: 1,
    runId: config.runId ?? `run-${randomBytes(RUN_ID_BYTES).toString('hex')}`,
    nonce: config.nonce ?? randomBytes(NONCE_BYTES).toString('hex'),
    openedAtMs,
    deadlineMs: config.deadline,
    expected: config.expect,
    plan: {
      accelerator,
      phases: phases.map((phase) => ({ phase, checks: [], deadlineMs: phaseDeadline })),
      ...(constraints.length === 0 ? {} : { constraints }),
    },
    ...given,
  };
}

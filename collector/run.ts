import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#core/clock.ts';
import { AssayError, errorText, type ExitCode } from '#core/error.ts';
import type { Log } from '#core/log.ts';
import type { CollectorConfig } from './config.ts';
import type { RunEntry } from './ledger/entry.ts';
import { Ledger, type OpenedLedger } from './ledger/ledger.ts';
import type { SealedSource } from './ledger/sealed-run.ts';
import { bearerAdmission } from './session/admission.ts';
import { listenForAgents } from './session/agent-server.ts';
import { Gathering, type Emit } from './session/gathering.ts';
import type { Incident } from './session/incident.ts';
import { loadServerIdentity } from './session/server-identity.ts';

const TOKEN_LENGTH_MIN = 16;
const RUN_ID_BYTES = 8;
const NONCE_BYTES = 32;

/** What the collector's story runs with. */
export interface CollectorContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: Emit;
  /** Ends the collector without a seal. */
  readonly signal: AbortSignal;
  readonly finish: FinishRun;
}

/** Makes the bundle of a sealed run. Called again for the same run after a restart, it gives the same bundle. */
type FinishRun = (source: SealedSource, config: CollectorConfig, emit: Emit) => Promise<ExitCode>;

/**
 * One run, from the first agent to the finished bundle: open the ledger, gather until every node has reported or the
 * time is over, seal, finish. Killed at any moment and started again, it goes on where its ledger ends.
 * @returns exit status of the program
 */
export async function runCollector(config: CollectorConfig, context: CollectorContext): Promise<ExitCode> {
  const opened = await openLedger(config, context);
  try {
    noteIgnoredSettings(opened, config, context.log);
    if (opened.replay.seal === undefined) await gatherAndSeal(opened, config, context);
    const sealed = await openSealed(opened, context);
    return await context.finish(sealed, config, context.emit);
  } finally {
    await opened.ledger.close();
  }
}

function openLedger(config: CollectorConfig, { clock, emit, log }: CollectorContext): Promise<OpenedLedger> {
  return Ledger.open({
    directory: config.stateDir,
    newRun: () => newRun(config, clock.nowMs()),
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

/** What a run expects was fixed when it was opened: other values on a later command line change nothing, and that is said. */
function noteIgnoredSettings({ run }: OpenedLedger, config: CollectorConfig, log: Log): void {
  const same = run.deadlineMs === config.deadline && run.expected.join('\n') === config.expect.join('\n');
  if (!same)
    log.warn(
      { runId: run.runId, expected: run.expected, deadlineMs: run.deadlineMs },
      'the state directory holds a run with other settings',
    );
}

async function gatherAndSeal({ ledger, run, replay }: OpenedLedger, config: CollectorConfig, context: CollectorContext): Promise<void> {
  const admission = bearerAdmission(await readToken(config.tokenFile));
  const identity = await loadServerIdentity(config.tlsKey ?? join(config.stateDir, 'server-key.pem'));
  const gathering = new Gathering({ ledger, run, replay, graceMs: config.grace, ...context });
  const onIncident = (incident: Incident): void => context.log.warn(incident, 'incident');
  const server = await listenForAgents({ address: config.listen, identity, admission, gathering, onIncident, ...context });
  try {
    context.emit({ event: 'listening', url: server.url, key: identity.pin, runId: run.runId });
    await gathering.gather(context.signal);
  } finally {
    await server.close();
  }
}

async function openSealed({ ledger }: OpenedLedger, { emit }: CollectorContext): Promise<SealedSource> {
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

function newRun(config: CollectorConfig, openedAtMs: number): RunEntry {
  const { accelerator, phases, phaseDeadline } = config;
  return {
    kind: 'run',
    format: 1,
    runId: config.runId ?? `run-${randomBytes(RUN_ID_BYTES).toString('hex')}`,
    nonce: config.nonce ?? randomBytes(NONCE_BYTES).toString('hex'),
    openedAtMs,
    deadlineMs: config.deadline,
    expected: config.expect,
    plan: { accelerator, phases: phases.map((phase) => ({ phase, checks: [], deadlineMs: phaseDeadline })) },
  };
}

async function readToken(path: string): Promise<string> {
  const token = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AssayError('CONFIG_INVALID', `the token file cannot be read: ${errorText(cause)}`, { cause, hint: 'Check --token-file.' });
  });
  if (token.trim().length < TOKEN_LENGTH_MIN)
    throw new AssayError('CONFIG_INVALID', `the token in ${path} has fewer than ${String(TOKEN_LENGTH_MIN)} characters`, {
      hint: 'Write a random one, for example: openssl rand -hex 32',
    });
  return token.trim();
}

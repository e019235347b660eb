import { systemClock } from '#core/clock.ts';
import type { Log } from '#core/log.ts';
import { redactSettings } from '#core/setting/read-settings.ts';
import { packageVersion } from '#core/version.ts';
import type { Plan } from '#core/wire/run.ts';
import { CHECKS } from './check/catalog.ts';
import { nodeNameOf, RUN_SETTINGS, type RunConfig } from './config.ts';
import { openCounters } from './counters.ts';
import type { Host } from './host/host.ts';
import { openPseudonyms } from './host/identity-key.ts';
import { releaseMemory } from './host/release-memory.ts';
import { openHost } from './local.ts';
import { runPlan } from './phase/run-plan.ts';
import { PROBES } from './probe/catalog.ts';
import { measurementRecords } from './probe/measurement-records.ts';
import { nodeView } from './probe/node-view.ts';
import { runProbes } from './probe/run-probes.ts';
import { stayThroughRuns, type Turn } from './stay.ts';
import { openUplink } from './uplink/open-uplink.ts';
import type { Uplink } from './uplink/uplink.ts';

/** What a run of the agent works with. */
interface AgentContext {
  readonly config: RunConfig;
  readonly host: Host;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * The agent: one run, or with `stay` one after the other.
 * @param signal hangs up and ends running tools; the journal stays, and the agent goes on with it when it is started again
 * @throws what ends the uplink (UPLINK_…, RUN_…, JOURNAL_…), FILE_NOT_FOUND for a missing host root; UPLINK_LOST after the signal
 */
export async function runAgent(config: RunConfig, log: Log, signal: AbortSignal): Promise<void> {
  log.info({ version: packageVersion(), settings: redactSettings(RUN_SETTINGS, config) }, 'agent started');
  const context = { config, host: await openHost(config, signal), log, signal };
  if (config.stay) await stayThroughRuns((turn, onAdmitted) => runOnce(context, turn, onAdmitted), log);
  else await runOnce(context, { waiting: 'once', failedRunId: undefined });
}

/**
 * One run: says hello, reads the host, runs the phases of the plan, finishes, waits for the seal.
 * After a restart it goes on where its journal ends: nothing is said twice.
 */
async function runOnce({ config, host, log, signal }: AgentContext, turn: Turn, onAdmitted?: (runId: string) => void): Promise<void> {
  const uplink = await openUplink({
    ...turn,
    url: config.collector,
    pin: config.collectorKey,
    tokenFile: config.tokenFile,
    node: nodeNameOf(config),
    agentVersion: packageVersion(),
    journalDir: config.journalDir,
    giveUpMs: config.giveUpMs,
    signal,
    clock: systemClock,
    log,
    random: Math.random,
  });
  onAdmitted?.(uplink.runId);
  log.info({ runId: uplink.runId, recovered: uplink.recovered.length }, 'admitted');
  try {
    if (!uplink.recovered.some((body) => body.kind === 'finished')) {
      await report(uplink, host, config);
      log.info('finished');
    }
    // The collector seals when the slowest node has finished: that may be a while.
    releaseMemory();
    await uplink.sealed;
    log.info('sealed');
  } finally {
    await uplink.close();
    releaseMemory();
  }
}

/** What the recipe and the settings ask of the checks. */
function askedOf({ accelerator, constraints = [] }: Plan, { diagnostics }: RunConfig) {
  return { accelerator, constraints, diagnostics };
}

/** Says everything there is to say about this node. */
async function report({ plan, recovered, send, start, stop }: Uplink, host: Host, config: RunConfig): Promise<void> {
  const clock = systemClock;
  const node = nodeView(host);
  const pseudonyms = await openPseudonyms(config.identityKeyFile);
  const sampledAtMs = clock.nowMs();
  for (const body of measurementRecords(await runProbes(PROBES, { node, pseudonyms }), { sampledAtMs, recovered })) await send(body);
  const counters = await openCounters(host, clock, config.counterDir);
  const context = { host, node, clock, window: counters.window, ...askedOf(plan, config) };
  await runPlan({ plan, phases: await start, checks: CHECKS, context, stop, recovered }, send);
  await counters.keep();
  await send({ kind: 'finished', atMs: clock.nowMs() });
}

import { systemClock } from '#core/clock.ts';
import type { Log } from '#core/log.ts';
import { redactSettings } from '#core/setting/read-settings.ts';
import { packageVersion } from '#core/version.ts';
import { CHECKS } from './check/catalog.ts';
import { nodeNameOf, RUN_SETTINGS, type RunConfig } from './config.ts';
import { openCounters } from './counters.ts';
import { openPseudonyms } from './host/identity-key.ts';
import { openHost } from './local.ts';
import { runPlan } from './phase/run-plan.ts';
import { PROBES } from './probe/catalog.ts';
import { measurementRecords } from './probe/measurement-records.ts';
import { nodeView } from './probe/node-view.ts';
import { runProbes } from './probe/run-probes.ts';
import { openUplink } from './uplink/open-uplink.ts';

/**
 * One run of the agent: says hello, reads the host, runs the phases of the plan, finishes, waits for the seal.
 * After a restart it goes on where its journal ends: nothing is said twice.
 * @throws what ends the uplink (UPLINK_…, RUN_…, JOURNAL_…), FILE_NOT_FOUND for a missing host root
 */
export async function runAgent(config: RunConfig, log: Log): Promise<void> {
  log.info({ version: packageVersion(), settings: redactSettings(RUN_SETTINGS, config) }, 'agent started');
  const host = await openHost(config);
  const clock = systemClock;
  const uplink = await openUplink({
    url: config.collector,
    pin: config.collectorKey,
    tokenFile: config.tokenFile,
    node: nodeNameOf(config),
    agentVersion: packageVersion(),
    journalDir: config.journalDir,
    giveUpMs: config.giveUpMs,
    clock,
    log,
    random: Math.random,
  });
  const { plan, recovered, send } = uplink;
  log.info({ runId: uplink.runId, recovered: recovered.length }, 'admitted');
  try {
    if (!recovered.some((body) => body.kind === 'finished')) {
      const node = nodeView(host);
      const pseudonyms = await openPseudonyms(config.identityKeyFile);
      const sampledAtMs = clock.nowMs();
      for (const body of measurementRecords(await runProbes(PROBES, { node, pseudonyms }), { sampledAtMs, recovered })) await send(body);
      const counters = await openCounters(host, clock, config.counterDir);
      const context = { host, node, clock, window: counters.window, accelerator: plan.accelerator };
      await runPlan({ plan, phases: await uplink.start, checks: CHECKS, context, stop: uplink.stop, recovered }, send);
      await counters.keep();
      await send({ kind: 'finished', atMs: clock.nowMs() });
      log.info('finished');
    }
    await uplink.sealed;
    log.info('sealed');
  } finally {
    await uplink.close();
  }
}

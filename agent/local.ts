import { systemClock } from '#core/clock.ts';
import { RUN_ORDER } from '#core/ctrf/report.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';
import { packageVersion } from '#core/version.ts';
import type { CheckResult } from '#core/wire/record.ts';
import { CHECKS } from './check/catalog.ts';
import { nodeNameOf, searchPath, type CheckConfig, type ProbeConfig } from './config.ts';
import type { Host } from './host/host.ts';
import { openCounters } from './counters.ts';
import { openPseudonyms } from './host/identity-key.ts';
import { linuxHost } from './host/linux-host.ts';
import { runPhase } from './phase/run-phase.ts';
import { PROBES } from './probe/catalog.ts';
import { nodeView } from './probe/node-view.ts';
import { runProbes } from './probe/run-probes.ts';

/** What `probe` prints: every measurement of this host at a moment. */
export interface ProbeDocument {
  readonly agentVersion: string;
  readonly node: string;
  readonly sampledAtMs: number;
  readonly measurements: readonly Measurement[];
}

/** What `check` prints: one result per check of the phases. */
export interface CheckDocument {
  readonly agentVersion: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly results: readonly CheckResult[];
}

/** Reads the host once, without a collector. */
export async function probeLocally(config: ProbeConfig): Promise<ProbeDocument> {
  const host = await openHost(config);
  const sampledAtMs = systemClock.nowMs();
  const results = await runProbes(PROBES, { node: nodeView(host), pseudonyms: await openPseudonyms(config.identityKeyFile) });
  const measurements = results.flatMap((result) => result.measurements);
  return { agentVersion: packageVersion(), node: nodeNameOf(config), sampledAtMs, measurements };
}

/** Runs checks once, without a collector, phase by phase in run order. */
export async function checkLocally(config: CheckConfig): Promise<CheckDocument> {
  const host = await openHost(config);
  const counters = await openCounters(host, systemClock, config.counterDir);
  const context = { host, node: nodeView(host), clock: systemClock, window: counters.window, accelerator: config.profile };
  const startedAtMs = systemClock.nowMs();
  const results: CheckResult[] = [];
  for (const phase of RUN_ORDER.filter((each) => config.phases.length === 0 || config.phases.includes(each))) {
    const plan = { phase, checks: config.checks, deadlineMs: config.deadlineMs };
    await runPhase({ plan, checks: CHECKS, context }, async (body) => {
      if (body.kind === 'check') results.push(body.result);
    });
  }
  await counters.keep();
  return { agentVersion: packageVersion(), startedAtMs, endedAtMs: systemClock.nowMs(), results };
}

/** The host that the settings name. */
export function openHost({
  hostRoot,
  toolPath,
  toolTimeoutMs,
}: Pick<ProbeConfig, 'hostRoot' | 'toolPath' | 'toolTimeoutMs'>): Promise<Host> {
  return linuxHost({ root: hostRoot, ...(toolPath.length === 0 ? {} : { toolPath }), searchPath: searchPath(), toolTimeoutMs });
}

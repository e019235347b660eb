import { systemClock } from '#core/clock.ts';
import { AssayError } from '#core/error.ts';
import { RUN_ORDER, type Phase } from '#core/ctrf/report.ts';
import { packageVersion } from '#core/version.ts';
import type { CheckDocument, ProbeDocument } from '#core/wire/agent-document.ts';
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
  const context = { host, node: nodeView(host), clock: systemClock, window: counters.window, ...askedOf(config) };
  const startedAtMs = systemClock.nowMs();
  const results: CheckResult[] = [];
  for (const { phase, checks } of plansOf(config)) {
    const plan = { phase, checks, deadlineMs: config.deadlineMs };
    await runPhase({ plan, checks: CHECKS, context }, async (body) => {
      if (body.kind === 'check') results.push(body.result);
    });
  }
  await counters.keep();
  return { agentVersion: packageVersion(), startedAtMs, endedAtMs: systemClock.nowMs(), results };
}

function askedOf({ profile, constraints, diagnostics }: CheckConfig) {
  return { accelerator: profile, constraints, diagnostics };
}

/**
 * The phases to run, each with the checks asked for by name; no names are all checks of the phase.
 * @throws USAGE for a name that none of these phases has: it would otherwise be a report without a failure
 */
function plansOf({ phases, checks }: CheckConfig): readonly { readonly phase: Phase; readonly checks: readonly string[] }[] {
  const asked = RUN_ORDER.filter((phase) => phases.length === 0 || phases.includes(phase));
  const has = (phase: Phase, name: string): boolean => CHECKS.some((check) => check.phase === phase && check.name === name);
  const stranger = checks.find((name) => !asked.some((phase) => has(phase, name)));
  if (stranger !== undefined)
    throw new AssayError('USAGE', `no node check "${stranger}" in ${asked.join(', ')}`, {
      hint: 'Run "assay check" without --check to see the names; checks of the whole cluster run in the collector.',
    });
  return asked
    .map((phase) => ({ phase, checks: checks.filter((name) => has(phase, name)) }))
    .filter((plan) => checks.length === 0 || plan.checks.length > 0);
}

/** The host that the settings name. @param signal ends running tools */
export function openHost(
  { hostRoot, toolPath, toolTimeoutMs }: Pick<ProbeConfig, 'hostRoot' | 'toolPath' | 'toolTimeoutMs'>,
  signal?: AbortSignal,
): Promise<Host> {
  const tools = { ...(toolPath.length === 0 ? {} : { toolPath }), searchPath: searchPath(), toolTimeoutMs };
  return linuxHost({ root: hostRoot, ...tools, ...(signal === undefined ? {} : { signal }) });
}

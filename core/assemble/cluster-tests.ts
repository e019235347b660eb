import { RUN_ORDER, type CtrfTest, type Phase } from '#core/ctrf/report.ts';
import type { CheckResult } from '#core/wire/record.ts';
import type { SealedFrame } from '#core/wire/run.ts';

/** Name of the test that tells of refused and suspicious connections. */
const AGENT_SESSIONS = 'agent-sessions';
/** Incidents that the message quotes; all of them are counted. */
const QUOTED = 20;

/**
 * The tests of a run in a cluster that belong to no node, by phase: what became of the agents' connections, then the checks of the
 * cluster in the order that is given.
 */
export function clusterTests(run: SealedFrame, checks: readonly CheckResult[]): Partial<Record<Phase, readonly CtrfTest[]>> {
  if (run.cluster === undefined) return {};
  const tests = [sessionTest(run), ...checks.map(checkTest)];
  return Object.fromEntries(
    RUN_ORDER.map((phase) => [phase, tests.filter(({ suite }) => suite?.[0] === phase)] as const).filter(
      ([, ofPhase]) => ofPhase.length > 0,
    ),
  );
}

function checkTest({ phase, check: name, status, durationMs, message, stdout, extra }: CheckResult): CtrfTest {
  return {
    name,
    status,
    duration: Math.round(durationMs),
    suite: [phase],
    ...(message === undefined ? {} : { message }),
    ...(stdout === undefined ? {} : { stdout }),
    extra: { origin: 'cluster', ...extra },
  };
}

/**
 * Refusals alone are no failure: they show that whoever had no business there was not let in. A rejected node is one. What the run
 * survived is told beside them: restarts of the collector, a lost disk, agents that started over.
 */
function sessionTest({ cluster, absences, collectorRestarts = 0 }: SealedFrame): CtrfTest {
  const { incidents = [], incidentCounts = {}, refilled = false, startedOver = 0 } = cluster ?? {};
  const rejected = absences.filter(({ reason }) => reason === 'rejected').length;
  const total = Object.values(incidentCounts).reduce((sum, count) => sum + count, 0);
  const quoted = incidents.slice(0, QUOTED).map(({ code, node, detail }) => `${code}${node === undefined ? '' : ` (${node})`}: ${detail}`);
  const message = [`nodes rejected: ${String(rejected)}, connections refused or suspicious: ${String(total)}`, ...quoted].join('; ');
  return {
    name: AGENT_SESSIONS,
    status: rejected > 0 ? 'failed' : 'passed',
    duration: 0,
    suite: ['deployment'],
    ...(rejected === 0 && total === 0 ? {} : { message }),
    extra: { origin: 'collector', observed: { rejected, startedOver, collectorRestarts, refilled, ...incidentCounts } },
  };
}

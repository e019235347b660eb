import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { RunStatus } from '#core/cluster/run-status.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { auditedRequests, countRequests } from '../test/cluster/bed/audit.ts';
import { buildDetached } from '../test/cluster/bed/build.ts';
import { containerMemory, type ContainerMemory } from '../test/cluster/bed/container.ts';
import { down } from '../test/cluster/bed/down.ts';
import { layDefaultMachines } from '../test/cluster/bed/machine.ts';
import { up } from '../test/cluster/bed/up.ts';
import { openApi, type ApiObject } from '../test/cluster/bed/api.ts';
import { until } from '../test/cluster/bed/until.ts';
import { startBedServices } from '../test/cluster/services.ts';
import { startKwokNodes } from '../test/cluster/real/kwok-nodes.ts';
import { h100Bodies, playAgents } from '../test/cluster/real/played-agents.ts';
import { artifactOf, readRecord } from '../test/cluster/real/record.ts';
import { Release, type Ground } from '../test/cluster/real/release.ts';
import { formatSpread, printFigure, spread } from './measure.ts';

const ROUNDS = 3;
const SCALE = 300;
const LOOK_MS = 50;
const RUN_MS = 180_000;
const CLUSTER_MAIN = join(import.meta.dirname, '..', 'test', 'cluster', 'main.ts');

/** Stages of a run, seconds after `helm install` was called. */
interface Stages {
  readonly installed: number;
  readonly firstRecord: number;
  readonly sealed: number;
  readonly published: number;
}

/** A release on the bed: time by stage, requests to the API server, memory in cgroups; then three hundred nodes that are played. */
export async function benchCluster(): Promise<void> {
  await buildDetached(CLUSTER_MAIN);
  const bed = await up();
  const api = openApi(bed.kubeconfig);
  const services = await startBedServices();
  const ground: Ground = { bed, api, services };
  try {
    layDefaultMachines();
    await benchThreeNodes(ground);
    await benchManyNodes(ground);
  } finally {
    await services.stop();
    api.close();
    await down();
  }
}

async function benchThreeNodes(ground: Ground): Promise<void> {
  const rounds: Stages[] = [];
  const peaks = new Map<string, number[]>();
  let requests: readonly (readonly [string, number])[] = [];
  // The first round pulls the images and counts for nothing.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const namespace = `bench-${round}`;
    const release = await Release.install(ground, namespace, { values: { collector: { phases: [] } } });
    const installed = sinceInstall(release);
    const memory = sampleMemory(release);
    const stages = { installed, ...(await watchStages(release)) };
    const peak = await memory.stop();
    requests = countRequests(auditedRequests(namespace));
    await release.uninstall();
    await release.untilGone();
    if (round === 0) continue;
    rounds.push(stages);
    for (const [name, { peakMiB }] of peak) peaks.set(name, [...(peaks.get(name) ?? []), peakMiB]);
  }
  const stage = (pick: (stages: Stages) => number): string => formatSpread(spread(rounds.map(pick)), 's');
  printFigure(
    'helm install',
    stage(({ installed }) => installed),
  );
  printFigure(
    '  until the first record',
    stage(({ firstRecord }) => firstRecord),
  );
  printFigure(
    '  until sealed',
    stage(({ sealed }) => sealed),
  );
  printFigure(
    '  until signed and pushed',
    stage(({ published }) => published),
    '<= 15 s',
  );
  const total = requests.reduce((sum, [, count]) => sum + count, 0);
  printFigure('requests of a run to the API server', String(total));
  for (const [what, count] of requests) printFigure(`  ${what}`, String(count));
  for (const [name, values] of peaks) printFigure(`peak memory in its cgroup, ${name}`, formatSpread(spread(values), 'MiB'));
}

function sinceInstall(release: Release): number {
  return (performance.now() - release.startedAt) / 1000;
}

async function watchStages(release: Release): Promise<Omit<Stages, 'installed'>> {
  const after = (look: (status: RunStatus) => boolean): Promise<number> =>
    until(
      `stage of ${release.namespace}`,
      async () => {
        const status = await release.status();
        return status !== undefined && look(status) ? sinceInstall(release) : undefined;
      },
      { withinMs: RUN_MS, everyMs: LOOK_MS, explain: () => release.explain() },
    );
  const { passed, failed, skipped, other } = { passed: 0, failed: 0, skipped: 0, other: 0 };
  const none = passed + failed + skipped + other;
  const firstRecord = await after(
    ({ checks, sealedAt }) => checks.passed + checks.failed + checks.skipped + checks.other > none || sealedAt !== undefined,
  );
  const sealed = await after(({ sealedAt }) => sealedAt !== undefined);
  const published = await after(({ state }) => state === 'published');
  return { firstRecord, sealed, published };
}

interface MemorySampler {
  readonly stop: () => Promise<ReadonlyMap<string, ContainerMemory>>;
}

/** Highest memory by container name over all pods of a release, looked at until it is stopped. */
function sampleMemory(release: Release): MemorySampler {
  const highest = new Map<string, ContainerMemory>();
  const over = new AbortController();
  const note = (pod: ApiObject, name: string): void => {
    try {
      const memory = containerMemory(pod, name, Number(String(pod.spec.nodeName).replace('node-', '')));
      if (memory !== undefined && memory.peakMiB > (highest.get(name)?.peakMiB ?? 0)) highest.set(name, memory);
    } catch {
      // Not started yet, or on a node that kwok plays.
    }
  };
  const loop = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const pods = [...(await release.pods('agent')), ...(await release.pods('collector'))];
      for (const pod of pods) for (const { name } of pod.spec.containers as readonly { name: string }[]) note(pod, name);
      await wait(LOOK_MS * 4);
    }
  };
  const looking = loop();
  return {
    stop: async () => {
      over.abort();
      await looking;
      return highest;
    },
  };
}

/** Real agents on three nodes, played ones on the others, all heard by a real collector in its pod. */
async function benchManyNodes(ground: Ground): Promise<void> {
  const { api } = ground;
  const bodies = await h100Bodies();
  const readyFrom = performance.now();
  const nodes = await startKwokNodes(api, SCALE);
  printFigure(`${SCALE} nodes of kwok ready`, seconds(readyFrom));
  const namespace = 'bench-many';
  const release = await Release.install(ground, namespace, { values: { collector: { deadline: '5m', stall: '2m' } } });
  try {
    const collector = await until(
      'collector to run',
      async () => (await release.pods('collector')).find(({ status }) => status.phase === 'Running'),
      {
        withinMs: RUN_MS,
        explain: () => release.explain(),
      },
    );
    const pods = await until('pods of the agents', async () => runningOn(release), { withinMs: RUN_MS, everyMs: 500 });
    const pin = (await api.get(release.path('configmaps', `${release.name}-agent`)))?.data?.['collector-key'] as Digest;
    const memory = sampleMemory(release);
    const played = await playAgents(pods, {
      api,
      namespace,
      serviceAccount: `${release.name}-agent`,
      audience: `assay.${namespace}.${release.name}`,
      address: { url: `wss://${String(collector.status.podIP)}:8443/v1/agent`, pin },
      bodies,
    });
    const status = await release.untilState(['published', 'failed'], RUN_MS);
    const published = sinceInstall(release);
    const peaks = await memory.stop();
    const record = await readRecord(artifactOf(status), ground.services, namespace);
    printFigure(`${played.agents} tokens bound to pods`, `${(played.tokensMs / 1000).toFixed(1)} s`);
    printFigure(`all agents heard, ${played.recordsPerAgent} records each`, `${(played.heardMs / 1000).toFixed(1)} s`);
    printFigure('nodes reported in the signed record', `${record.coverage.reported} of ${record.coverage.expected}`);
    printFigure('helm install until signed and pushed', `${published.toFixed(1)} s`);
    for (const [name, { peakMiB }] of peaks)
      if (name !== 'agent') printFigure(`peak memory in its cgroup, ${name}`, `${peakMiB.toFixed(0)} MiB`);
    printFigure('requests to the API server', String(auditedRequests(namespace).length));
  } finally {
    await release.uninstall();
    await nodes.stop();
  }
}

async function runningOn(release: Release): Promise<readonly ApiObject[] | undefined> {
  const pods = (await release.pods('agent')).filter(
    ({ spec, status }) => String(spec.nodeName).startsWith('fake-') && status.phase === 'Running',
  );
  return pods.length === SCALE ? pods : undefined;
}

function seconds(from: number): string {
  return `${((performance.now() - from) / 1000).toFixed(1)} s`;
}

await benchCluster();

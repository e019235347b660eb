import { expect } from 'vitest';
import { killContainer } from '../bed/container.ts';
import { layLeisurely } from '../bed/machine.ts';
import { setNodeLink } from '../bed/network.ts';
import { breakPulls, healPulls, restartKubelet } from '../bed/node.ts';
import { until } from '../bed/until.ts';
import { QUIET, sessionsOf, type Fault, type Scene } from './fault.ts';
import type { Ground } from './release.ts';

const SLOW_S = 3;
/** Long enough for another pod to start meanwhile. */
const LONG_S = 5;
const EVENT_MS = 60_000;

/** The collector is not on the node that something happens to. */
const ON_NODE_1 = { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } };

/** Nodes that reported, and the others with why they did not. */
function coverageOf(missing: Readonly<Record<string, string>>): unknown {
  const rows = Object.entries(missing).map(([node, reason]) => ({ node, reason }));
  return { expected: 3, reported: 3 - rows.length, missing: rows };
}

/** Waits until the agent of a node is in the phase that takes it seconds. */
async function midPhase({ release }: Scene, node: string): Promise<void> {
  await release.untilEvent({ event: 'phase-started', node, phase: 'performance' }, EVENT_MS);
}

async function untilReady({ api }: Ground, node: string): Promise<void> {
  await until(
    `${node} to be ready`,
    async () => {
      const conditions = ((await api.get(`/api/v1/nodes/${node}`))?.status.conditions ?? []) as readonly { type: string; status: string }[];
      return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
    },
    { withinMs: EVENT_MS },
  );
}

/** Faults of agents and of the nodes that they run on. */
export const NODE_FAULTS: readonly Fault[] = [
  {
    name: 'agent pod deleted mid-phase',
    prepare: () => layLeisurely(1, SLOW_S),
    strike: async (scene) => {
      await midPhase(scene, 'node-1');
      const agent = await scene.release.agentOn('node-1');
      await scene.api.remove(scene.release.path('pods', agent?.metadata.name ?? ''));
    },
    expect: ({ record }) => {
      expect(record?.coverage).toEqual(coverageOf({}));
      expect(record?.nodes['node-0001']).toMatch(/^reported: \d+ passed, 0 failed/);
      expect(sessionsOf(record)).toEqual({ ...QUIET, startedOver: 1 });
    },
  },
  {
    name: 'agent killed mid-phase (its journal stays)',
    prepare: () => layLeisurely(1, SLOW_S),
    strike: async (scene) => {
      await midPhase(scene, 'node-1');
      const agent = await scene.release.agentOn('node-1');
      expect(agent !== undefined && killContainer(agent, 'agent')).toBe(true);
    },
    expect: ({ record }) => {
      expect(record?.coverage).toEqual(coverageOf({}));
      expect(sessionsOf(record)).toEqual(QUIET);
    },
  },
  {
    name: 'node cut off for 30 s',
    prepare: () => layLeisurely(3, SLOW_S),
    install: () => ({ values: { collector: { ...ON_NODE_1, stall: '60s' } } }),
    strike: async (scene) => {
      await midPhase(scene, 'node-3');
      await setNodeLink(3, 'down');
      const downAt = Date.now();
      await until('30 s', async () => Date.now() - downAt > 30_000, { withinMs: 40_000 });
      await setNodeLink(3, 'up');
    },
    expect: ({ record }) => {
      expect(record?.coverage).toEqual(coverageOf({}));
      expect(sessionsOf(record)).toEqual(QUIET);
    },
    heal: (ground) => untilReady(ground, 'node-3'),
  },
  {
    name: 'node cut off for ever',
    prepare: () => layLeisurely(3, SLOW_S),
    // Long enough for two missed pings, and for the cluster to call the node not ready.
    install: () => ({ values: { collector: { ...ON_NODE_1, deadline: '90s' } } }),
    strike: async (scene) => {
      await midPhase(scene, 'node-3');
      await setNodeLink(3, 'down');
    },
    expect: ({ record }) => expect(record?.coverage).toEqual(coverageOf({ 'node-0003': 'not-ready' })),
    heal: async (ground) => {
      await setNodeLink(3, 'up');
      await untilReady(ground, 'node-3');
    },
  },
  {
    name: 'node removed from the cluster',
    prepare: () => layLeisurely(3, SLOW_S),
    install: () => ({ values: { collector: { ...ON_NODE_1, deadline: '45s' } } }),
    strike: async (scene) => {
      await midPhase(scene, 'node-3');
      await setNodeLink(3, 'down');
      await scene.api.remove('/api/v1/nodes/node-3');
    },
    expect: ({ record }) => expect(record?.coverage).toEqual(coverageOf({ 'node-0003': 'gone' })),
    heal: async (ground) => {
      await setNodeLink(3, 'up');
      await restartKubelet(3);
      await untilReady(ground, 'node-3');
    },
  },
  {
    name: 'image cannot be pulled on one node',
    prepare: () => breakPulls(2),
    install: () => ({ values: { images: { pullPolicy: 'Always' }, collector: { ...ON_NODE_1, deadline: '45s' } } }),
    strike: async () => undefined,
    expect: ({ record }) => expect(record?.coverage).toEqual(coverageOf({ 'node-0002': 'image-pull' })),
    heal: () => healPulls(2),
  },
  {
    name: 'node cordoned and tainted before the run',
    prepare: async ({ api }) => {
      await api.patch('/api/v1/nodes/node-3', { spec: { taints: [{ key: 'maintenance', value: 'true', effect: 'NoSchedule' }] } });
    },
    strike: async () => undefined,
    expect: ({ record }) => expect(record?.coverage).toEqual(coverageOf({ 'node-0003': 'tainted' })),
    heal: async ({ api }) => void (await api.patch('/api/v1/nodes/node-3', { spec: { taints: null } })),
  },
  {
    name: 'GPU node without a label that agents select',
    prepare: async ({ api }) => {
      await api.patch('/api/v1/nodes/node-3', { metadata: { labels: { 'nvidia.com/gpu.present': null } } });
    },
    strike: async () => undefined,
    expect: ({ record }) => expect(record?.coverage).toEqual(coverageOf({ 'node-0003': 'unlabelled' })),
    heal: async ({ api }) => void (await api.patch('/api/v1/nodes/node-3', { metadata: { labels: { 'nvidia.com/gpu.present': 'true' } } })),
  },
  {
    name: 'two agents for one node',
    prepare: () => layLeisurely(1, LONG_S),
    strike: async (scene) => {
      await midPhase(scene, 'node-1');
      const agent = await scene.release.agentOn('node-1');
      // With the labels of the others it would be adopted by the DaemonSet, and deleted.
      await scene.api.post(`/api/v1/namespaces/${scene.release.namespace}/pods`, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'second-agent' },
        spec: { ...agent?.spec, nodeName: 'node-1' },
      });
      await scene.release.untilEvent({ event: 'incident' }, EVENT_MS);
    },
    expect: ({ record }) => {
      expect(record?.coverage).toEqual(coverageOf({}));
      expect(sessionsOf(record)).toEqual({ ...QUIET, POD_SUPERSEDED: expect.any(Number) });
    },
  },
];

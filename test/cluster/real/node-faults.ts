import { expect } from 'vitest';
import { killContainer } from '../bed/container.ts';
import { hgxH100 } from '../../fixture/host/machines.ts';
import { layMachine, slowTool } from '../bed/machine.ts';
import { setNodeLink } from '../bed/network.ts';
import { breakPulls, healPulls, restartKubelet } from '../bed/node.ts';
import { until } from '../bed/until.ts';
import type { Fault, Scene } from './fault.ts';
import type { Ground } from './release.ts';

const SLOW_S = 3;
const EVENT_MS = 60_000;

/** Nodes that reported, and the others with why they did not. */
function coverageOf(missing: Readonly<Record<string, string>>): unknown {
  const rows = Object.entries(missing).map(([node, reason]) => ({ node, reason }));
  return { expected: 3, reported: 3 - rows.length, missing: rows };
}

/** Waits until the agent of a node is in the middle of its phase: it takes seconds, because the vendor's tool is slow. */
async function midPhase({ release }: Scene, node: string): Promise<void> {
  await release.untilEvent({ event: 'phase-started', node }, EVENT_MS);
}

/** A healthy machine whose vendor tool takes its time. */
function slowHealthy(index: number): void {
  layMachine(index, hgxH100());
  slowTool(index, 'nvidia-smi', SLOW_S);
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
    prepare: () => slowHealthy(1),
    strike: async (scene) => {
      await midPhase(scene, 'node-1');
      const agent = await scene.release.agentOn('node-1');
      await scene.api.remove(scene.release.path('pods', agent?.metadata.name ?? ''));
    },
    expect: ({ record }) => {
      expect(record?.coverage).toEqual(coverageOf({}));
      expect(record?.nodes['node-0001']).toMatch(/^reported: \d+ passed, 0 failed/);
    },
  },
  {
    name: 'agent killed mid-phase (its journal stays)',
    prepare: () => slowHealthy(1),
    strike: async (scene) => {
      await midPhase(scene, 'node-1');
      const agent = await scene.release.agentOn('node-1');
      expect(agent !== undefined && killContainer(agent, 'agent')).toBe(true);
    },
    expect: ({ record }) => expect(record?.coverage).toEqual(coverageOf({})),
  },
  {
    name: 'node cut off for 30 s',
    prepare: () => slowHealthy(3),
    install: () => ({ values: { collector: { nodeSelector: { 'kubernetes.io/hostname': 'node-1' }, stall: '60s' } } }),
    strike: async (scene) => {
      await midPhase(scene, 'node-3');
      await setNodeLink(3, 'down');
      const downAt = Date.now();
      await until('30 s', async () => Date.now() - downAt > 30_000, { withinMs: 40_000 });
      await setNodeLink(3, 'up');
    },
    expect: ({ record }) => expect(record?.coverage).toEqual(coverageOf({})),
    heal: (ground) => untilReady(ground, 'node-3'),
  },
  {
    name: 'node cut off for ever',
    prepare: () => slowHealthy(3),
    install: () => ({ values: { collector: { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } } } }),
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
    prepare: () => slowHealthy(3),
    install: () => ({ values: { collector: { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } } } }),
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
    install: () => ({ values: { images: { pullPolicy: 'Always' }, collector: { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } } } }),
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
    prepare: () => slowHealthy(1),
    strike: async (scene) => {
      await midPhase(scene, 'node-1');
      const agent = await scene.release.agentOn('node-1');
      const { nodeName: _, ...spec } = agent?.spec ?? {};
      const labels = { ...agent?.metadata.labels };
      delete labels['controller-revision-hash'];
      await scene.api.post(`/api/v1/namespaces/${scene.release.namespace}/pods`, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'second-agent', labels: { ...labels, 'pod-template-generation': 'none' } },
        spec: { ...spec, nodeName: 'node-1' },
      });
    },
    expect: ({ record }) => {
      expect(record?.coverage).toEqual(coverageOf({}));
      expect(record?.tests.filter(({ name }) => name === 'agent-sessions').map(({ suite }) => suite)).toEqual([['deployment']]);
    },
  },
];

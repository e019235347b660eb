import { expect } from 'vitest';
import { killContainer } from '../bed/container.ts';
import { slowTool } from '../bed/machine.ts';
import { until } from '../bed/until.ts';
import { hostOf, REGISTRY_LOGIN } from '../services.ts';
import type { Aftermath, Fault, Scene } from './fault.ts';

const SLOW_S = 3;
const EVENT_MS = 60_000;
const ALL = { expected: 3, reported: 3, missing: [] };

async function collectorPod({ release }: Scene) {
  return until('a collector', async () => (await release.pods('collector')).find(({ status }) => status.phase === 'Running'), {
    withinMs: EVENT_MS,
  });
}

function expectWhole({ record }: Aftermath): void {
  expect(record?.coverage).toEqual(ALL);
}

const LOGIN = Buffer.from(`${REGISTRY_LOGIN.username}:${REGISTRY_LOGIN.password}`).toString('base64');

/** Faults of the collector, of the services that it signs and pushes with, and of the release itself. */
export const RUN_FAULTS: readonly Fault[] = [
  {
    name: 'collector killed mid-phase',
    prepare: () => slowTool(1, 'nvidia-smi', SLOW_S),
    strike: async (scene) => {
      await scene.release.untilEvent({ event: 'phase-started', node: 'node-1' }, EVENT_MS);
      expect(killContainer(await collectorPod(scene), 'collect')).toBe(true);
    },
    expect: expectWhole,
  },
  {
    name: "collector's volume lost after some nodes had finished",
    prepare: () => slowTool(1, 'nvidia-smi', SLOW_S),
    strike: async (scene) => {
      await scene.release.untilEvent({ event: 'node-finished', node: 'node-3' }, EVENT_MS);
      const pod = await collectorPod(scene);
      await scene.api.remove(scene.release.path('pods', pod.metadata.name), { gracePeriodSeconds: 0 });
    },
    expect: expectWhole,
  },
  {
    name: 'Fulcio down, then back',
    prepare: ({ services }) => services.fulcio.setFault(() => ({ kind: 'answer', status: 503 })),
    strike: async ({ release, services }) => {
      const { reason } = await release.untilState(['pending'], EVENT_MS);
      expect(reason).toMatch(/^[A-Z_]+: /);
      services.heal();
    },
    expect: expectWhole,
  },
  {
    name: 'Rekor down, then back',
    prepare: ({ services }) => services.rekor.setFault(() => ({ kind: 'cut' })),
    strike: async ({ release, services }) => {
      await release.untilState(['pending'], EVENT_MS);
      services.heal();
    },
    expect: expectWhole,
  },
  {
    name: 'Fulcio down for good',
    prepare: ({ services }) => services.fulcio.setFault(() => ({ kind: 'cut' })),
    install: () => ({ values: { sigstore: { retryFor: '5s' } } }),
    strike: async () => undefined,
    ends: ['pending'],
    expect: ({ status, record }) => {
      expect(record).toBeUndefined();
      expect(status.nodes).toMatchObject({ expected: 3, finished: 3 });
    },
  },
  {
    name: 'registry 503, then back',
    prepare: ({ services }) => services.registry.setFault(() => ({ kind: 'answer', status: 503 })),
    strike: async ({ release, services }) => {
      await release.untilState(['signed', 'pending'], EVENT_MS);
      services.heal();
    },
    expect: expectWhole,
  },
  {
    name: 'registry 401',
    install: ({ services }) => ({ values: { registry: { repository: `${hostOf(services.privateRegistry)}/evidence/runs` } } }),
    strike: async () => undefined,
    ends: ['signed', 'pending'],
    expect: ({ status, record }) => {
      expect(record).toBeUndefined();
      expect(status.reason).toMatch(/^REGISTRY_REFUSED: /);
    },
  },
  {
    name: 'registry asks for a login that the release has',
    install: ({ api, services }) => ({
      values: { registry: { repository: `${hostOf(services.privateRegistry)}/evidence/runs`, secretName: 'login' } },
      before: async (namespace) => {
        const config = JSON.stringify({ auths: { [hostOf(services.privateRegistry)]: { auth: LOGIN } } });
        await api.post(`/api/v1/namespaces/${namespace}/secrets`, {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'login' },
          type: 'kubernetes.io/dockerconfigjson',
          stringData: { '.dockerconfigjson': config },
        });
      },
    }),
    strike: async () => undefined,
    expect: expectWhole,
  },
  {
    name: 'identity token for another audience',
    install: () => ({ values: { sigstore: { audience: 'somebody-else' } } }),
    strike: async () => undefined,
    ends: ['pending'],
    expect: ({ status, record }) => {
      expect(record).toBeUndefined();
      expect(status.reason).toMatch(/audience/);
    },
  },
  {
    name: "agents' tokens for another audience",
    install: () => ({
      values: { agent: { tokenAudience: 'right' }, collector: { extraEnv: [{ name: 'ASSAY_TOKEN_AUDIENCE', value: 'other' }] } },
    }),
    strike: async () => undefined,
    expect: ({ record }) => {
      expect(record?.coverage.reported).toBe(0);
      expect(record?.coverage.missing.map(({ reason }) => reason)).toEqual(['never-connected', 'never-connected', 'never-connected']);
    },
  },
  {
    name: 'run started twice',
    prepare: () => slowTool(1, 'nvidia-smi', SLOW_S),
    strike: async (scene) => {
      await scene.release.untilEvent({ event: 'phase-started', node: 'node-1' }, EVENT_MS);
      const [job] = await scene.release.jobs();
      const { selector: _, template, ...rest } = job?.spec ?? {};
      const { labels, ...metadata } = template.metadata;
      const own = Object.fromEntries(
        Object.entries(labels as Record<string, string>).filter(([key]) => !key.includes('controller-uid') && !key.includes('job-name')),
      );
      await scene.api.post(`/apis/batch/v1/namespaces/${scene.release.namespace}/jobs`, {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: 'again', labels: own },
        spec: { ...rest, template: { ...template, metadata: { ...metadata, labels: own } } },
      });
    },
    expect: expectWhole,
  },
];

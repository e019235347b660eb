import { expect } from 'vitest';
import { killContainer } from '../bed/container.ts';
import { layLeisurely } from '../bed/machine.ts';
import { until } from '../bed/until.ts';
import { hostOf, loginConfig } from '../services.ts';
import { QUIET, sessionsOf, type Aftermath, type Fault, type Scene } from './fault.ts';

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
  expect(sessionsOf(record)).toEqual(QUIET);
}

/** Everything is there, because the agents sent again what the collector had lost. */
function expectRefilled({ record }: Aftermath): void {
  expect(record?.coverage).toEqual(ALL);
  expect(sessionsOf(record)).toEqual({ ...QUIET, refilled: true });
}

const GIVEN_BY_CONTROLLER = /controller-uid|job-name/;

/** Starts a Job with the spec of another one. */
async function startJob({ api, release }: Scene, name: string, spec: any): Promise<void> {
  const given: Record<string, string> = spec.template.metadata.labels;
  const labels = Object.fromEntries(Object.entries(given).filter(([key]) => !GIVEN_BY_CONTROLLER.test(key)));
  const template = { ...spec.template, metadata: { ...spec.template.metadata, labels } };
  const body = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, labels }, spec: { ...spec, template } };
  await api.post(`/apis/batch/v1/namespaces/${release.namespace}/jobs`, body);
}

function scheduleOf({ release }: Scene): string {
  return `/apis/batch/v1/namespaces/${release.namespace}/cronjobs/${release.name}-recert`;
}

/** Has all agents start over with a token for another audience. */
async function projectForSomebodyElse({ api, release }: Scene): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${release.namespace}/daemonsets/${release.name}-agent`;
  const volumes: any[] = structuredClone((await api.get(path))?.spec.template.spec.volumes);
  for (const { projected } of volumes)
    for (const { serviceAccountToken } of projected?.sources ?? [])
      if (serviceAccountToken !== undefined) serviceAccountToken.audience = 'somebody-else';
  const { metadata } = await api.patch(path, { spec: { template: { spec: { volumes } } } });
  await until(
    'agents to have started over',
    async () => {
      const agents = await api.get(path);
      const { status } = agents ?? {};
      return (
        status?.observedGeneration >= Number((metadata as any).generation) &&
        status?.updatedNumberScheduled === 3 &&
        status?.numberReady === 3
      );
    },
    { withinMs: EVENT_MS },
  );
}

/** Faults of the collector, of the services that it signs and pushes with, and of the release itself. */
export const RUN_FAULTS: readonly Fault[] = [
  {
    name: 'collector killed mid-phase',
    prepare: () => layLeisurely(1, SLOW_S),
    strike: async (scene) => {
      await scene.release.untilEvent({ event: 'phase-started', node: 'node-1', phase: 'performance' }, EVENT_MS);
      expect(killContainer(await collectorPod(scene), 'collect')).toBe(true);
    },
    expect: expectRefilled,
  },
  {
    name: "collector's volume lost after some nodes had finished",
    prepare: () => layLeisurely(1, SLOW_S),
    strike: async (scene) => {
      await scene.release.untilEvent({ event: 'node-finished', node: 'node-3' }, EVENT_MS);
      const pod = await collectorPod(scene);
      await scene.api.remove(scene.release.path('pods', pod.metadata.name), { gracePeriodSeconds: 0 });
    },
    expect: expectRefilled,
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
    name: "collector's pod and volume lost after the seal, before the signature",
    prepare: ({ services }) => services.fulcio.setFault(() => ({ kind: 'answer', status: 503 })),
    strike: async (scene) => {
      await scene.release.untilState(['pending'], EVENT_MS);
      const pod = await collectorPod(scene);
      await scene.api.remove(scene.release.path('pods', pod.metadata.name), { gracePeriodSeconds: 0 });
      scene.services.heal();
      await until('the pod to be gone', async () => (await scene.api.get(scene.release.path('pods', pod.metadata.name))) === undefined, {
        withinMs: EVENT_MS,
      });
    },
    // The agents had let go of their journals: they measure once more, for the same run.
    ends: ['published', 'failed'],
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
      expect(status.reason).toMatch(/^REGISTRY_UNAUTHORIZED: /);
    },
  },
  {
    name: 'registry asks for a login that the release has',
    install: ({ api, services }) => ({
      values: { registry: { repository: `${hostOf(services.privateRegistry)}/evidence/runs`, secretName: 'login' } },
      before: async (namespace) => {
        await api.post(`/api/v1/namespaces/${namespace}/secrets`, {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'login' },
          type: 'kubernetes.io/dockerconfigjson',
          stringData: { '.dockerconfigjson': loginConfig(services) },
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
      expect(status.reason).toMatch(/^IDENTITY_TOKEN_AUDIENCE: /);
    },
  },
  {
    name: "agents' tokens for another audience",
    // Agents first, with tokens for somebody else; then a run, which nobody but the schedule has asked for yet.
    install: () => ({ values: { runNow: false, schedule: '0 0 1 1 *', collector: { deadline: '30s' } } }),
    strike: async (scene) => {
      await projectForSomebodyElse(scene);
      await startJob(scene, 'by-hand', (await scene.api.get(scheduleOf(scene)))?.spec.jobTemplate.spec);
    },
    expect: ({ record }) => {
      expect(record?.coverage.reported).toBe(0);
      expect(record?.coverage.missing.map(({ reason }) => reason)).toEqual(['never-connected', 'never-connected', 'never-connected']);
      expect(sessionsOf(record)).toEqual({ ...QUIET, CREDENTIAL_AUDIENCE: expect.any(Number) });
    },
  },
  {
    name: 'run started twice',
    prepare: () => layLeisurely(1, SLOW_S),
    strike: async (scene) => {
      await scene.release.untilEvent({ event: 'phase-started', node: 'node-1', phase: 'performance' }, EVENT_MS);
      const [job] = await scene.release.jobs();
      const { selector: _, ...spec } = job?.spec ?? {};
      await startJob(scene, 'again', spec);
    },
    expect: expectWhole,
  },
];

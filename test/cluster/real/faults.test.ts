import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBed, skipBed, WHY_SKIPPED } from '../bed.ts';
import { layLeisurely } from '../bed/machine.ts';
import { until } from '../bed/until.ts';
import { startBedServices } from '../services.ts';
import { playFault } from './fault.ts';
import { NODE_FAULTS } from './node-faults.ts';
import { Release, type Ground } from './release.ts';
import { RUN_FAULTS } from './run-faults.ts';

const FAULT_MS = 300_000;
const EVENT_MS = 60_000;

describe.skipIf(skipBed)(`faults of a run in a cluster ${WHY_SKIPPED}`, () => {
  let ground: Ground;
  const table: [string, string][] = [];

  beforeAll(async () => {
    ground = { ...openBed(), services: await startBedServices() };
  });

  afterAll(async () => {
    for (const [fault, says] of table) process.stdout.write(`FAULT  ${fault}\n       ${says}\n`);
    await ground?.services.stop();
    ground?.api.close();
  });

  it.each([...NODE_FAULTS, ...RUN_FAULTS].map((fault, index) => [fault.name, fault, index] as const))(
    '%s',
    async (name, fault, index) => {
      table.push([name, await playFault(fault, ground, `fault-${index + 1}`)]);
    },
    FAULT_MS,
  );

  it(
    'helm uninstall mid-run leaves nothing of the release, in the cluster or in its namespace',
    async () => {
      const before = await clusterScoped(ground);
      layLeisurely(1, 5);
      const release = await Release.install(ground, 'fault-uninstall');
      await release.untilEvent({ event: 'phase-started', node: 'node-1', phase: 'performance' }, EVENT_MS);
      expect((await clusterScoped(ground)).length).toBeGreaterThan(before.length);
      await release.uninstallOnly();
      await until(
        'its pods to be gone',
        async () => (await release.pods('agent')).length + (await release.pods('collector')).length === 0,
        { withinMs: EVENT_MS },
      );
      const left = await namespaced(ground, release.namespace);
      expect({ clusterScoped: await clusterScoped(ground), left }).toEqual({ clusterScoped: before, left: [] });
      table.push([
        'helm uninstall mid-run',
        `no record; nothing cluster-scoped stays; left in the namespace: ${left.join(', ') || 'nothing'}`,
      ]);
      await release.uninstall();
    },
    FAULT_MS,
  );
});

/** Names of all cluster-scoped objects that a release could leave. */
async function clusterScoped({ api }: Ground): Promise<readonly string[]> {
  const lists = [
    '/apis/rbac.authorization.k8s.io/v1/clusterroles',
    '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
    '/api/v1/persistentvolumes',
    '/api/v1/namespaces',
    '/apis/scheduling.k8s.io/v1/priorityclasses',
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
  ];
  const names = await Promise.all(lists.map(async (path) => (await api.list(path)).map(({ metadata }) => `${path} ${metadata.name}`)));
  return names
    .flat()
    .filter((name) => !name.includes('fault-'))
    .concat(names.flat().filter((name) => name.includes('clusterrole') && name.includes('fault-')));
}

/** What a namespace has besides what every namespace gets. */
async function namespaced({ api }: Ground, namespace: string): Promise<readonly string[]> {
  const lists = ['configmaps', 'secrets', 'services', 'serviceaccounts', 'pods', 'persistentvolumeclaims'].map(
    (resource) => `/api/v1/namespaces/${namespace}/${resource}`,
  );
  const groups = [
    'apps/v1/namespaces/NS/daemonsets',
    'batch/v1/namespaces/NS/jobs',
    'batch/v1/namespaces/NS/cronjobs',
    'coordination.k8s.io/v1/namespaces/NS/leases',
    'rbac.authorization.k8s.io/v1/namespaces/NS/roles',
    'networking.k8s.io/v1/namespaces/NS/networkpolicies',
  ];
  const paths = [...lists, ...groups.map((path) => `/apis/${path.replace('NS', namespace)}`)];
  const names = await Promise.all(
    paths.map(async (path) => (await api.list(path)).map(({ metadata }) => `${path.replace(/.*\//, '')} ${metadata.name}`)),
  );
  return names.flat().filter((name) => !['configmaps kube-root-ca.crt', 'serviceaccounts default'].includes(name));
}

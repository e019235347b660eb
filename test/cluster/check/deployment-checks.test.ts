import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ComponentRef } from '#core/recipe/document.ts';
import { readClusterFacts } from '#core/cluster/facts/read-cluster-facts.ts';
import { component, recipeOf, resultOf, verdictOf } from '../../fixture/cluster/check-run.ts';
import { BRISK, RealCluster, simulatedNode, workload } from '../../fixture/cluster/real-cluster.ts';
import { object } from '../../fixture/cluster/workload-objects.ts';
import { until } from '../bed/until.ts';

const kubeconfig = process.env['ASSAY_TEST_KUBECONFIG'] ?? '';
const NAMESPACE = 'gpu-operator';
const COUNTED = { 'nvidia.com/gpu.present': 'true', 'nvidia.com/gpu.count': '8' };
const EIGHT = { 'nvidia.com/gpu': '8' };
const OPERATOR: ComponentRef = component('gpu-operator', {
  healthCheckAsserts: readFileSync('recipes/checks/gpu-operator/health-check.yaml', 'utf8'),
});
const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: NAMESPACE, name: 'gpu-operator' } as const;

describe.skipIf(kubeconfig === '')(
  'deployment checks against a real API server (skipped without ASSAY_TEST_KUBECONFIG: npm run test:cluster)',
  { timeout: 120_000 },
  () => {
    let real: RealCluster;

    beforeAll(async () => {
      real = await RealCluster.open(kubeconfig);
      await real.make(
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
        simulatedNode('check-a', {
          labels: { ...COUNTED, 'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3' },
          resources: EIGHT,
          providerID: 'aws:///zone-a/i-0',
        }),
        simulatedNode('check-b', { labels: COUNTED, resources: EIGHT }),
        workload('Deployment', 'gpu-operator/gpu-operator', { labels: { 'app.kubernetes.io/version': 'v25.10.0' } }),
        object('nvidia.com/v1', 'ClusterPolicy', 'cluster-policy', { state: 'ready' }),
      );
      await real.workloadReady(DEPLOYMENT, 1);
    }, 120_000);

    afterAll(() => real.close());

    const say = (check: string, components: readonly ComponentRef[] = [OPERATOR], more: object = {}): Promise<string> =>
      verdictOf(check, 'deployment', { on: real.cluster, timing: BRISK, recipe: recipeOf(components), ...more });

    it('operator-health passes while a pod is ready, and fails when there is none', async () => {
      expect(await say('operator-health')).toBe('passed: 1 pods of the GPU operator are ready');
      expect(await say('operator-health', [component('gpu-operator', { namespace: 'default' })])).toContain(
        'failed: no pod of the GPU operator is in namespace default',
      );
    });

    it.each([
      ['>= v24.6.0', 'passed: the GPU operator is v25.10.0'],
      ['>= v26.3.0', 'failed: the GPU operator is v25.10.0, the recipe asks for >= v26.3.0'],
    ])('gpu-operator-version with %s', async (value, message) => {
      const recipe = recipeOf([], { deployment: { constraints: [{ name: 'Deployment.gpu-operator.version', value }] } });
      expect(await say('gpu-operator-version', [], { recipe })).toContain(message);
    });

    describe('expected-resources', () => {
      it('passes with the health check of our own catalog', async () => {
        expect(await say('expected-resources')).toBe(
          'passed: 1 components are there: 0 expected resources, 1 health checks with 8 conditions',
        );
      });

      it('fails while a pod is stuck, and names the condition', async () => {
        await real.make({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'stuck', namespace: NAMESPACE },
          spec: { nodeSelector: { no: 'where' }, containers: [{ name: 'c', image: 'made-up' }] },
        });
        expect(await say('expected-resources')).toContain(
          'failed: gpu-operator: no-pod-is-stuck, must not be Pod gpu-operator: Pod stuck matches',
        );
        await real.drop({ apiVersion: 'v1', kind: 'Pod', namespace: NAMESPACE, name: 'stuck' });
      });

      it('fails while the policy is not ready', async () => {
        const policy = { apiVersion: 'nvidia.com/v1', kind: 'ClusterPolicy', name: 'cluster-policy' };
        await real.cluster.patch(policy, { status: { state: 'notReady' } });
        expect(await say('expected-resources')).toContain(
          'cluster-policy-is-ready, expected ClusterPolicy cluster-policy: status.state is notReady, expected ready',
        );
        await real.cluster.patch(policy, { status: { state: 'ready' } });
      });

      it('fails early for a kind that the cluster does not know', async () => {
        const amd = component('amd-gpu-operator', {
          namespace: NAMESPACE,
          healthCheckAsserts: readFileSync('recipes/checks/amd-gpu-operator/health-check.yaml', 'utf8'),
        });
        expect(await say('expected-resources', [amd])).toContain(
          'failed: amd-gpu-operator: api-is-served, expected CustomResourceDefinition deviceconfigs.amd.com: there is no such object',
        );
      });

      it('looks at what the recipe expects: real workloads, ready and not', async () => {
        const expecting = (kind: string, name: string): ComponentRef =>
          component('part', { namespace: NAMESPACE, expectedResources: [{ kind, name }] });
        await real.make(workload('DaemonSet', 'gpu-operator/everywhere'), workload('DaemonSet', 'gpu-operator/nowhere', { nowhere: true }));
        await real.workloadReady({ apiVersion: 'apps/v1', kind: 'DaemonSet', namespace: NAMESPACE, name: 'everywhere' }, 2);
        await real.workloadReady({ apiVersion: 'apps/v1', kind: 'DaemonSet', namespace: NAMESPACE, name: 'nowhere' }, 0);
        expect(await say('expected-resources', [expecting('Deployment', 'gpu-operator')])).toContain('passed');
        expect(await say('expected-resources', [expecting('DaemonSet', 'everywhere')])).toContain('passed');
        expect(await say('expected-resources', [expecting('DaemonSet', 'nowhere')])).toContain(
          'failed: part: DaemonSet gpu-operator/nowhere wants 0 pods: no node matches it',
        );
        expect(await say('expected-resources', [expecting('StatefulSet', 'none')])).toContain(
          'failed: part: StatefulSet gpu-operator/none does not exist',
        );
        expect(await say('expected-resources', [component('part', { namespace: 'there-is-none' })])).toContain(
          'failed: namespace there-is-none does not exist',
        );
      });

      it('waits for Skyhook objects to be and stay complete', async () => {
        const nodewright = component('nodewright-customizations', { namespace: NAMESPACE, manifestFiles: ['m.yaml'] });
        const files = { text: () => 'kind: Skyhook\nmetadata:\n  name: check-tuning\n' };
        await real.make(object('skyhook.nvidia.com/v1alpha1', 'Skyhook', 'check-tuning', { status: 'in_progress' }));
        expect(await say('expected-resources', [nodewright], { files })).toContain(
          'failed: Skyhook check-tuning is in_progress, not complete',
        );
        await real.cluster.patch(
          { apiVersion: 'skyhook.nvidia.com/v1alpha1', kind: 'Skyhook', name: 'check-tuning' },
          { status: { status: 'complete' } },
        );
        expect(await say('expected-resources', [nodewright], { files })).toContain('passed');
      });
    });

    describe('gpu-capacity', () => {
      const setStatus = (name: string, part: object): Promise<unknown> => real.api.patch(`/api/v1/nodes/${name}/status`, { status: part });

      it('passes when nodes advertise what their labels say', async () => {
        await until(
          'nodes ready',
          async () => (await say('gpu-capacity')) === 'passed: 16 GPUs of 2 nodes can be asked for, as many as the nodes have',
          { withinMs: 30_000 },
        );
      });

      it('fails with an unhealthy device, with a missing one, and without a device plug-in', async () => {
        await setStatus('check-b', { allocatable: { 'nvidia.com/gpu': '7' } });
        expect(await say('gpu-capacity')).toContain('failed: node check-b has 1 of 8 devices that its device plug-in calls unhealthy');
        await setStatus('check-b', { capacity: { 'nvidia.com/gpu': '7' } });
        expect(await say('gpu-capacity')).toContain('failed: node check-b advertises 7 nvidia.com/gpu, its labels say 8');
        await setStatus('check-b', { capacity: { 'nvidia.com/gpu': null }, allocatable: { 'nvidia.com/gpu': null } });
        expect(await say('gpu-capacity')).toContain('failed: node check-b has the labels of a GPU node and advertises none');
      });

      it('passes when a DRA driver advertises them instead', async () => {
        const devices = Array.from({ length: 8 }, (_, index) => ({ name: `gpu-${index}`, attributes: { type: { string: 'gpu' } } }));
        const spec = {
          driver: 'gpu.nvidia.com',
          nodeName: 'check-b',
          pool: { name: 'check-b', generation: 1, resourceSliceCount: 1 },
          devices,
        };
        await real.make({ apiVersion: 'resource.k8s.io/v1', kind: 'ResourceSlice', metadata: { name: 'check-b-gpus' }, spec });
        expect(await say('gpu-capacity')).toBe('passed: 16 GPUs of 2 nodes can be asked for, as many as the nodes have');
        await setStatus('check-b', { capacity: EIGHT, allocatable: EIGHT });
      });
    });

    it('image-digests compares what runs with what is pinned', async () => {
      const [A, B] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`];
      const [pod] = (await real.cluster.list({ apiVersion: 'v1', kind: 'Pod', namespace: NAMESPACE, labels: 'app=gpu-operator' })) ?? [];
      const name = pod?.metadata.name ?? '';
      const status = {
        name: 'c',
        image: 'registry.example/made-up:1',
        imageID: `registry.example/made-up@${A}`,
        ready: true,
        restartCount: 0,
        state: { running: {} },
      };
      await real.api.patch(`/api/v1/namespaces/${NAMESPACE}/pods/${name}/status`, { status: { containerStatuses: [status] } });
      const files = (digest: string) => ({
        text: (path: string) =>
          path === 'images.yaml'
            ? `components: [{component: c, images: [{image: "registry.example/made-up:1", digest: "${digest}"}]}]`
            : undefined,
      });
      expect(await say('image-digests', [OPERATOR], { files: files(A) })).toContain(
        'passed: 1 running images have the content that is pinned',
      );
      expect(await say('image-digests', [OPERATOR], { files: files(B) })).toContain(
        `failed: registry.example/made-up:1 runs as ${A}, pinned is ${B}`,
      );
      expect(await say('image-digests')).toContain('skipped: none of');
    });

    it('check-nvidia-smi and check-amd-smi are skipped with what they would need', async () => {
      const { status, extra } = await resultOf('check-nvidia-smi', 'deployment', { on: real.cluster, timing: BRISK });
      expect([status, extra?.['missing']]).toEqual(['skipped', 'active-checks']);
      expect(await say('check-amd-smi')).toBe('skipped: no node has GPUs of amd');
    });

    it('facts of the cluster are read from it', async () => {
      const facts = await readClusterFacts(real.cluster);
      const values = Object.fromEntries(
        facts.map(({ subtype, key, reading }) => [`${subtype}.${key}`, reading.state === 'read' ? reading.value : reading.state]),
      );
      const version = JSON.parse(await real.api.text('/version')) as { gitVersion: string };
      expect(values).toMatchObject({
        'server.version': version.gitVersion,
        'node.source-node': 'check-a',
        'node.provider': 'eks',
        'label.nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3|check-a',
        'image.made-up': '1',
        'pod.all': true,
      });
      expect(values['summary.node-count']).toBe((await real.api.list('/api/v1/nodes')).length);
      expect(facts.filter(({ reading }) => reading.state === 'unreadable')).toEqual([]);
    });
  },
);

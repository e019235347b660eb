import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Recipe } from '#core/recipe/document.ts';
import { component, recipeOf, resultOf, verdictOf } from '../../fixture/cluster/check-run.ts';
import { BRISK, RealCluster, simulatedNode, workload } from '../../fixture/cluster/real-cluster.ts';
import { conditionOf } from '#core/cluster/object-value.ts';
import { until } from '../bed/until.ts';
import { object } from '../../fixture/cluster/workload-objects.ts';

const kubeconfig = process.env['ASSAY_TEST_KUBECONFIG'] ?? '';
const NAMESPACE = 'check-conformance';
const GATEWAY = 'gateway.networking.k8s.io/v1';

/** An address of this machine that an API server may proxy to: it refuses loopback. */
function ownAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal)?.address;
}

describe.skipIf(kubeconfig === '')(
  'conformance checks against a real API server (skipped without ASSAY_TEST_KUBECONFIG: npm run test:cluster)',
  { timeout: 120_000 },
  () => {
    let real: RealCluster;

    beforeAll(async () => {
      real = await RealCluster.open(kubeconfig);
      await real.make(
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
        simulatedNode('conform-a', { labels: { 'nvidia.com/gpu.present': 'true' }, resources: { 'nvidia.com/gpu': '8' } }),
        simulatedNode('conform-b', {
          labels: { 'nvidia.com/gpu.present': 'true', 'eks.amazonaws.com/nodegroup': 'gpus' },
          resources: { 'nvidia.com/gpu': '8' },
        }),
      );
    }, 120_000);

    afterAll(() => real.close());

    const say = (check: string, recipe: Recipe = recipeOf(), more: object = {}): Promise<string> =>
      verdictOf(check, 'conformance', { on: real.cluster, timing: BRISK, recipe, ...more });
    const here = (name: string): ReturnType<typeof component> => component(name, { namespace: NAMESPACE });
    const ready = (kind: 'Deployment' | 'DaemonSet', name: string, count: number): Promise<void> =>
      real.workloadReady({ apiVersion: 'apps/v1', kind, namespace: NAMESPACE, name }, count);

    it('platform-health', async () => {
      expect(await say('platform-health', recipeOf([here('a')]))).toContain('passed: the namespaces of 1 components are active');
      expect(await say('platform-health', recipeOf([component('a', { namespace: 'there-is-none' })]))).toContain(
        'failed: namespace there-is-none does not exist',
      );
    });

    it('gpu-operator-health sees a policy, a Deployment, and an exporter that is missing on a node', async () => {
      const recipe = recipeOf([here('gpu-operator')]);
      await real.make(
        workload('Deployment', `${NAMESPACE}/gpu-operator`),
        workload('DaemonSet', `${NAMESPACE}/nvidia-dcgm-exporter`),
        object('nvidia.com/v1', 'ClusterPolicy', 'cluster-policy', { state: 'ready' }),
      );
      await ready('Deployment', 'gpu-operator', 1);
      await ready('DaemonSet', 'nvidia-dcgm-exporter', 2);
      expect(await say('gpu-operator-health', recipe)).toBe(
        'passed: the GPU operator is available, its policy is ready, 2 metrics exporters are ready',
      );
      await real.cluster.patch(
        { apiVersion: 'nvidia.com/v1', kind: 'ClusterPolicy', name: 'cluster-policy' },
        { status: { state: 'notReady' } },
      );
      expect(await say('gpu-operator-health', recipe)).toContain('failed: ClusterPolicy cluster-policy is notReady');
      await real.cluster.patch(
        { apiVersion: 'nvidia.com/v1', kind: 'ClusterPolicy', name: 'cluster-policy' },
        { status: { state: 'ready' } },
      );
      expect(await say('gpu-operator-health', recipeOf([component('gpu-operator', { namespace: 'default' })]))).toContain(
        'failed: DaemonSet default/nvidia-dcgm-exporter does not exist',
      );
    });

    describe('dra-support', () => {
      const recipe = recipeOf([here('nvidia-dra-driver-gpu')]);
      const slice = { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceSlice', metadata: { name: 'conform-a-domain' } };
      const spec = {
        driver: 'compute-domain.nvidia.com',
        nodeName: 'conform-a',
        pool: { name: 'conform-a', generation: 1, resourceSliceCount: 1 },
        devices: [{ name: 'channel-0' }],
      };

      it('passes with driver and devices, fails without either', async () => {
        expect(await say('dra-support', recipe)).toContain(
          'failed: DaemonSet check-conformance/nvidia-dra-driver-gpu-kubelet-plugin does not exist',
        );
        await real.make(
          workload('Deployment', `${NAMESPACE}/nvidia-dra-driver-gpu-controller`),
          workload('DaemonSet', `${NAMESPACE}/nvidia-dra-driver-gpu-kubelet-plugin`),
        );
        await ready('Deployment', 'nvidia-dra-driver-gpu-controller', 1);
        await ready('DaemonSet', 'nvidia-dra-driver-gpu-kubelet-plugin', 2);
        const domainDevices = async (): Promise<string> => say('dra-support', recipe);
        expect(await domainDevices()).toMatch(/failed: no driver of nvidia.com advertises a usable device/);
        await real.make({ ...slice, spec });
        expect(await domainDevices()).toBe('passed: the DRA driver is up on 2 nodes and advertises 1 usable devices');
        await real.cluster.patch(
          { ...slice, name: slice.metadata.name },
          { spec: { ...spec, pool: { ...spec.pool, generation: 2, resourceSliceCount: 2 } } },
        );
        expect(await domainDevices()).toContain('(0 devices, 1 incomplete pools)');
      });

      it('is skipped where the recipe hands out GPUs by claims and nothing may be tried', async () => {
        await real.cluster.patch({ ...slice, name: slice.metadata.name }, { spec: { ...spec, pool: { ...spec.pool, generation: 3 } } });
        const claims = recipeOf([
          component('nvidia-dra-driver-gpu', { namespace: NAMESPACE, overrides: { resources: { gpus: { enabled: true } } } }),
        ]);
        expect(await say('dra-support', claims)).toContain('skipped: the recipe hands out GPUs by claims');
      });
    });

    it('gang-scheduling sees all parts of the scheduler', async () => {
      const recipe = recipeOf([here('kai-scheduler')]);
      expect(await say('gang-scheduling', recipe)).toContain('skipped: there is no Deployment check-conformance/kai-scheduler-default');
      await real.make(workload('Deployment', `${NAMESPACE}/kai-scheduler-default`));
      expect(await say('gang-scheduling', recipe)).toContain('failed: Deployment check-conformance/admission does not exist');
      const rest = ['admission', 'binder', 'kai-operator', 'pod-grouper', 'podgroup-controller', 'queue-controller'];
      await real.make(...rest.map((name) => workload('Deployment', `${NAMESPACE}/${name}`)));
      for (const name of ['kai-scheduler-default', ...rest]) await ready('Deployment', name, 1);
      expect(await say('gang-scheduling', recipe)).toContain(
        'skipped: the group scheduler is up; that it places a group together is only shown by a group of pods',
      );
    });

    it('inference-gateway', async () => {
      const recipe = recipeOf([here('agentgateway')]);
      const gateway = object(GATEWAY, 'Gateway', `${NAMESPACE}/inference-gateway`, {
        conditions: [{ type: 'Programmed', status: 'True' }],
      });
      const slice = {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'inference-gateway-1', namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': 'inference-gateway' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true } }],
      };
      await real.make(object(GATEWAY, 'GatewayClass', 'agentgateway', { conditions: [{ type: 'Accepted', status: 'True' }] }), gateway);
      expect(await say('inference-gateway', recipe)).toContain('failed: gateway inference-gateway has no ready endpoint');
      await real.make(slice);
      expect(await say('inference-gateway', recipe)).toBe('passed: gateway inference-gateway is programmed, with 1 ready endpoints');
      await real.cluster.patch(
        { apiVersion: GATEWAY, kind: 'Gateway', namespace: NAMESPACE, name: 'inference-gateway' },
        { status: { conditions: [{ type: 'Programmed', status: 'False', message: 'no address' }] } },
      );
      expect(await say('inference-gateway', recipe)).toContain(
        'failed: Gateway check-conformance/inference-gateway is not Programmed: no address',
      );
    });

    it('cluster-autoscaling by labels of nodes and by NodePools', async () => {
      // The definition of NodePools is installed, so Karpenter counts as being there.
      expect(await say('cluster-autoscaling')).toContain('failed: none of 0 NodePools of Karpenter has a limit for nvidia.com/gpu');
      await real.make({
        apiVersion: 'karpenter.sh/v1',
        kind: 'NodePool',
        metadata: { name: 'check-gpus' },
        spec: { limits: { 'nvidia.com/gpu': '16' } },
      });
      expect(await say('cluster-autoscaling')).toContain('skipped: a NodePool for GPUs is there');
    });

    it('robust-controller sees Deployment, definition and webhook', async () => {
      const recipe = recipeOf([here('kubeflow-trainer')]);
      await real.make(workload('Deployment', `${NAMESPACE}/kubeflow-trainer-controller-manager`));
      await ready('Deployment', 'kubeflow-trainer-controller-manager', 1);
      expect(await say('robust-controller', recipe)).toBe('failed: no validating webhook of kubeflow-trainer is registered');
      await real.make({
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        metadata: { name: 'validator.trainer.kubeflow.org' },
        webhooks: [],
      });
      expect(await say('robust-controller', recipe)).toContain(
        'skipped: kubeflow-trainer is up with its webhook; that it refuses nonsense is only shown by trying',
      );
    });

    it('slinky looks from outside, and never passes', async () => {
      const recipe = recipeOf([here('slinky-slurm')]);
      await real.make({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'conform-machine' }, spec: { unschedulable: true } });
      expect(await say('slinky-slurm-health', recipe)).toContain('failed: no Controller is in namespace check-conformance; no NodeSet');
      await real.make(
        object('slinky.slurm.net/v1beta1', 'Controller', `${NAMESPACE}/slinky`),
        object('slinky.slurm.net/v1beta1', 'NodeSet', `${NAMESPACE}/workers`, { availableReplicas: 1 }),
        workload('Deployment', `${NAMESPACE}/slinky-login`),
        object('resource.nvidia.com/v1beta1', 'ComputeDomain', `${NAMESPACE}/domain`),
      );
      await ready('Deployment', 'slinky-login', 1);
      const { status, extra } = await resultOf('slinky-slurm-health', 'conformance', { on: real.cluster, timing: BRISK, recipe });
      expect([status, extra?.['missing']]).toEqual(['skipped', 'exec']);
      expect(await say('slinky-slurm-imex-channel', recipe)).toContain(
        'failed: there is no ResourceClaimTemplate check-conformance/slinky-slurm-imex-channels',
      );
    });

    describe.skipIf(ownAddress() === undefined)(
      'metrics through the proxy of the API server (skipped on a machine with no address but loopback)',
      () => {
        const SPACE = 'check-metrics';
        const recipe = recipeOf([
          component('gpu-operator', { namespace: SPACE }),
          component('kube-prometheus-stack', { namespace: SPACE }),
        ]);
        const metrics = (names: readonly string[]): string => names.map((name) => `DCGM_FI_DEV_${name}{gpu="0"} 1\n`).join('');
        const pages: Record<string, string> = {};
        let server: Server;
        let port = 0;

        beforeAll(async () => {
          server = createServer((request, response) => {
            const page = pages[request.url ?? ''];
            response.writeHead(page === undefined ? 404 : 200).end(page ?? '');
          });
          // The exporter's port is part of its path, so it has to be this one.
          await new Promise<void>((listening) => server.listen(9400, ownAddress(), listening));
          port = (server.address() as AddressInfo).port;
          await real.make({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: SPACE } });
          for (const name of ['exporter-1', 'exporter-2']) await exporterPod(name);
        }, 120_000);

        afterAll(() => void server.close());

        /** A pod whose address is this machine's, so that the API server finds the server of this test behind it. */
        async function exporterPod(name: string): Promise<void> {
          const labels = { app: 'nvidia-dcgm-exporter' };
          const spec = { nodeName: 'conform-a', automountServiceAccountToken: false, containers: [{ name: 'c', image: 'made-up' }] };
          await real.make({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: SPACE, labels }, spec });
          await until(
            `${name} runs`,
            async () =>
              conditionOf(await real.cluster.read({ apiVersion: 'v1', kind: 'Pod', namespace: SPACE, name }), 'Ready')?.status === 'True',
            { withinMs: 60_000 },
          );
          const address = ownAddress() ?? '';
          await real.api.patch(`/api/v1/namespaces/${SPACE}/pods/${name}/status`, {
            status: { podIP: address, podIPs: [{ ip: address }] },
          });
        }

        /** A service in front of one of those pods. */
        async function service(name: string, servicePort: number): Promise<void> {
          const pod = await real.cluster.read({ apiVersion: 'v1', kind: 'Pod', namespace: SPACE, name: 'exporter-1' });
          const targetRef = { kind: 'Pod', namespace: SPACE, name: 'exporter-1', uid: pod?.metadata.uid };
          const ports = [{ port: servicePort, targetPort: port }];
          await real.make(
            {
              apiVersion: 'v1',
              kind: 'Service',
              metadata: { name, namespace: SPACE, labels: { 'app.kubernetes.io/name': name } },
              spec: { ports },
            },
            {
              apiVersion: 'v1',
              kind: 'Endpoints',
              metadata: { name, namespace: SPACE },
              subsets: [{ addresses: [{ ip: ownAddress(), targetRef }], ports: [{ port }] }],
            },
          );
        }

        it('accelerator-metrics asks every exporter', async () => {
          pages['/metrics'] = metrics(['GPU_UTIL', 'FB_USED', 'GPU_TEMP', 'POWER_USAGE']);
          expect(await say('accelerator-metrics', recipe)).toBe(
            'passed: 2 of 2 pods of nvidia-dcgm-exporter were asked and give DCGM_FI_DEV_GPU_UTIL, DCGM_FI_DEV_FB_USED, DCGM_FI_DEV_GPU_TEMP, DCGM_FI_DEV_POWER_USAGE',
          );
          pages['/metrics'] = metrics(['GPU_UTIL', 'FB_USED', 'GPU_TEMP']);
          expect(await say('accelerator-metrics', recipe)).toContain('failed: nvidia-dcgm-exporter does not give DCGM_FI_DEV_POWER_USAGE');
          delete pages['/metrics'];
          expect(await say('accelerator-metrics', recipe)).toContain('failed: exporter exporter-1 answers 404');
        });

        it('accelerator-metrics asks the service where it may not ask pods, and nobody where it may do neither', async () => {
          pages['/metrics'] = metrics(['GPU_UTIL', 'FB_USED', 'GPU_TEMP', 'POWER_USAGE']);
          await service('nvidia-dcgm-exporter', 9400);
          const read = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] };
          const proxy = { apiGroups: [''], resources: ['services/proxy'], verbs: ['get'] };
          const some = await real.actingAs('metrics-some', SPACE, [read, proxy]);
          expect(await say('accelerator-metrics', recipe, { on: some })).toContain(
            'passed: 1 of 2 pods of nvidia-dcgm-exporter were asked',
          );
          const few = await real.actingAs('metrics-few', SPACE, [read]);
          expect(await say('accelerator-metrics', recipe, { on: few })).toContain(
            'skipped: the metrics of nvidia-dcgm-exporter cannot be read',
          );
          const none = await real.actingAs('metrics-none', SPACE, []);
          const { status, extra } = await resultOf('accelerator-metrics', 'conformance', { on: none, timing: BRISK, recipe });
          expect([status, extra?.['reason']]).toEqual(['skipped', 'the collector has no permission for this: list pods']);
        });

        it('ai-service-metrics asks Prometheus', async () => {
          await service('prometheus', 9090);
          const query = '/api/v1/query?query=DCGM_FI_DEV_GPU_UTIL';
          pages[query] = JSON.stringify({ status: 'success', data: { result: [] } });
          expect(await say('ai-service-metrics', recipe)).toContain('Prometheus has no series of DCGM_FI_DEV_GPU_UTIL');
          pages[query] = JSON.stringify({ status: 'success', data: { result: [{ metric: {}, value: [0, '1'] }] } });
          expect(await say('ai-service-metrics', recipe)).toBe(
            'failed: /apis/custom.metrics.k8s.io/v1beta1 answers 404: install prometheus-adapter',
          );
        });
      },
    );

    it('pod-autoscaling needs the metrics APIs, which nothing serves here', async () => {
      expect(await say('pod-autoscaling', recipeOf([here('gpu-operator')]))).toContain(
        'failed: /apis/custom.metrics.k8s.io/v1beta1 answers 404',
      );
    });
  },
);

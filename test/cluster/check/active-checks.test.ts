import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterObject, NewObject } from '#core/cluster/cluster.ts';
import { at, conditionOf, listAt, textAt } from '#core/cluster/object-value.ts';
import type { Phase } from '#core/ctrf/report.ts';
import type { Recipe } from '#core/recipe/document.ts';
import type { CheckResult } from '#core/wire/record.ts';
import { CLUSTER_CHECKS } from '../../../collector/check/catalog.ts';
import { runClusterChecks } from '../../../collector/check/run-cluster-checks.ts';
import { component, inputOf, recipeOf, type CheckTrial } from '../../fixture/cluster/check-run.ts';
import { BRISK, RealCluster, simulatedNode, workload } from '../../fixture/cluster/real-cluster.ts';
import { until } from '../bed/until.ts';

const kubeconfig = process.env['ASSAY_TEST_KUBECONFIG'] ?? '';
const NAMESPACE = 'check-active';
const TRIES = 'check-tries';
const PRODUCT = { 'nvidia.com/gpu.present': 'true', 'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3' };
const WITHIN = { withinMs: 60_000 };

describe.skipIf(kubeconfig === '')(
  'checks that make objects, against a real API server (skipped without ASSAY_TEST_KUBECONFIG: npm run test:cluster)',
  { timeout: 120_000 },
  () => {
    let real: RealCluster;

    beforeAll(async () => {
      real = await RealCluster.open(kubeconfig);
      await real.make(
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: TRIES } },
        ...['active-a', 'active-b'].map((name) => simulatedNode(name, { labels: PRODUCT, resources: { 'nvidia.com/gpu': '8' } })),
      );
      for (const name of ['active-a', 'active-b'])
        await until(
          `${name} ready`,
          async () => conditionOf(await real.cluster.read({ apiVersion: 'v1', kind: 'Node', name }), 'Ready')?.status === 'True',
          WITHIN,
        );
      await until(
        'service account',
        () => real.cluster.read({ apiVersion: 'v1', kind: 'ServiceAccount', namespace: TRIES, name: 'default' }),
        WITHIN,
      );
    }, 120_000);

    afterAll(() => real.close());

    /** All results of a run that may make objects, with one check asked for. */
    async function run(check: string, phase: Phase, trial: CheckTrial = {}): Promise<readonly CheckResult[]> {
      const { recipe = recipeOf() } = trial;
      const own = recipe.validation?.[phase] ?? {};
      const named: Recipe = { ...recipe, validation: { ...recipe.validation, [phase]: { ...own, checks: [check] } } };
      const input = inputOf({ on: real.cluster, timing: BRISK, active: true, namespace: TRIES, ...trial, recipe: named, phases: [phase] });
      const results: CheckResult[] = [];
      for await (const result of runClusterChecks(input)) results.push(result);
      return results;
    }

    function verdict(results: readonly CheckResult[], check: string): string {
      const found = results.find((result) => result.check === check);
      return `${found?.status ?? 'none'}: ${found?.message ?? ''}`;
    }

    const made = (kind: string, apiVersion = 'v1'): Promise<readonly ClusterObject[] | undefined> =>
      real.cluster.list({ apiVersion, kind, namespace: TRIES, labels: 'app.kubernetes.io/managed-by=assay' });

    it('a pod per GPU node is placed by the real scheduler, and removed although its kubelet never ends it', async () => {
      const results = await run('check-nvidia-smi', 'deployment');
      expect(verdict(results, 'check-nvidia-smi')).toMatch(
        /^other: node active-a: its pod did not run: Running.*; node active-b: its pod did not run: Running/,
      );
      expect(verdict(results, 'test-objects-removed')).toBe('passed: all 2 test objects are gone');
      expect(await made('Pod')).toEqual([]);
    });

    it('a node whose GPUs somebody uses is left alone', async () => {
      const spec = {
        nodeSelector: { 'kubernetes.io/hostname': 'active-a' },
        containers: [{ name: 'c', image: 'made-up', resources: { limits: { 'nvidia.com/gpu': '1' } } }],
      };
      await real.make({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'training', namespace: NAMESPACE }, spec });
      const training = { apiVersion: 'v1', kind: 'Pod', namespace: NAMESPACE, name: 'training' };
      await until('training runs', async () => textAt(await real.cluster.read(training), 'status', 'phase') === 'Running', WITHIN);
      const results = await run('check-nvidia-smi', 'deployment');
      expect(verdict(results, 'check-nvidia-smi')).toMatch(/^other: node active-b: its pod did not run: Running[^;]*$/);
      await real.drop(training);
    });

    it('a Job of a benchmark is run to its end by the real controller, and cascades away', async () => {
      const results = await run('node-all-reduce-bw', 'performance', { timing: { ...BRISK, tryMs: 30_000 } });
      // kwok ends the pods of Jobs, but there is no kubelet to ask for a log.
      expect(verdict(results, 'node-all-reduce-bw')).toBe(
        'other: node active-a: the log of the benchmark has no result; node active-b: the log of the benchmark has no result',
      );
      expect(verdict(results, 'test-objects-removed')).toBe('passed: all 2 test objects are gone');
      expect([await made('Job', 'batch/v1'), await made('Pod')]).toEqual([[], []]);
    });

    it('runtime and job of the multi-node benchmark are accepted, and removed', async () => {
      const recipe = recipeOf([], { performance: { constraints: [{ name: 'nccl-all-reduce-bw', value: '>= 300' }] } });
      const seen: string[] = [];
      const watching = new AbortController();
      const watch = (async () => {
        for await (const event of real.cluster.watch(
          { apiVersion: 'trainer.kubeflow.org/v1alpha1', kind: 'TrainJob', namespace: TRIES },
          watching.signal,
        ))
          if (event.change !== 'synced') seen.push(`${event.change} ${textAt(event.object, 'spec', 'runtimeRef', 'kind') ?? ''}`);
      })();
      const results = await run('nccl-all-reduce-bw', 'performance', { recipe });
      expect(verdict(results, 'nccl-all-reduce-bw')).toBe('other: the benchmark did not run: no launcher pod came');
      await until('the watch has seen both', () => Promise.resolve(seen.length >= 2), WITHIN);
      watching.abort();
      await watch;
      expect(seen).toEqual(['present TrainingRuntime', 'gone TrainingRuntime']);
      expect(await made('TrainingRuntime', 'trainer.kubeflow.org/v1alpha1')).toEqual([]);
    });

    describe('a claim for one GPU', () => {
      const recipe = recipeOf([
        component('nvidia-dra-driver-gpu', { namespace: NAMESPACE, overrides: { resources: { gpus: { enabled: true } } } }),
      ]);

      it('is allocated by the real scheduler', async () => {
        const devices = Array.from({ length: 2 }, (_, index) => ({ name: `gpu-${index}`, attributes: { type: { string: 'gpu' } } }));
        const spec = {
          driver: 'gpu.nvidia.com',
          nodeName: 'active-b',
          pool: { name: 'active-b', generation: 1, resourceSliceCount: 1 },
          devices,
        };
        const selectors = [{ cel: { expression: 'device.driver == "gpu.nvidia.com"' } }];
        await real.make(
          workload('Deployment', `${NAMESPACE}/nvidia-dra-driver-gpu-controller`),
          workload('DaemonSet', `${NAMESPACE}/nvidia-dra-driver-gpu-kubelet-plugin`),
          { apiVersion: 'resource.k8s.io/v1', kind: 'DeviceClass', metadata: { name: 'gpu.nvidia.com' }, spec: { selectors } },
          { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceSlice', metadata: { name: 'active-b-gpus' }, spec },
        );
        await real.workloadReady(
          { apiVersion: 'apps/v1', kind: 'Deployment', namespace: NAMESPACE, name: 'nvidia-dra-driver-gpu-controller' },
          1,
        );
        const nodes = (await real.api.list('/api/v1/nodes')).filter(
          (node) => node.metadata.labels?.['test.assay.dev/checks'] === 'true',
        ).length;
        await real.workloadReady(
          { apiVersion: 'apps/v1', kind: 'DaemonSet', namespace: NAMESPACE, name: 'nvidia-dra-driver-gpu-kubelet-plugin' },
          nodes,
        );
        const allocated = until(
          'allocation',
          async () => {
            const [claim] = (await made('ResourceClaim', 'resource.k8s.io/v1')) ?? [];
            const results = listAt(claim, 'status', 'allocation', 'devices', 'results');
            return results.length === 1 && at(results[0], 'pool') === 'active-b';
          },
          WITHIN,
        );
        const results = await run('dra-support', 'conformance', { recipe });
        expect(await allocated).toBe(true);
        expect(verdict(results, 'dra-support')).toMatch(/^other: a pod with a claim for one GPU does not run: Running/);
        expect(verdict(results, 'test-objects-removed')).toBe('passed: all 2 test objects are gone');
      });

      it('that nothing can serve fails', async () => {
        await real.drop({ apiVersion: 'resource.k8s.io/v1', kind: 'DeviceClass', name: 'gpu.nvidia.com' });
        const selectors = [{ cel: { expression: 'false' } }];
        await real.make({
          apiVersion: 'resource.k8s.io/v1',
          kind: 'DeviceClass',
          metadata: { name: 'gpu.nvidia.com' },
          spec: { selectors },
        });
        const results = await run('dra-support', 'conformance', { recipe });
        expect(verdict(results, 'dra-support')).toMatch(
          /^failed: a pod with a claim for one GPU does not run: Pending: .*cannot allocate all claims/,
        );
      });
    });

    describe('a group of pods', () => {
      const recipe = recipeOf([component('kai-scheduler', { namespace: NAMESPACE })]);
      const names = [
        'admission',
        'binder',
        'kai-operator',
        'kai-scheduler-default',
        'pod-grouper',
        'podgroup-controller',
        'queue-controller',
      ];

      beforeAll(async () => {
        await real.make(...names.map((name) => workload('Deployment', `${NAMESPACE}/${name}`)));
        for (const name of names) await real.workloadReady({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: NAMESPACE, name }, 1);
      }, 120_000);

      it('that no scheduler places fails', async () => {
        const results = await run('gang-scheduling', 'conformance', { recipe });
        expect(verdict(results, 'gang-scheduling')).toBe(
          'failed: 0 of 2 pods of a group were placed: the scheduler says nothing about them',
        );
        expect(verdict(results, 'test-objects-removed')).toBe('passed: all 3 test objects are gone');
      });

      it('that is placed at once passes', async () => {
        // Plays the scheduler: binds the pods that name it.
        const binding = new AbortController();
        const scheduler = (async () => {
          for await (const event of real.cluster.watch({ apiVersion: 'v1', kind: 'Pod', namespace: TRIES }, binding.signal)) {
            if (event.change !== 'present' || textAt(event.object, 'spec', 'schedulerName') !== 'kai-scheduler') continue;
            const { name } = event.object.metadata;
            const isFree = textAt(event.object, 'spec', 'nodeName') === undefined && event.object.metadata.deletionTimestamp === undefined;
            const target = { apiVersion: 'v1', kind: 'Node', name: 'active-a' };
            if (isFree)
              await real.api.post(`/api/v1/namespaces/${TRIES}/pods/${name}/binding`, {
                apiVersion: 'v1',
                kind: 'Binding',
                metadata: { name },
                target,
              });
          }
        })();
        const results = await run('gang-scheduling', 'conformance', { recipe });
        binding.abort();
        await scheduler;
        expect(verdict(results, 'gang-scheduling')).toMatch(/^passed: both pods of a group were placed within \d+ ms$/);
      });
    });

    describe('an object that makes no sense', () => {
      const recipe = recipeOf([component('kubeflow-trainer', { namespace: NAMESPACE })]);
      const scratch = mkdtempSync(join(tmpdir(), 'assay-hook-'));
      let server: Server;
      let denies = true;

      beforeAll(async () => {
        const [key, certificate] = [join(scratch, 'key.pem'), join(scratch, 'cert.pem')];
        const words = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout ${key} -out ${certificate}`;
        execFileSync('openssl', words.split(' '), { stdio: 'ignore' });
        server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
          let text = '';
          request.setEncoding('utf8').on('data', (part: string) => (text += part));
          request.on('end', () => {
            const { uid } = (JSON.parse(text) as { request: { uid: string } }).request;
            const answer = denies
              ? { uid, allowed: false, status: { code: 403, message: 'there is no such runtime' } }
              : { uid, allowed: true };
            response
              .writeHead(200, { 'content-type': 'application/json' })
              .end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
          });
        });
        await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
        const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
        const webhook = {
          name: 'validator.trainjob.trainer.kubeflow.org',
          clientConfig: { url, caBundle: readFileSync(certificate).toString('base64') },
          rules: [{ apiGroups: ['trainer.kubeflow.org'], apiVersions: ['*'], resources: ['trainjobs'], operations: ['CREATE'] }],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': TRIES } },
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
        };
        await real.make(
          {
            apiVersion: 'admissionregistration.k8s.io/v1',
            kind: 'ValidatingWebhookConfiguration',
            metadata: { name: 'validator.trainer.kubeflow.org' },
            webhooks: [webhook],
          },
          workload('Deployment', `${NAMESPACE}/kubeflow-trainer-controller-manager`),
        );
        await real.workloadReady(
          { apiVersion: 'apps/v1', kind: 'Deployment', namespace: NAMESPACE, name: 'kubeflow-trainer-controller-manager' },
          1,
        );
      }, 120_000);

      afterAll(async () => {
        await real.drop({
          apiVersion: 'admissionregistration.k8s.io/v1',
          kind: 'ValidatingWebhookConfiguration',
          name: 'validator.trainer.kubeflow.org',
        });
        server.close();
        rmSync(scratch, { recursive: true });
      });

      it('is refused by the webhook', async () => {
        await until(
          'the webhook is asked',
          async () => (await run('robust-controller', 'conformance', { recipe })).some(({ status }) => status === 'passed'),
          WITHIN,
        );
        expect(verdict(await run('robust-controller', 'conformance', { recipe }), 'robust-controller')).toBe(
          'passed: an invalid TrainJob was refused by the webhook of kubeflow-trainer',
        );
      });

      it('that is accepted fails the check, and is removed', async () => {
        denies = false;
        const results = await run('robust-controller', 'conformance', { recipe });
        denies = true;
        expect(verdict(results, 'robust-controller')).toContain('failed: an invalid TrainJob was accepted');
        expect(verdict(results, 'test-objects-removed')).toBe('passed: all 1 test objects are gone');
        expect(await made('TrainJob', 'trainer.kubeflow.org/v1alpha1')).toEqual([]);
      });
    });

    describe('the teardown', () => {
      it('takes away what a process before this one left behind', async () => {
        const labels = { 'app.kubernetes.io/managed-by': 'assay', 'assay.dev/run': 'run-0123456789abcdef' };
        await real.cluster.create({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'left-behind', namespace: TRIES, labels },
          spec: { containers: [{ name: 'c', image: 'made-up' }] },
        });
        expect(verdict(await run('check-amd-smi', 'deployment'), 'test-objects-removed')).toBe(
          'skipped: no check had to make a test object',
        );
        expect(await made('Pod')).toEqual([]);
      });

      it('says so when an object does not go', async () => {
        const labels = { 'assay.dev/run': 'run-0123456789abcdef' };
        const stuck = { apiVersion: 'v1', kind: 'Pod', namespace: TRIES, name: 'stuck' };
        await real.cluster.create({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'stuck', namespace: TRIES, labels, finalizers: ['test.assay.dev/stay'] } as NewObject['metadata'],
          spec: { nodeSelector: { no: 'where' }, containers: [{ name: 'c', image: 'made-up' }] },
        });
        const results = await run('check-amd-smi', 'deployment', { timing: { ...BRISK, teardownMs: 500 } });
        expect(verdict(results, 'test-objects-removed')).toContain(
          'failed: 1 test objects are still there: Pod stuck; remove them: kubectl delete',
        );
        await real.cluster.patch(stuck, { metadata: { finalizers: null } });
        await until('gone', async () => (await real.cluster.read(stuck)) === undefined, WITHIN);
      });

      it('happens when the run is stopped in the middle', async () => {
        const controller = new AbortController();
        const stopping = until('a test pod', async () => ((await made('Pod')) ?? []).length > 0, WITHIN).then(() => controller.abort());
        const results = await run('check-nvidia-smi', 'deployment', { signal: controller.signal });
        await stopping;
        expect(verdict(results, 'check-nvidia-smi')).toBe('other: the run ended before this check had a verdict');
        expect(verdict(results, 'test-objects-removed')).toMatch(/^passed: all [12] test objects are gone$/);
        expect(await made('Pod')).toEqual([]);
      });
    });

    it('without any right no check passes, and each says what it lacks', async () => {
      const nobody = await real.actingAs('nobody', NAMESPACE, []);
      const named = (phase: Phase): { readonly checks: readonly string[] } => ({
        checks: CLUSTER_CHECKS.filter((check) => check.phase === phase).map(({ name }) => name),
      });
      const recipe = recipeOf([component('gpu-operator')], {
        deployment: named('deployment'),
        conformance: named('conformance'),
        performance: named('performance'),
      });
      const results: CheckResult[] = [];
      for await (const result of runClusterChecks(inputOf({ on: nobody, timing: BRISK, active: true, namespace: TRIES, recipe })))
        results.push(result);
      expect(results).toHaveLength(CLUSTER_CHECKS.length + 1);
      expect(results.filter(({ status }) => status === 'passed')).toEqual([]);
      const reasons = Object.fromEntries(
        results.map(({ check, extra }) => [check, extra?.['missing'] === 'permission' ? extra['reason'] : undefined]),
      );
      expect(reasons).toMatchObject({
        'gpu-capacity': 'the collector has no permission for this: list nodes',
        'operator-health': 'the collector has no permission for this: list pods',
        'gpu-operator-version': undefined,
        'expected-resources': 'the collector has no permission to read some of it',
      });
      expect(results.find(({ check }) => check === 'test-objects-removed')?.status).toBe('other');
    });
  },
);

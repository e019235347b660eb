import { describe, expect, test } from 'vitest';
import type { NewObject } from '#core/cluster/cluster.ts';
import { AssayError } from '#core/error.ts';
import type { ComponentRef } from '#core/recipe/document.ts';
import { component, FAST, recipeOf, resultOf, verdictOf, type CheckTrial } from '../../fixture/cluster/check-run.ts';
import { MemoryCluster } from '../../fixture/cluster/memory-cluster.ts';
import { daemonSet, deployment, namespace, object, pod, statefulSet } from '../../fixture/cluster/workload-objects.ts';

const OPERATOR = { labels: { app: 'gpu-operator' } };

describe('operator-health', () => {
  const say = (on: readonly NewObject[], recipe = recipeOf()): Promise<string> =>
    verdictOf('operator-health', 'deployment', { on, recipe });

  test('passes with a ready pod', async () => {
    expect(await say([pod('gpu-operator/a', OPERATOR)])).toBe('passed: 1 pods of the GPU operator are ready');
  });

  test.each([
    ['no pod', [], 'failed: no pod of the GPU operator is in namespace gpu-operator'],
    [
      'a pod that runs and is not ready',
      [pod('gpu-operator/a', { ...OPERATOR, ready: false })],
      'failed: none of 1 pods of the GPU operator is ready',
    ],
    ['a pod that waits', [pod('gpu-operator/a', { ...OPERATOR, phase: 'Pending' })], 'failed: none of 1 pods'],
    ['another pod', [pod('gpu-operator/a')], 'failed: no pod of the GPU operator'],
    ['a pod elsewhere', [pod('default/a', OPERATOR)], 'failed: no pod of the GPU operator'],
    [
      'one of two ready',
      [pod('gpu-operator/a', OPERATOR), pod('gpu-operator/b', { ...OPERATOR, ready: false })],
      'passed: warning: 1 of 2 pods',
    ],
  ])('%s', async (_what, on, message) => {
    expect((await say(on)).startsWith(message)).toBe(true);
  });

  test('looks where the recipe puts it', async () => {
    const recipe = recipeOf([component('gpu-operator', { namespace: 'gpus' })]);
    expect(await say([pod('gpus/a', OPERATOR)], recipe)).toBe('passed: 1 pods of the GPU operator are ready');
    expect(await say([pod('gpu-operator/a', OPERATOR)], recipe)).toContain('failed: no pod of the GPU operator is in namespace gpus');
  });

  test('records numbers, and no name of a pod', async () => {
    const { extra } = await resultOf('operator-health', 'deployment', { on: [pod('gpu-operator/secret', OPERATOR)] });
    expect(extra?.['observed']).toEqual({ namespace: 'gpu-operator', pods: 1, ready: 1 });
  });
});

describe('gpu-operator-version', () => {
  const recipe = (value?: string): CheckTrial['recipe'] =>
    recipeOf([], { deployment: { constraints: value === undefined ? [] : [{ name: 'Deployment.gpu-operator.version', value }] } });
  const operator = (change: Readonly<Record<string, unknown>>, place: `${string}/${string}` = 'gpu-operator/gpu-operator'): NewObject => ({
    ...deployment(place),
    ...change,
  });
  const labelled = (version: string): NewObject => {
    const made = deployment('gpu-operator/gpu-operator');
    return { ...made, metadata: { ...made.metadata, labels: { 'app.kubernetes.io/version': version } } };
  };
  const withImage = (image: string): NewObject =>
    operator({
      spec: {
        replicas: 1,
        template: {
          spec: {
            containers: [
              { name: 'a', image: 'other:v1' },
              { name: 'b', image },
            ],
          },
        },
      },
    });
  const say = (on: readonly NewObject[], value?: string): Promise<string> =>
    verdictOf('gpu-operator-version', 'deployment', { on, recipe: recipe(value) ?? recipeOf() });

  test.each([
    [labelled('v25.10.0'), '>= v24.6.0', 'passed: the GPU operator is v25.10.0, as the recipe asks (>= v24.6.0)'],
    [labelled('v24.3.0'), '>= v24.6.0', 'failed: the GPU operator is v24.3.0, the recipe asks for >= v24.6.0: upgrade its release'],
    [
      withImage('nvcr.io/nvidia/gpu-operator:v26.3.2-ubi'),
      '>= v25.10.0',
      'passed: the GPU operator is v26.3.2, as the recipe asks (>= v25.10.0)',
    ],
    [
      withImage('registry:5000/nvidia/gpu-operator:v24.3.0@sha256:00'),
      '>= v25.10.0',
      'failed: the GPU operator is v24.3.0, the recipe asks for >= v25.10.0: upgrade its release',
    ],
    [labelled('main'), '>= v25.10.0', 'other: version main cannot be compared with ">= v25.10.0"'],
    [labelled('v25.10.0'), '>= newest', 'other: version v25.10.0 cannot be compared with ">= newest"'],
    [
      withImage('registry:5000/nvidia/gpu-operator'),
      '>= v25.10.0',
      'other: the Deployment of the GPU operator does not say its version: no label, image tag or annotation',
    ],
  ])('%# %s', async (made, value, message) => {
    expect(await say([made], value)).toBe(message);
  });

  test('looks first where the recipe puts the operator', async () => {
    const own = recipeOf([component('gpu-operator', { namespace: 'gpus' })], {
      deployment: { constraints: [{ name: 'Deployment.gpu-operator.version', value: '>= v25.0.0' }] },
    });
    const labels = (version: string): { readonly labels: object } => ({ labels: { 'app.kubernetes.io/version': version } });
    const at = (place: `${string}/${string}`, version: string): NewObject => {
      const made = deployment(place);
      return { ...made, metadata: { ...made.metadata, ...labels(version) } as NewObject['metadata'] };
    };
    const on = [at('gpus/gpu-operator', 'v25.3.0'), at('gpu-operator/gpu-operator', 'v24.1.0')];
    expect(await verdictOf('gpu-operator-version', 'deployment', { on, recipe: own })).toContain('passed: the GPU operator is v25.3.0');
    expect(await verdictOf('gpu-operator-version', 'deployment', { on: on.slice(1), recipe: own })).toContain(
      'failed: the GPU operator is v24.1.0',
    );
  });

  test('reads the annotation last', async () => {
    const made = deployment('kube-system/nvidia-gpu-operator');
    const annotated = { ...made, metadata: { ...made.metadata, annotations: { 'nvidia.com/gpu-operator-version': 'v25.3.0' } } };
    expect(await say([annotated], '== v25.3.0')).toContain('passed');
  });

  test('is skipped without a constraint, and fails without an operator', async () => {
    expect(await say([labelled('v1')])).toBe('skipped: the recipe has no constraint Deployment.gpu-operator.version');
    expect(await say([], '>= v1')).toContain('failed: there is no Deployment gpu-operator or nvidia-gpu-operator');
  });

  test('records the version, where it stands and what was asked', async () => {
    const { extra } = await resultOf('gpu-operator-version', 'deployment', {
      on: [labelled('v25.10.0')],
      recipe: recipe('>= v24.6.0') ?? recipeOf(),
    });
    expect(extra).toMatchObject({
      observed: { version: 'v25.10.0', source: 'label' },
      thresholds: { version: { value: '>= v24.6.0', source: 'recipe constraint Deployment.gpu-operator.version' } },
    });
  });
});

describe('expected-resources and platform-health', () => {
  const expecting = (kind: string, name = 'thing', change: Partial<ComponentRef> = {}): ComponentRef =>
    component('part', { expectedResources: [{ kind, name, namespace: 'part' }], ...change });
  const say = (components: readonly ComponentRef[], on: readonly NewObject[], more: CheckTrial = {}): Promise<string> =>
    verdictOf('expected-resources', 'deployment', { on, recipe: recipeOf(components), ...more });

  test.each([
    ['Deployment', deployment('part/thing', 2, 2)],
    ['StatefulSet', statefulSet('part/thing', 1, 1)],
    ['DaemonSet', daemonSet('part/thing', 3, 3)],
    ['Service', object('v1', 'Service', 'part/thing')],
    ['ConfigMap', object('v1', 'ConfigMap', 'part/thing')],
    ['Secret', object('v1', 'Secret', 'part/thing')],
  ])('a good %s passes both', async (kind, made) => {
    const on = [namespace('part'), made];
    expect(await say([expecting(kind)], on)).toBe(
      'passed: 1 components are there: 1 expected resources, 0 health checks with 0 conditions',
    );
    expect(await verdictOf('platform-health', 'conformance', { on, recipe: recipeOf([expecting(kind)]) })).toBe(
      'passed: the namespaces of 1 components are active, 1 expected resources are ready',
    );
  });

  test.each([
    ['a namespace that does not exist', [component('part')], [], 'failed: namespace part does not exist'],
    [
      'a namespace on its way out',
      [component('part')],
      [namespace('part', 'Terminating')],
      'failed: namespace part is Terminating, not Active',
    ],
    [
      'a Deployment that does not exist',
      [expecting('Deployment')],
      [namespace('part')],
      'failed: part: Deployment part/thing does not exist',
    ],
    [
      'a Deployment with a pod missing',
      [expecting('Deployment')],
      [namespace('part'), deployment('part/thing', 1, 2)],
      'failed: part: Deployment part/thing has 1 of 2 pods ready',
    ],
    [
      'a Deployment whose status has no count, as the API writes zero',
      [expecting('Deployment')],
      [namespace('part'), { ...deployment('part/thing'), status: { observedGeneration: 1 } }],
      'failed: part: Deployment part/thing has 0 of 1 pods ready',
    ],
    [
      'a DaemonSet whose status has no count',
      [expecting('DaemonSet')],
      [namespace('part'), { ...daemonSet('part/thing'), status: { observedGeneration: 1 } }],
      'failed: part: DaemonSet part/thing wants 0 pods',
    ],
    [
      'a StatefulSet without a status',
      [expecting('StatefulSet')],
      [namespace('part'), { ...statefulSet('part/thing'), status: {} }],
      'failed: part: StatefulSet part/thing has a change that its controller has not seen',
    ],
    [
      'a Deployment that is scaled to 0',
      [expecting('Deployment')],
      [namespace('part'), deployment('part/thing', 0, 0)],
      'failed: part: Deployment part/thing is scaled to 0',
    ],
    [
      'a DaemonSet that no node matches',
      [expecting('DaemonSet')],
      [namespace('part'), daemonSet('part/thing', 0, 0)],
      'failed: part: DaemonSet part/thing wants 0 pods: no node matches it',
    ],
    [
      'a DaemonSet whose controller has not seen the change',
      [expecting('DaemonSet')],
      [namespace('part'), { ...daemonSet('part/thing'), status: { observedGeneration: 0, desiredNumberScheduled: 2, numberReady: 2 } }],
      'failed: part: DaemonSet part/thing has a change that its controller has not seen',
    ],
    [
      'a kind that nobody can look at',
      [expecting('CronJob')],
      [namespace('part')],
      'other: part: CronJob part/thing: this kind cannot be expected',
    ],
    ['no namespace at all', [component('part', { namespace: '', expectedResources: [] })], [], 'passed'],
  ])('%s', async (_what, components, on, message) => {
    expect((await say(components, on)).startsWith(message)).toBe(true);
  });

  test('all that is wrong is said, in the same order each time', async () => {
    const both = [component('b', { expectedResources: [{ kind: 'Service', name: 's' }] }), component('a')];
    expect(await say(both, [])).toBe(
      'failed: b: Service b/s does not exist; namespace a does not exist: install the components that live in it; namespace b does not exist: install the components that live in it',
    );
  });

  test('a component that is switched off counts for nothing', async () => {
    expect(await say([component('part', { overrides: { enabled: false } })], [])).toBe('skipped: the recipe deploys no component');
  });

  test.each([
    ['CLUSTER_FORBIDDEN', 'skipped'],
    ['CLUSTER_UNREACHABLE', 'other'],
  ] as const)('%s for one of two parts is %s, not a pass', async (code, status) => {
    const fault = ({ what }: { readonly what: string }): AssayError | undefined =>
      what.includes('Service') ? new AssayError(code, 'made up') : undefined;
    const trial = { on: { objects: [namespace('part')], fault }, recipe: recipeOf([expecting('Service')]) };
    const { status: own, message } = await resultOf('expected-resources', 'deployment', trial);
    expect([own, message]).toEqual([status, 'part: Service part/thing: made up']);
    expect((await resultOf('platform-health', 'conformance', trial)).status).toBe(status);
  });

  const health = (body: string): string =>
    `apiVersion: chainsaw.kyverno.io/v1alpha1\nkind: Test\nmetadata: {name: h}\nspec:\n  steps:\n    - name: up\n      try:\n        - ${body}\n`;
  const upText = health(
    'assert: {resource: {apiVersion: apps/v1, kind: Deployment, metadata: {name: thing, namespace: part}, status: {availableReplicas: 1}}}',
  );

  test('health checks of components run, and a failure names step and difference', async () => {
    const part = component('part', { healthCheckAsserts: upText });
    expect(await say([part], [namespace('part'), deployment('part/thing')])).toBe(
      'passed: 1 components are there: 0 expected resources, 1 health checks with 1 conditions',
    );
    expect(await say([part], [namespace('part'), deployment('part/thing', 0)])).toBe(
      'failed: part: up, expected Deployment part/thing: status.availableReplicas is 0, expected 1',
    );
  });

  test('a malformed health check is other, with its place, and does not hide a failure beside it', async () => {
    const bad = component('bad', { namespace: 'part', healthCheckAsserts: health('apply: {}') });
    expect(await say([bad], [namespace('part')])).toBe(
      'other: health check of bad: spec.steps[0].try[0].apply: "apply" is not supported here: only assert, error, description',
    );
    const alsoDown = await say([bad, component('down', { healthCheckAsserts: '' })], [namespace('part')]);
    expect(alsoDown).toContain('failed: namespace down does not exist');
    expect(alsoDown).toContain('health check of bad');
  });

  describe('what needs time to settle', () => {
    const manifest = 'apiVersion: skyhook.nvidia.com/v1alpha1\nkind: Skyhook\nmetadata:\n  annotations: {}\n  name: tuning\nspec: {}\n';
    const files = { text: (path: string) => (path === 'm.yaml' ? `{{- if true }}\n---\n${manifest}{{- end }}\n` : undefined) };
    const nodewright = component('nodewright-customizations', { namespace: 'skyhook', manifestFiles: ['m.yaml'] });
    const skyhook = (name: string, status: string): NewObject => object('skyhook.nvidia.com/v1alpha1', 'Skyhook', name, { status });

    test.each([
      ['complete', [skyhook('tuning', 'complete')], 'passed'],
      ['in progress', [skyhook('tuning', 'in_progress')], 'failed: Skyhook tuning is in_progress, not complete'],
      ['another one', [skyhook('other', 'complete')], 'failed: Skyhook tuning does not exist'],
    ])('the Skyhook of the manifest: %s', async (_what, objects, message) => {
      expect((await say([nodewright], [namespace('skyhook'), ...objects], { files })).startsWith(message)).toBe(true);
    });

    test('what is not there at all is not waited for, and neither is anything once the check has failed', async () => {
      const patient = { ...FAST, settleMs: 60_000, unseenMs: 5 };
      const started = performance.now();
      expect(await say([nodewright], [namespace('skyhook')], { files, timing: patient })).toContain('Skyhook tuning does not exist');
      expect(
        await say([nodewright, component('gone')], [namespace('skyhook'), skyhook('tuning', 'in_progress')], { files, timing: patient }),
      ).toContain('failed: Skyhook tuning is in_progress, not complete: kubectl describe skyhook tuning; namespace gone does not exist');
      expect(performance.now() - started).toBeLessThan(5000);
    });

    test('a state that flaps is no good state', async () => {
      const cluster = new MemoryCluster({ objects: [namespace('skyhook'), skyhook('tuning', 'complete')] });
      const list = cluster.list;
      let looks = 0;
      cluster.list = async (selection) => {
        if (selection.kind === 'Skyhook') cluster.put(skyhook('tuning', (looks += 1) % 3 === 0 ? 'in_progress' : 'complete'));
        return list(selection);
      };
      const timing = { ...FAST, pollMs: 2, stableMs: 1000, settleMs: 60 };
      expect(await verdictOf('expected-resources', 'deployment', { on: cluster, recipe: recipeOf([nodewright]), files, timing })).toMatch(
        /^failed: (?:did not stay ready for 1000 ms|Skyhook tuning is in_progress)/,
      );
    });

    test('without the manifests every Skyhook counts, and there must be one', async () => {
      expect(await say([nodewright], [namespace('skyhook'), skyhook('a', 'complete'), skyhook('b', 'erroring')])).toContain(
        'failed: Skyhook b is erroring',
      );
      expect(await say([nodewright], [namespace('skyhook')])).toContain('failed: there is no Skyhook object');
    });

    test('an unknown kind is a failure that names the operator', async () => {
      const on = { objects: [namespace('skyhook')], unknownKinds: ['skyhook.nvidia.com/v1alpha1/Skyhook'] };
      expect(await verdictOf('expected-resources', 'deployment', { on, recipe: recipeOf([nodewright]), files })).toContain(
        'install nodewright-operator',
      );
    });

    const dra = component('nvidia-dra-driver-gpu', { namespace: 'dra' });
    test.each([
      ['ready on every node', [daemonSet('dra/x-kubelet-plugin', 2, 2)], 'passed'],
      ['missing', [], 'failed: namespace dra has 0 DaemonSets named *-kubelet-plugin, not one'],
      ['twice', [daemonSet('dra/x-kubelet-plugin'), daemonSet('dra/y-kubelet-plugin')], 'failed: namespace dra has 2 DaemonSets'],
      ['on no node', [daemonSet('dra/x-kubelet-plugin', 0, 0)], 'failed: DaemonSet dra/x-kubelet-plugin wants 0 pods'],
      ['not ready somewhere', [daemonSet('dra/x-kubelet-plugin', 1, 2)], 'failed: DaemonSet dra/x-kubelet-plugin has 1 of 2 pods ready'],
    ])('the kubelet plug-in of the DRA driver: %s', async (_what, objects, message) => {
      expect((await say([dra], [namespace('dra'), ...objects])).startsWith(message)).toBe(true);
    });
  });
});

import { describe, expect, it } from 'vitest';
import { gpuEvidence } from '#core/cluster/gpu-evidence.ts';
import {
  agentPod,
  objectOf,
  render,
  runPod,
  skipHelm,
  told,
  valuesFile,
  variables,
  VALUES,
  WHY_NO_HELM,
  CHART,
  type Manifest,
} from './helm.ts';

const RESTRICTED_CONTAINER = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };
const CLUSTER_SCOPED = new Set(['ClusterRole', 'ClusterRoleBinding', 'Namespace']);

function names(objects: readonly Manifest[]): readonly string[] {
  return objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort();
}

function volume(pod: Manifest, name: string): Manifest {
  return pod.volumes.find((candidate: Manifest) => candidate.name === name);
}

function mounted(container: Manifest): readonly string[] {
  return container.volumeMounts.map((mount: Manifest) => `${mount.name} ${mount.mountPath}${mount.readOnly === true ? '' : ' rw'}`);
}

/** Keys of the labels that select a node, one list per alternative. */
function affinityTerms(pod: Manifest): readonly Manifest[] {
  return pod.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
}

describe.skipIf(skipHelm)(`the objects of a release ${WHY_NO_HELM}`, () => {
  it('are these, with the least values', () => {
    expect(names(render('minimal'))).toEqual([
      'ClusterRole/gpu-r-assay-collector',
      'ClusterRoleBinding/gpu-r-assay-collector',
      'ConfigMap/r-assay-agent',
      'ConfigMap/r-assay-status',
      'DaemonSet/r-assay-agent',
      'Job/r-assay-run-1',
      'Lease/r-assay',
      'NetworkPolicy/r-assay-agent',
      'NetworkPolicy/r-assay-collector',
      'Role/r-assay-collector',
      'RoleBinding/r-assay-collector',
      'Secret/r-assay-tls',
      'Service/r-assay-collector',
      'ServiceAccount/r-assay-agent',
      'ServiceAccount/r-assay-collector',
    ]);
  });

  it('are these with a recipe of its own, private Sigstore and a claim', () => {
    expect(names(render('private-sigstore')).filter((name) => !/Role|ServiceAccount|NetworkPolicy/.test(name))).toEqual([
      'ConfigMap/evidence-agent',
      'ConfigMap/evidence-recipe',
      'ConfigMap/evidence-sigstore',
      'ConfigMap/evidence-status',
      'DaemonSet/evidence-agent',
      'Job/evidence-run-1',
      'Lease/evidence',
      'PersistentVolumeClaim/evidence-state',
      'Service/evidence-collector',
    ]);
  });

  it('are these with a schedule and checks that create objects', () => {
    expect(names(render('amd-schedule-active')).filter((name) => /Cron|Namespace|checks|Network/.test(name))).toEqual([
      'CronJob/r-assay-recert',
      'Namespace/gpu-r-assay-checks',
      'Role/r-assay-checks',
      'RoleBinding/r-assay-checks',
    ]);
  });

  it.each(VALUES)('carry their labels, and their namespace where they have one (%s)', (name) => {
    const objects = render(name);
    const strays = objects.filter(({ metadata, kind }) => (metadata.namespace === undefined) !== CLUSTER_SCOPED.has(kind));
    const unlabelled = objects.filter(
      ({ metadata }) =>
        metadata.labels['app.kubernetes.io/name'] !== 'assay' ||
        metadata.labels['app.kubernetes.io/instance'] !== 'r' ||
        !['agent', 'collector'].includes(metadata.labels['app.kubernetes.io/component']),
    );

    expect([names(strays), names(unlabelled)]).toEqual([[], []]);
  });

  it('keep their names where release or namespace look like numbers', () => {
    const text = told('helm', ['template', 'a', CHART, '-n', '1e3', '-f', valuesFile('minimal')]);

    expect(text.match(/namespace: "1e3"/g)?.length).toBe(text.match(/namespace: /g)?.length);
  });

  it('never name a Secret that the container which needs it does not mount', () => {
    const { pod, collect, sign } = runPod(render('private-sigstore'));
    const secrets = pod.volumes.filter((candidate: Manifest) => candidate.secret !== undefined).map(({ name }: Manifest) => name);
    const seen = (container: Manifest) =>
      container.volumeMounts.map(({ name }: Manifest) => name).filter((name: string) => secrets.includes(name));

    expect([secrets, seen(collect), seen(sign)]).toEqual([['tls', 'registry', 'ca'], ['tls'], ['registry', 'ca']]);
  });
});

describe.skipIf(skipHelm)(`the agent's pod ${WHY_NO_HELM}`, () => {
  it('has no right, no host namespace and one token', () => {
    const { containers, affinity: _affinity, tolerations: _tolerations, volumes, ...pod } = agentPod(render('minimal'));

    expect(pod).toEqual({
      serviceAccountName: 'r-assay-agent',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 10,
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, runAsGroup: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(volumes).toEqual([
      {
        name: 'token',
        projected: { sources: [{ serviceAccountToken: { path: 'token', audience: 'assay.gpu.r-assay', expirationSeconds: 600 } }] },
      },
      { name: 'state', emptyDir: { sizeLimit: '128Mi' } },
    ]);
    expect(containers).toHaveLength(1);
    expect(containers[0]).toMatchObject({
      args: ['run'],
      securityContext: RESTRICTED_CONTAINER,
      resources: { requests: { cpu: '10m', memory: '96Mi' }, limits: { memory: '160Mi' } },
    });
    expect(containers[0].resources.limits).toEqual({ memory: '160Mi' });
    expect(mounted(containers[0])).toEqual(['token /var/run/secrets/assay', 'state /var/lib/assay rw']);
  });

  it('runs on nodes that NFD, GPU feature discovery or the AMD operator labelled', () => {
    const terms = affinityTerms(agentPod(render('minimal')));

    expect(
      terms.map(({ matchExpressions: [{ key, operator, values }] }) => `${key} ${operator}${values === undefined ? '' : ` ${values}`}`),
    ).toEqual([
      ...['10de', '1002'].map((vendor) => `feature.node.kubernetes.io/pci-${vendor}.present In true`),
      ...['0300', '0302', '0380', '1200'].flatMap((device) =>
        ['10de', '1002'].map((vendor) => `feature.node.kubernetes.io/pci-${device}_${vendor}.present In true`),
      ),
      'nvidia.com/gpu.present In true',
      'feature.node.kubernetes.io/amd-gpu In true',
      'intel.feature.node.kubernetes.io/gpu In true',
      ...['device-id', 'family', 'product-name', 'vram'].map((label) => `amd.com/gpu.${label} Exists`),
    ]);
  });

  it('runs on no node that the collector would not expect', () => {
    const nodes = affinityTerms(agentPod(render('minimal'))).map(({ matchExpressions: [{ key }] }) => ({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: key, labels: { [key]: 'true' } },
    }));

    expect(nodes.filter((node) => gpuEvidence(node) === undefined).map(({ metadata }) => metadata.name)).toEqual([]);
  });

  it('runs on further nodes, which are then expected to report', () => {
    const objects = render('private-sigstore');

    expect(affinityTerms(agentPod(objects)).at(-1)).toEqual({
      matchExpressions: [
        { key: 'node.lab.example/pool', operator: 'In', values: ['gpu', 'gpu-spare'] },
        { key: 'node.lab.example/retired', operator: 'DoesNotExist' },
      ],
    });
    expect(variables(runPod(objects).collect)['ASSAY_EXPECT_SELECTOR']).toBe(
      'node.lab.example/pool in (gpu,gpu-spare),!node.lab.example/retired',
    );
    expect(variables(runPod(render('minimal')).collect)).not.toHaveProperty('ASSAY_EXPECT_SELECTOR');
  });

  it.each([
    ['agent.affinity.podAffinity.x=y', { podAffinity: { x: 'y' } }],
    ['agent.nodeSelector.pool=gpu', undefined],
  ])('takes %s', (set, affinity) => {
    const pod = agentPod(render('minimal', [set]));

    expect([pod.nodeSelector, pod.affinity]).toEqual(affinity === undefined ? [{ pool: 'gpu' }, expect.anything()] : [undefined, affinity]);
  });

  it('tolerates the taints of GPU nodes, or those that are given instead', () => {
    expect(agentPod(render('minimal')).tolerations).toEqual([
      { key: 'nvidia.com/gpu', operator: 'Exists' },
      { key: 'amd.com/gpu', operator: 'Exists' },
      { key: 'sku', operator: 'Equal', value: 'gpu', effect: 'NoSchedule' },
    ]);
    expect(agentPod(render('minimal', ['agent.tolerations[0].operator=Exists'])).tolerations).toEqual([{ operator: 'Exists' }]);
  });

  it('reads an own image, and the secret of its pseudonyms, where they are given', () => {
    const image = `r.example/tools@sha256:${'a'.repeat(64)}`;
    const [container] = agentPod(render('private-sigstore', [`agent.image=${image}`])).containers;

    expect(container.image).toBe(image);
    expect(variables(container)).toMatchObject({ ASSAY_IDENTITY_KEY_FILE: '/etc/assay/identity/key', ASSAY_TOOL_TIMEOUT: '20s' });
    expect(mounted(container)).toContain('identity /etc/assay/identity');
  });
});

describe.skipIf(skipHelm)(`the way to the GPU ${WHY_NO_HELM}`, () => {
  const pod = (...set: readonly string[]): Manifest => agentPod(render('minimal', set));
  const nvidia = (agent: Manifest): Manifest =>
    Object.fromEntries(Object.entries(variables(agent.containers[0])).filter(([name]) => name.startsWith('NVIDIA_')));

  it.each([['auto'], ['none']])('%s gives nothing where no cluster can be asked, and no base image does', (access) => {
    const agent = pod(`gpuAccess=${access}`);

    expect([agent.runtimeClassName, nvidia(agent)]).toEqual([undefined, { NVIDIA_VISIBLE_DEVICES: 'void' }]);
    expect(mounted(agent.containers[0])).toEqual(['token /var/run/secrets/assay', 'state /var/lib/assay rw']);
  });

  it('runtimeClass asks the runtime for all devices and the tools, and requests no GPU', () => {
    const agent = pod('gpuAccess=runtimeClass');

    expect([agent.runtimeClassName, nvidia(agent)]).toEqual([
      'nvidia',
      { NVIDIA_VISIBLE_DEVICES: 'all', NVIDIA_DRIVER_CAPABILITIES: 'utility' },
    ]);
    expect(Object.keys({ ...agent.containers[0].resources.requests, ...agent.containers[0].resources.limits })).toEqual(['cpu', 'memory']);
  });

  it('runtimeClass names none where the nodes use it by default', () => {
    expect(pod('gpuAccess=runtimeClass', 'gpu.runtimeClassName=')).not.toHaveProperty('runtimeClassName');
  });

  it('driverRoot mounts the driver read-only at its own path, also when it comes later', () => {
    const agent = pod('gpuAccess=driverRoot', 'gpu.driverRoot=/home/kubernetes/bin/nvidia');

    expect(volume(agent, 'driver-root')).toEqual({
      name: 'driver-root',
      hostPath: { path: '/home/kubernetes/bin/nvidia', type: 'DirectoryOrCreate' },
    });
    expect(agent.containers[0].volumeMounts.at(-1)).toEqual({
      name: 'driver-root',
      mountPath: '/home/kubernetes/bin/nvidia',
      readOnly: true,
      mountPropagation: 'HostToContainer',
    });
  });

  it('amd mounts the devices and joins their groups', () => {
    const agent = agentPod(render('amd-schedule-active'));

    expect(agent.securityContext).toEqual({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
      supplementalGroups: [44, 993],
    });
    expect([volume(agent, 'kfd').hostPath, volume(agent, 'dri').hostPath]).toEqual([
      { path: '/dev/kfd', type: 'CharDevice' },
      { path: '/dev/dri', type: 'Directory' },
    ]);
    expect(agent.containers[0].securityContext).toEqual(RESTRICTED_CONTAINER);
  });
});

describe.skipIf(skipHelm)(`the pod of a run ${WHY_NO_HELM}`, () => {
  it('meets the restricted level, and mounts no token by itself', () => {
    const { pod, collect, sign } = runPod(render('minimal'));

    expect([pod.restartPolicy, pod.automountServiceAccountToken, pod.enableServiceLinks, pod.hostNetwork, pod.hostPID]).toEqual([
      'Never',
      false,
      false,
      undefined,
      undefined,
    ]);
    expect(pod.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      fsGroup: 65_532,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect([collect.securityContext, sign.securityContext]).toEqual([RESTRICTED_CONTAINER, RESTRICTED_CONTAINER]);
  });

  it('gives each container the one token that it needs', () => {
    const { pod, collect, sign } = runPod(render('minimal'));

    expect(mounted(collect)).toEqual([
      'state /var/lib/assay rw',
      'api-token /var/run/secrets/kubernetes.io/serviceaccount',
      'tls /etc/assay/tls',
    ]);
    expect(mounted(sign)).toEqual([
      'state /var/lib/assay rw',
      'tmp /tmp rw',
      'identity /var/run/sigstore/cosign',
      'registry /etc/assay/registry',
    ]);
    expect(volume(pod, 'identity').projected.sources).toEqual([
      { serviceAccountToken: { path: 'oidc-token', audience: 'sigstore', expirationSeconds: 600 } },
    ]);
    expect(volume(pod, 'api-token').projected.sources[0]).toEqual({ serviceAccountToken: { path: 'token', expirationSeconds: 3607 } });
  });

  it('has no identity where nothing is signed in the cluster', () => {
    const { pod, sign } = runPod(render('amd-schedule-active'));

    expect(mounted(sign)).toEqual(['state /var/lib/assay rw', 'tmp /tmp rw']);
    expect(volume(pod, 'identity')).toBeUndefined();
    expect(sign.args.filter((word: string) => /identity|fulcio|rekor|trusted/.test(word))).toEqual([]);
  });

  it('keeps its state in a claim, a directory per Job', () => {
    const { pod, collect, sign } = runPod(render('private-sigstore'));

    expect(volume(pod, 'state')).toEqual({ name: 'state', persistentVolumeClaim: { claimName: 'evidence-state' } });
    expect(variables(collect)).toMatchObject({
      ASSAY_STATE_DIR: '/var/lib/assay/$(ASSAY_JOB_UID)/state',
      ASSAY_OUT: '/var/lib/assay/$(ASSAY_JOB_UID)/out',
    });
    expect(sign.args[1]).toBe('/var/lib/assay/$(ASSAY_JOB_UID)/out');
    expect(collect.env.findIndex(({ name }: Manifest) => name === 'ASSAY_JOB_UID')).toBeLessThan(
      collect.env.findIndex(({ name }: Manifest) => name === 'ASSAY_STATE_DIR'),
    );
  });

  it('mounts a recipe by the key that it has, and none of the catalog', () => {
    const own = runPod(render('amd-schedule-active'));

    expect(volume(own.pod, 'recipe')).toEqual({
      name: 'recipe',
      configMap: { name: 'mi300-recipe', items: [{ key: 'recipe.yaml', path: 'recipe.yaml' }] },
    });
    expect(variables(own.collect)['ASSAY_RECIPE']).toBe('/etc/assay/recipe/recipe.yaml');
    expect(variables(runPod(render('minimal', ['recipe.criteria.nodes=8'])).collect)).toMatchObject({
      ASSAY_CRITERIA: 'service=eks,accelerator=h100,intent=training,nodes=8',
    });
    expect(objectOf(render('private-sigstore'), 'ConfigMap', '-recipe').data['recipe.yaml']).toBe(
      'apiVersion: aicr.run/v1alpha2\nkind: Recipe\nmetadata: { name: example }\n',
    );
  });

  it('ends the Job on what trying again does not change, and on nothing else', () => {
    const { template, ...spec } = objectOf(render('minimal'), 'Job').spec;

    expect(spec).toEqual({
      parallelism: 1,
      completions: 1,
      backoffLimit: 6,
      activeDeadlineSeconds: 86_400,
      ttlSecondsAfterFinished: 86_400,
      podFailurePolicy: {
        rules: [
          { action: 'FailJob', onExitCodes: { containerName: 'collect', operator: 'In', values: [1, 2, 64, 70] } },
          { action: 'FailJob', onExitCodes: { containerName: 'sign', operator: 'In', values: [1, 2, 64, 70] } },
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        ],
      },
    });
    expect(template.spec.containers.map(({ name }: Manifest) => name)).toEqual(['collect', 'sign']);
  });

  it('is the same by schedule, one at a time', () => {
    const objects = render('amd-schedule-active');
    const { jobTemplate, ...cron } = objectOf(objects, 'CronJob').spec;

    expect(jobTemplate.spec).toEqual(objectOf(objects, 'Job').spec);
    expect(jobTemplate.spec).not.toHaveProperty('ttlSecondsAfterFinished');
    expect(cron).toEqual({
      schedule: '0 3 * * 0',
      timeZone: 'Europe/Berlin',
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 3600,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 3,
    });
    expect(names(render('amd-schedule-active', ['runNow=false'])).filter((name) => name.includes('Job/'))).toEqual([
      'CronJob/r-assay-recert',
    ]);
  });

  it('is another Job when its name says so', () => {
    expect(objectOf(render('minimal', ['runName=2031-04']), 'Job').metadata.name).toBe('r-assay-run-2031-04');
  });
});

describe.skipIf(skipHelm)(`who may talk to whom ${WHY_NO_HELM}`, () => {
  const selected = (component: string) => ({
    podSelector: {
      matchLabels: { 'app.kubernetes.io/name': 'assay', 'app.kubernetes.io/instance': 'r', 'app.kubernetes.io/component': component },
    },
  });

  it('lets agents reach DNS and the collector, and only them the collector', () => {
    const objects = render('minimal');

    expect(objectOf(objects, 'NetworkPolicy', '-agent').spec).toEqual({
      ...selected('agent'),
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        { ports: [53, 5353].flatMap((port) => ['UDP', 'TCP'].map((protocol) => ({ port, protocol }))) },
        { to: [selected('collector')], ports: [{ port: 8443, protocol: 'TCP' }] },
      ],
    });
    expect(objectOf(objects, 'NetworkPolicy', '-collector').spec).toEqual({
      ...selected('collector'),
      policyTypes: ['Ingress'],
      ingress: [{ from: [selected('agent')], ports: [{ port: 8443, protocol: 'TCP' }] }],
    });
  });

  it('restricts what the collector reaches where that is said', () => {
    expect(objectOf(render('private-sigstore'), 'NetworkPolicy', '-collector').spec).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
      egress: [{ ports: [{ port: 443 }, { port: 6443 }, { port: 5000 }] }],
    });
  });

  it('points the Service at the port of the one container that listens', () => {
    const objects = render('minimal');

    expect(objectOf(objects, 'Service').spec).toEqual({
      selector: selected('collector').podSelector.matchLabels,
      publishNotReadyAddresses: true,
      ports: [{ name: 'agents', port: 8443, targetPort: 'agents', protocol: 'TCP' }],
    });
    expect(runPod(objects).collect.ports).toEqual([{ name: 'agents', containerPort: 8443, protocol: 'TCP' }]);
    expect(objectOf(objects, 'Job').spec.template.metadata.labels).toMatchObject(selected('collector').podSelector.matchLabels);
  });
});

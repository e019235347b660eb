import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  call,
  CHART,
  manifests,
  objectOf,
  renderTest,
  skipServer,
  told,
  VALUES,
  valuesFile,
  WHY_NO_SERVER,
  type Manifest,
  type ValuesName,
} from './helm.ts';

// Namespaces of their own: one that is being deleted cannot be made again.
const NS = `assay-${process.pid}`;
const LAB = `${NS}-lab`;
const CHECKS = `${NS}-assay-checks`;
const GUIDE = 'docs/guide/cluster.md';
const PIN = `sha256:${'2'.repeat(64)}`;

function kubectl(...args: readonly string[]): string {
  return told('kubectl', args, { server: true });
}

function helm(...args: readonly string[]): string {
  return told('helm', args, { server: true });
}

/** The chart rendered with the cluster at hand, as an install of release `assay` would. */
function planned(name: ValuesName, ...set: readonly string[]): readonly Manifest[] {
  const text = helm(
    'install',
    'assay',
    CHART,
    '-n',
    NS,
    '-f',
    valuesFile(name),
    '--dry-run=server',
    ...set.flatMap((value) => ['--set', value]),
  );
  return manifests(text.split('\nMANIFEST:\n')[1]?.split('\nNOTES:\n')[0] ?? '');
}

/** What admission says of a pod with this spec. */
function admitted(spec: Manifest, namespace: string): string {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'probe', namespace, labels: { 'batch.kubernetes.io/controller-uid': 'x' } },
    spec,
  };
  const { exit, stderr } = call('kubectl', ['create', '--dry-run=server', '-f', '-'], { server: true, input: JSON.stringify(pod) });
  return exit === 0 ? `admitted ${stderr}`.trim() : (/violates PodSecurity[^(]*/.exec(stderr)?.[0].trim() ?? stderr);
}

/** Lines of a listing of rights, column by column. */
function columns(text: string): readonly (readonly string[])[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('Resources '));
  return lines.map((line) => line.trimEnd().split(/\s{2,}/));
}

/** Rights in a namespace as kubectl lists them, without those that everybody has. */
function rightsOf(account: string, namespace: string): readonly (readonly string[])[] {
  const text = kubectl('auth', 'can-i', '--list', '-n', namespace, `--as=system:serviceaccount:${NS}:${account}`);
  return columns(text).filter(([resource = '']) => resource !== '' && !resource.startsWith('selfsubject'));
}

function pinAtServer(): string {
  return kubectl('get', 'configmap', 'assay-agent', '-n', NS, '-o', String.raw`jsonpath={.data.collector-key}`);
}

describe.skipIf(skipServer)(`the chart at an API server ${WHY_NO_SERVER}`, () => {
  beforeAll(() => {
    for (const name of [NS, LAB]) kubectl('create', 'namespace', name);
    kubectl('label', 'namespace', NS, 'pod-security.kubernetes.io/enforce=restricted');
    kubectl('create', 'serviceaccount', 'probe', '-n', LAB);
    kubectl('label', 'namespace', LAB, 'pod-security.kubernetes.io/enforce=baseline');
    helm('install', 'assay', CHART, '-n', NS, '-f', valuesFile('minimal'), '--set', 'checks.active=true');
  }, 60_000);
  afterAll(() => {
    call('helm', ['uninstall', 'assay', '-n', NS, '--ignore-not-found'], { server: true });
    call('kubectl', ['delete', 'namespace', NS, LAB, '--wait=false'], { server: true });
  }, 60_000);

  it.each(VALUES)('is taken whole and without a warning, with the values %s', (name) => {
    const text = told('helm', [
      'template',
      'other',
      CHART,
      '-n',
      LAB,
      '--no-hooks',
      '-f',
      valuesFile(name),
      '--set',
      `checks.namespace=${LAB},checks.createNamespace=false`,
    ]);
    const { exit, stdout, stderr } = call('kubectl', ['apply', '--server-side', '--dry-run=server', '-f', '-'], {
      server: true,
      input: text,
    });
    const warnings = stderr.split('\n').filter((line) => line !== '' && !line.includes('would violate PodSecurity'));

    expect([exit, warnings]).toEqual([0, []]);
    expect(stdout.trim().split('\n')).toHaveLength(manifests(text).length);
  });

  it('puts both containers of a run under the restricted level', () => {
    expect(admitted(objectOf(planned('minimal'), 'Job').spec.template.spec, NS)).toBe('admitted');
    expect(
      admitted(objectOf(planned('minimal', 'registry.caSecret=ca', 'collector.persistence.enabled=true'), 'Job').spec.template.spec, NS),
    ).toBe('admitted');
  });

  it('puts the test of a release under the restricted level', () => {
    const [pod] = renderTest('minimal').filter(({ kind }) => kind === 'Pod');

    expect(admitted({ ...pod.spec, serviceAccountName: 'assay-collector' }, NS)).toBe('admitted');
  });

  it('puts the agent under the restricted level, until it mounts something of the node', () => {
    const agent = (...set: readonly string[]): Manifest => objectOf(planned('minimal', ...set), 'DaemonSet').spec.template.spec;

    expect(admitted(agent(), NS)).toBe('admitted');
    expect(admitted(agent('gpuAccess=runtimeClass', 'gpu.runtimeClassName='), NS)).toBe('admitted');
    for (const access of ['driverRoot', 'amd']) {
      expect(admitted(agent(`gpuAccess=${access}`), NS)).toBe('violates PodSecurity "restricted:latest": restricted volume types');
      expect(admitted({ ...agent(`gpuAccess=${access}`), serviceAccountName: 'probe' }, LAB)).toBe(
        'violates PodSecurity "baseline:latest": hostPath volumes',
      );
    }
  });

  it('takes the runtime class that the cluster has', () => {
    const agent = (...set: readonly string[]): Manifest => objectOf(planned('minimal', ...set), 'DaemonSet').spec.template.spec;
    expect(agent().runtimeClassName).toBeUndefined();

    told('kubectl', ['apply', '-f', '-'], {
      server: true,
      input: JSON.stringify({ apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'nvidia' }, handler: 'nvidia' }),
    });
    try {
      expect(agent().runtimeClassName).toBe('nvidia');
      expect(agent('gpuAccess=none').runtimeClassName).toBeUndefined();
      expect(agent('gpu.runtimeClassName=other').runtimeClassName).toBeUndefined();
      expect(admitted(agent(), NS)).toBe('admitted');
    } finally {
      kubectl('delete', 'runtimeclass', 'nvidia');
    }
  });

  it('gives both accounts the rights that the guide lists, and no other', () => {
    const guide = readFileSync(GUIDE, 'utf8');
    const listed = (command: string): readonly (readonly string[])[] =>
      columns((guide.split(`$ kubectl auth can-i --list ${command}\n`)[1] ?? '').split(/^(?:```|\$)/m)[0] ?? '');

    expect(rightsOf('assay-agent', NS)).toEqual([]);
    expect(rightsOf('assay-collector', NS)).toEqual(listed('-n assay --as=system:serviceaccount:assay:assay-collector'));
    expect(rightsOf('assay-collector', CHECKS).filter((right) => right.some((column) => column.includes('delete')))).toEqual(
      listed('-n assay-assay-checks --as=system:serviceaccount:assay:assay-collector | grep delete'),
    );
  });

  it('lets the collector write in the namespace of its checks, and nowhere else', () => {
    const mayCreatePods = (namespace: string): string =>
      call('kubectl', ['auth', 'can-i', 'create', 'pods', '-n', namespace, `--as=system:serviceaccount:${NS}:assay-collector`], {
        server: true,
      }).stdout.trim();

    expect([CHECKS, NS, LAB, 'kube-system'].map(mayCreatePods)).toEqual(['yes', 'no', 'no', 'no']);
  });

  it('keeps key, status and lease over an upgrade, which is another run', () => {
    const before = pinAtServer();
    kubectl('patch', 'configmap', 'assay-status', '-n', NS, '--type=merge', '-p', '{"data":{"status.json":"{}","pointer.yaml":"x"}}');
    kubectl('patch', 'lease', 'assay', '-n', NS, '--type=merge', '-p', '{"spec":{"holderIdentity":"somebody"}}');
    helm('upgrade', 'assay', CHART, '-n', NS, '-f', valuesFile('minimal'), '--set', 'checks.active=true,collector.deadline=20m');

    expect(pinAtServer()).toBe(before);
    expect(kubectl('get', 'configmap', 'assay-status', '-n', NS, '-o', 'jsonpath={.data}')).toBe('{"pointer.yaml":"x","status.json":"{}"}');
    expect(kubectl('get', 'lease', 'assay', '-n', NS, '-o', 'jsonpath={.spec.holderIdentity}')).toBe('somebody');
    expect(kubectl('get', 'jobs', '-n', NS, '-o', 'name').trim()).toBe('job.batch/assay-run-2');
  });

  it('finds the pin of a key of somebody else by itself where it may read the Secret', () => {
    const pin = pinAtServer();

    expect(objectOf(planned('minimal', 'tls.existingSecret=assay-tls'), 'ConfigMap', '-agent').data).toEqual({ 'collector-key': pin });
    expect(objectOf(planned('minimal', 'tls.existingSecret=assay-tls', `tls.pin=${PIN}`), 'ConfigMap', '-agent').data).toEqual({
      'collector-key': PIN,
    });
  });

  it('leaves nothing of the cluster behind', () => {
    const left = (): readonly string[] =>
      kubectl('get', 'clusterroles,clusterrolebindings,namespaces', '-o', 'name')
        .split('\n')
        .filter((name) => name.includes(NS) && !name.endsWith(`/${NS}`) && !name.endsWith(`/${LAB}`));
    expect(left()).toEqual([
      `clusterrole.rbac.authorization.k8s.io/${NS}-assay-collector`,
      `clusterrolebinding.rbac.authorization.k8s.io/${NS}-assay-collector`,
      `namespace/${CHECKS}`,
    ]);

    helm('uninstall', 'assay', '-n', NS);
    const namespace = call('kubectl', ['get', 'namespace', CHECKS, '-o', 'jsonpath={.status.phase}'], { server: true });

    expect(left().filter((name) => !name.startsWith('namespace/'))).toEqual([]);
    expect([namespace.stdout, namespace.exit === 0 ? '' : 'gone']).toContain(namespace.exit === 0 ? 'Terminating' : 'gone');
    expect(
      kubectl(
        'get',
        'daemonset,job,service,serviceaccount,configmap,secret,lease,networkpolicy,role,rolebinding,pvc',
        '-n',
        NS,
        '-o',
        'name',
      )
        .split('\n')
        .filter((name) => name.includes('assay')),
    ).toEqual([]);
  });
});

import { globSync, readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { describe, expect, it } from 'vitest';
import { CLUSTER_CHECKS } from '../../collector/check/catalog.ts';
import { WRITTEN_KINDS } from '#core/cluster/test-object-kinds.ts';
import { objectOf, render, skipHelm, WHY_NO_HELM, type Manifest } from './helm.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

function rulesOf(objects: readonly Manifest[], kind: string, ending = ''): readonly Rule[] {
  return objectOf(objects, kind, ending).rules;
}

/** `group/resource: verbs`, one line per resource. */
function lines(rules: readonly Rule[]): readonly string[] {
  return rules.flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.map(
        (resource) => `${group}/${resource}${resourceNames === undefined ? '' : ` ${resourceNames.join(',')}`}: ${verbs.join(' ')}`,
      ),
    ),
  );
}

/** `resource.group` of every right on whole kinds, as check catalogs name them. */
function grantedKinds(rules: readonly Rule[]): ReadonlySet<string> {
  return new Set(
    rules.flatMap(({ apiGroups, resources }) =>
      apiGroups.flatMap((group) => resources.map((resource) => (group === '' ? resource : `${resource}.${group}`))),
    ),
  );
}

/** Kinds that the health checks of the embedded catalog look at. */
function healthCheckKinds(): readonly string[] {
  const kinds = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { apiVersion, kind } = node as Record<string, unknown>;
    if (typeof apiVersion === 'string' && typeof kind === 'string' && kind !== 'Test') kinds.add(kindName(apiVersion, kind));
    Object.values(node).forEach(visit);
  };
  for (const file of globSync('recipes/checks/**/*.yaml'))
    parseAllDocuments(readFileSync(file, 'utf8')).forEach((text) => visit(text.toJS()));
  return [...kinds];
}

function kindName(apiVersion: string, kind: string): string {
  const plural = kind.toLowerCase().replace(/y$/, 'ie').replace(/s$/, 'se') + 's';
  return apiVersion.includes('/') ? `${plural}.${apiVersion.split('/')[0]}` : plural;
}

describe.skipIf(skipHelm)(`rights ${WHY_NO_HELM}`, () => {
  it('of the agents are none', () => {
    const bindings = render('amd-schedule-active').filter(({ kind }) => kind === 'RoleBinding' || kind === 'ClusterRoleBinding');

    expect(bindings.flatMap(({ subjects }) => subjects)).toEqual(
      bindings.map(() => ({ kind: 'ServiceAccount', name: 'r-assay-collector', namespace: 'gpu' })),
    );
    expect(bindings.map(({ kind, roleRef }) => `${kind} ${roleRef.kind}/${roleRef.name}`).sort()).toEqual([
      'ClusterRoleBinding ClusterRole/gpu-r-assay-collector',
      'RoleBinding Role/r-assay-checks',
      'RoleBinding Role/r-assay-collector',
    ]);
  });

  it('of the collector in its namespace are these', () => {
    expect(lines(rulesOf(render('minimal'), 'Role'))).toEqual([
      '/pods: get list watch',
      '/events: get list watch',
      '/pods/log: get',
      'apps/daemonsets: get list watch',
      'batch/jobs: get list watch',
      '/configmaps r-assay-status: get update patch',
      'coordination.k8s.io/leases r-assay: get update patch',
    ]);
  });

  it('of the collector in the cluster read, review tokens, and see no Secret', () => {
    const rules = rulesOf(render('minimal'), 'ClusterRole');
    const written = rules.filter(({ verbs }) => verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)));

    expect(lines(written)).toEqual(['authentication.k8s.io/tokenreviews: create']);
    expect(lines(rules).filter((line) => line.startsWith('/'))).toEqual([
      '/nodes: get list watch',
      '/namespaces: get list',
      '/pods: get list',
      '/services: get list',
      '/configmaps: get',
      '/pods/proxy: get',
      '/services/proxy: get',
    ]);
    expect(
      lines(rules).filter((line) => /secrets|exec|attach|portforward|impersonate|\*\/|: .*\*/.test(line) || line.startsWith('/*')),
    ).toEqual([]);
  });

  it('to read pages through the API server can be left out', () => {
    expect(lines(rulesOf(render('minimal', ['checks.metrics=false']), 'ClusterRole')).filter((line) => /proxy|metrics/.test(line))).toEqual(
      [],
    );
  });

  it('of the collector in the cluster are those that its checks name, and no other', () => {
    const granted = grantedKinds(rulesOf(render('minimal'), 'ClusterRole'));
    // A check reads what it made in the namespace of the checks.
    const named = CLUSTER_CHECKS.flatMap(({ reads, writes }) => reads.filter((read) => !writes.includes(read)));
    const elsewhere = new Set(['pods/log', '/apis/custom.metrics.k8s.io/v1beta1', '/apis/external.metrics.k8s.io/v1beta1']);
    const needed = new Set([
      'nodes',
      'tokenreviews.authentication.k8s.io',
      '*.custom.metrics.k8s.io',
      '*.external.metrics.k8s.io',
      ...named.filter((read) => !elsewhere.has(read) && !read.includes(' ')),
      ...healthCheckKinds(),
    ]);

    expect([...granted].sort()).toEqual([...needed].sort());
  });

  it('of checks that create objects hold in their namespace only, for the kinds that they create', () => {
    const checks = objectOf(render('amd-schedule-active'), 'Role', '-checks');
    const rules: readonly Rule[] = checks.rules;
    const needed = new Set([
      ...WRITTEN_KINDS.map(({ apiVersion, kind }) => kindName(apiVersion, kind)),
      ...CLUSTER_CHECKS.flatMap(({ writes }) => writes),
    ]);

    expect(checks.metadata.namespace).toBe('gpu-r-assay-checks');
    expect(
      [...grantedKinds(rules.filter(({ verbs }) => ['get', 'list', 'create', 'delete'].every((verb) => verbs.includes(verb))))].sort(),
    ).toEqual([...needed].sort());
    expect(lines(rules.filter(({ verbs }) => !verbs.includes('create')))).toEqual(['/pods/log: get', '/events: get list watch']);
    expect(render('minimal').filter(({ metadata }) => metadata.name.endsWith('-checks'))).toEqual([]);
  });

  it('grow by the rules that are given, which only read', () => {
    expect(lines(rulesOf(render('amd-schedule-active'), 'ClusterRole')).at(-1)).toBe('example.org/widgets: get list');
  });
});

import { describe, expect, it } from 'vitest';
import { WRITTEN_KINDS } from '../../collector/check/workload/written-kinds.ts';
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

  it('of checks that create objects hold in their namespace only, for the kinds that they create', () => {
    const checks = objectOf(render('amd-schedule-active'), 'Role', '-checks');
    const allowed = new Set(
      (checks.rules as readonly Rule[])
        .filter(({ verbs }) => ['create', 'list', 'delete'].every((verb) => verbs.includes(verb)))
        .flatMap(({ apiGroups, resources }) => apiGroups.flatMap((group) => resources.map((resource) => `${group}/${resource}`))),
    );
    const needed = WRITTEN_KINDS.map(
      ({ apiVersion, kind }) => `${apiVersion.includes('/') ? apiVersion.split('/')[0] : ''}/${kind.toLowerCase()}s`,
    );

    expect(checks.metadata.namespace).toBe('gpu-r-assay-checks');
    expect(needed.filter((resource) => !allowed.has(resource))).toEqual([]);
    expect([...allowed].filter((resource) => !needed.includes(resource))).toEqual([]);
    expect(render('minimal').filter(({ metadata }) => metadata.name.endsWith('-checks'))).toEqual([]);
  });

  it('grow by the rules that are given, which only read', () => {
    expect(lines(rulesOf(render('amd-schedule-active'), 'ClusterRole')).at(-1)).toBe('example.org/widgets: get list');
  });
});

import type { ObjectKind } from '#core/cluster/cluster.ts';
import type { ComponentRef, ExpectedResource } from '#core/recipe/document.ts';
import type { ReadableCluster } from '../cluster-check.ts';
import { textAt } from '#core/cluster/object-value.ts';
import { problemOf, type Problem } from '../read/problem.ts';
import { workloadState } from '../read/workload-state.ts';

/** Kinds that a recipe may expect; of the last three only that they exist. @source upstream deployment checks, expected resources */
const KINDS: Readonly<Record<string, ObjectKind>> = {
  Deployment: { apiVersion: 'apps/v1', kind: 'Deployment' },
  DaemonSet: { apiVersion: 'apps/v1', kind: 'DaemonSet' },
  StatefulSet: { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  Service: { apiVersion: 'v1', kind: 'Service' },
  ConfigMap: { apiVersion: 'v1', kind: 'ConfigMap' },
  Secret: { apiVersion: 'v1', kind: 'Secret' },
};

/** Problems with the namespaces of components: each must exist and be Active. */
export async function namespaceProblems(cluster: ReadableCluster, components: readonly ComponentRef[]): Promise<readonly Problem[]> {
  const names = [...new Set(components.flatMap(({ namespace }) => namespace ?? []))].filter((name) => name !== '').sort();
  const problems = await Promise.all(names.map((name) => namespaceProblem(cluster, name)));
  return problems.flat();
}

/** Problems with the resources that one component promises. */
export async function resourceProblems(cluster: ReadableCluster, component: ComponentRef): Promise<readonly Problem[]> {
  const problems = await Promise.all((component.expectedResources ?? []).map((resource) => resourceProblem(cluster, component, resource)));
  return problems.flat();
}

async function namespaceProblem(cluster: ReadableCluster, name: string): Promise<readonly Problem[]> {
  const part = `namespace ${name}`;
  try {
    const found = await cluster.read({ apiVersion: 'v1', kind: 'Namespace', name });
    const phase = textAt(found, 'status', 'phase');
    if (found === undefined) return [{ outcome: 'fail', text: `${part} does not exist: install the components that live in it` }];
    return phase === 'Active' ? [] : [{ outcome: 'fail', text: `${part} is ${phase ?? 'without a phase'}, not Active` }];
  } catch (error) {
    return [problemOf(error, part)];
  }
}

async function resourceProblem(cluster: ReadableCluster, component: ComponentRef, resource: ExpectedResource): Promise<readonly Problem[]> {
  const namespace = resource.namespace ?? component.namespace;
  const part = `${component.name}: ${resource.kind} ${namespace === undefined ? '' : `${namespace}/`}${resource.name}`;
  const kind = KINDS[resource.kind];
  if (kind === undefined)
    return [{ outcome: 'unknown', text: `${part}: this kind cannot be expected, only ${Object.keys(KINDS).join(', ')}` }];
  if (namespace === undefined) return [{ outcome: 'unknown', text: `${part}: the recipe names no namespace` }];
  try {
    const object = await cluster.read({ ...kind, namespace, name: resource.name });
    if (object === undefined) return [{ outcome: 'fail', text: `${part} does not exist` }];
    const problem = workloadState(object)?.problem;
    return problem === undefined
      ? []
      : [{ outcome: 'fail', text: `${part} ${problem}: kubectl -n ${namespace} describe ${resource.kind} ${resource.name}` }];
  } catch (error) {
    return [problemOf(error, part)];
  }
}

import { conditionOf } from '#core/cluster/object-value.ts';
import type { ReadableCluster } from '../cluster-check.ts';
import { problemOf, type Problem } from './problem.ts';
import { workloadState } from './workload-state.ts';

/** Names a workload of `apps/v1`. */
export interface WorkloadName {
  readonly kind: 'Deployment' | 'DaemonSet' | 'StatefulSet';
  readonly namespace: string;
  readonly name: string;
}

/** How a workload is, and what is wrong with it. */
export interface ReadWorkload {
  readonly wanted: number;
  readonly ready: number;
  readonly problems: readonly Problem[];
}

/** Reads a workload and says what keeps it from being up; one that does not exist is a failure. @param install what would make it exist */
export async function readWorkload(cluster: Pick<ReadableCluster, 'read'>, workload: WorkloadName, install: string): Promise<ReadWorkload> {
  const { kind, namespace, name } = workload;
  const part = `${kind} ${namespace}/${name}`;
  try {
    const object = await cluster.read({ apiVersion: 'apps/v1', kind, namespace, name });
    if (object === undefined) return { wanted: 0, ready: 0, problems: [{ outcome: 'fail', text: `${part} does not exist: ${install}` }] };
    const { wanted = 0, ready = 0, problem } = workloadState(object) ?? {};
    const text = `${part} ${problem ?? ''}: kubectl -n ${namespace} describe ${kind} ${name}`;
    return { wanted, ready, problems: problem === undefined ? [] : [{ outcome: 'fail', text }] };
  } catch (error) {
    return { wanted: 0, ready: 0, problems: [problemOf(error, part)] };
  }
}

/** Problems with custom resource definitions: each must exist and be established. */
export async function definitionProblems(
  cluster: Pick<ReadableCluster, 'read'>,
  names: readonly string[],
  install: string,
): Promise<readonly Problem[]> {
  const problems = await Promise.all(names.map((name) => definitionProblem(cluster, name, install)));
  return problems.flat();
}

async function definitionProblem(cluster: Pick<ReadableCluster, 'read'>, name: string, install: string): Promise<readonly Problem[]> {
  const part = `CRD ${name}`;
  try {
    const object = await cluster.read({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name });
    if (object === undefined) return [{ outcome: 'fail', text: `${part} does not exist: ${install}` }];
    return conditionOf(object, 'Established')?.status === 'True' ? [] : [{ outcome: 'fail', text: `${part} is not established` }];
  } catch (error) {
    return [problemOf(error, part)];
  }
}

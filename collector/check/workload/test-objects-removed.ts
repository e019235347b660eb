import { fail, pass, skip, skipFor, unknown, type ClusterVerdict } from '../verdict.ts';
import type { Teardown } from './test-objects.ts';
import { RUN_LABEL } from '#core/cluster/test-object-kinds.ts';

/** The verdict about a run's test objects after the last look; undefined when the run could not make any. */
export function teardownVerdict(
  teardown: Teardown | undefined,
  { runId, namespace }: { readonly runId: string; readonly namespace: string },
): ClusterVerdict {
  if (teardown === undefined) return skipFor('active-checks', 'this run makes no test objects: checks.active is not set');
  const { created, left, problems } = teardown;
  const observed = { created, left: left.length, problems: problems.length };
  const cleanUp = `kubectl delete pods,jobs,deployments,hpa,resourceclaims -n ${namespace} -l ${RUN_LABEL}=${runId}`;
  if (left.length > 0) return fail(`${left.length} test objects are still there: ${left.join(', ')}; remove them: ${cleanUp}`, observed);
  if (problems.length > 0)
    return unknown(`it is not known whether all test objects are gone: ${problems.join('; ')}; look: ${cleanUp}`, observed);
  return created === 0 ? skip('no check had to make a test object', observed) : pass(`all ${created} test objects are gone`, observed);
}

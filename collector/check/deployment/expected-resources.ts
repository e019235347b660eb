import type { ClusterCheckContext } from '../cluster-check.ts';
import { enabledComponents } from '../read/component.ts';
import { foldProblems } from '../read/problem.ts';
import { skip, type ClusterVerdict } from '../verdict.ts';
import { componentHealth } from './component-health.ts';
import { namespaceProblems, resourceProblems } from './expected-resource.ts';
import { settlingProblems } from './settling.ts';

/**
 * Everything that the recipe's components promise is there: their namespaces, the resources that the recipe expects, what needs
 * time to settle, and the health check of each component. All that is wrong is said, not only the first.
 */
export async function checkExpectedResources(context: ClusterCheckContext): Promise<ClusterVerdict> {
  const components = enabledComponents(context.recipe);
  if (components.length === 0) return skip('the recipe deploys no component');
  const [namespaces, resources, settling, health] = await Promise.all([
    namespaceProblems(context.cluster, components),
    Promise.all(components.map((component) => resourceProblems(context.cluster, component))),
    settlingProblems(context),
    componentHealth(context),
  ]);
  const expected = components.reduce((sum, { expectedResources = [] }) => sum + expectedResources.length, 0);
  const observed = {
    components: components.length,
    expectedResources: expected,
    healthChecks: health.checks,
    operations: health.operations,
  };
  return foldProblems([...namespaces, ...resources.flat(), ...settling, ...health.problems], {
    good: `${components.length} components are there: ${expected} expected resources, ${health.checks} health checks with ${health.operations} conditions`,
    observed,
  });
}

import type { ClusterCheckContext } from '../cluster-check.ts';
import { namespaceProblems, resourceProblems } from '../deployment/expected-resource.ts';
import { enabledComponents } from '../read/component.ts';
import { foldProblems } from '../read/problem.ts';
import { skip, type ClusterVerdict } from '../verdict.ts';

/** The namespaces of all components are active, and the resources that the recipe expects are ready. */
export async function checkPlatformHealth({ cluster, recipe }: ClusterCheckContext): Promise<ClusterVerdict> {
  const components = enabledComponents(recipe);
  if (components.length === 0) return skip('the recipe deploys no component');
  const problems = await Promise.all([
    namespaceProblems(cluster, components),
    ...components.map((component) => resourceProblems(cluster, component)),
  ]);
  const expectedResources = components.reduce((sum, { expectedResources: expected = [] }) => sum + expected.length, 0);
  return foldProblems(problems.flat(), {
    good: `the namespaces of ${components.length} components are active, ${expectedResources} expected resources are ready`,
    observed: { components: components.length, expectedResources },
  });
}

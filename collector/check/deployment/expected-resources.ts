import type { ComponentRef } from '#core/recipe/document.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { enabledComponents } from '../read/component.ts';
import { waitFor } from '../read/wait-for.ts';
import { foldProblems, type Problem } from '../read/problem.ts';
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
  const enough = new AbortController();
  const [present, health, settling] = await Promise.all([
    stopsWhenFailed(presence(context, components), enough),
    stopsWhenFailed(componentHealth(context), enough),
    settlingProblems(context, enough.signal),
  ]);
  const expected = components.reduce((sum, { expectedResources = [] }) => sum + expectedResources.length, 0);
  const observed = {
    components: components.length,
    expectedResources: expected,
    healthChecks: health.checks,
    operations: health.operations,
  };
  return foldProblems([...present.problems, ...settling, ...health.problems], {
    good: `${components.length} components are there: ${expected} expected resources, ${health.checks} health checks with ${health.operations} conditions`,
    observed,
  });
}

interface Part {
  readonly problems: readonly Problem[];
}

/** Namespaces and expected resources; what is not ready is given the time between two looks, as after an installation. */
async function presence({ cluster, clock, signal, timing }: ClusterCheckContext, components: readonly ComponentRef[]): Promise<Part> {
  let problems: readonly Problem[] = [];
  await waitFor(
    async () => {
      const parts = [namespaceProblems(cluster, components), ...components.map((component) => resourceProblems(cluster, component))];
      problems = (await Promise.all(parts)).flat();
      return problems.some(({ outcome }) => outcome === 'fail') ? undefined : true;
    },
    { clock, signal, everyMs: timing.retryMs, timeoutMs: timing.pollMs },
  );
  return { problems };
}

/** What has failed already need not be waited for elsewhere. */
async function stopsWhenFailed<T extends Part>(part: Promise<T>, enough: AbortController): Promise<T> {
  const found = await part;
  if (found.problems.some(({ outcome }) => outcome === 'fail')) enough.abort();
  return found;
}

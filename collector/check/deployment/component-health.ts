import type { ComponentRef } from '#core/recipe/document.ts';
import { errorText } from '#core/error.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { inCompletionOrder } from '../completion-order.ts';
import { parseHealthChecks, type HealthCheck } from '../health/health-check.ts';
import { RecentLists } from '../health/recent-lists.ts';
import { runHealthCheck, type HealthOutcome } from '../health/run-health-check.ts';
import { enabledComponents } from '../read/component.ts';
import type { Problem } from '../read/problem.ts';

/** Health checks at one time: they mostly wait, and on a cluster that lacks everything each waits half a minute. */
const PARALLEL = 16;
/** An answer serves the operations that follow at once, never the next try. */
const MAX_AGE_MS = 1000;

/** What the health checks of a recipe's components found. */
export interface ComponentHealth {
  readonly problems: readonly Problem[];
  /** Health checks that were run, and operations in them. */
  readonly checks: number;
  readonly operations: number;
}

interface NamedCheck {
  readonly component: string;
  readonly check: HealthCheck;
}

/** Runs the health checks that the recipe carries for its components. One that cannot be read is a problem of its component, not of the others. */
export async function componentHealth(context: ClusterCheckContext): Promise<ComponentHealth> {
  const { clock, signal, timing } = context;
  const endsAt = clock.monotonicMs() + timing.healthMs;
  const problems: Problem[] = [];
  const named = enabledComponents(context.recipe).flatMap((component) => checksOf(component, problems));
  const tasks = named.map(({ component, check }) => async (): Promise<Problem | undefined> => {
    const lists = new RecentLists(context.cluster, clock, Math.min(MAX_AGE_MS, timing.retryMs / 2));
    const budgetMs = Math.max(0, endsAt - clock.monotonicMs());
    return problemFrom(component, await runHealthCheck(check, { lists, clock, signal, timing, budgetMs }));
  });
  for await (const problem of inCompletionOrder([{ tasks, parallel: PARALLEL }])) if (problem !== undefined) problems.push(problem);
  return { problems, checks: named.length, operations: named.reduce((sum, { check }) => sum + check.operations.length, 0) };
}

function checksOf({ name, healthCheckAsserts = '' }: ComponentRef, problems: Problem[]): readonly NamedCheck[] {
  if (healthCheckAsserts.trim() === '') return [];
  try {
    return parseHealthChecks(healthCheckAsserts, `health check of ${name}`).map((check) => ({ component: name, check }));
  } catch (error) {
    problems.push({ outcome: 'unknown', text: errorText(error) });
    return [];
  }
}

function problemFrom(component: string, found: HealthOutcome): Problem | undefined {
  return found.outcome === 'pass' ? undefined : { outcome: found.outcome, text: `${component}: ${found.text}` };
}

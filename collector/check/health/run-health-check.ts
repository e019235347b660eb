import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '#core/clock.ts';
import type { ClusterObject } from '#core/cluster/cluster.ts';
import { errorText, isAssayError } from '#core/error.ts';
import { textAt } from '#core/cluster/object-value.ts';
import type { CheckTiming } from '../timing.ts';
import type { HealthCheck, HealthOperation } from './health-check.ts';
import { mismatch } from './pattern.ts';
import type { RecentLists } from './recent-lists.ts';

/** Parts that every kept object has. */
const ALWAYS: readonly string[] = ['apiVersion', 'kind', 'metadata'];

/** What a health check found; `text` says which operation did not hold and why, or what could not be read. */
export type HealthOutcome = { readonly outcome: 'pass' } | { readonly outcome: 'fail' | 'unknown' | 'forbidden'; readonly text: string };

/** What a health check runs with. */
export interface HealthRun {
  readonly lists: RecentLists;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timing: Pick<CheckTiming, 'retryMs' | 'unseenMs'>;
  /** Above the test's own budget. */
  readonly budgetMs: number;
}

/** One look of one operation: it holds, it does not yet, or it never will. */
type Look =
  | { readonly state: 'holds' }
  | { readonly state: 'not-yet' | 'never' | 'forbidden'; readonly text: string; readonly seen: boolean; readonly isRead: boolean };

/**
 * Runs the operations of a health check in order, each until it holds or the time of the whole test is over. An object or kind that is not
 * there for {@link CheckTiming.unseenMs} ends the test early: it will hardly come.
 * @source Chainsaw subset: assert = some object matches; error = none matches, terminating objects and lost pods aside
 */
export async function runHealthCheck(check: HealthCheck, run: HealthRun): Promise<HealthOutcome> {
  const endsAt = run.clock.monotonicMs() + Math.min(check.budgetMs, run.budgetMs);
  for (const operation of check.operations) {
    const last = await untilItHolds(operation, run, endsAt);
    if (last.state === 'holds') continue;
    const text = `${operation.step}, ${describe(operation)}: ${last.text}`;
    if (last.state === 'forbidden') return { outcome: 'forbidden', text };
    return { outcome: last.state === 'never' || !last.isRead ? 'unknown' : 'fail', text };
  }
  return { outcome: 'pass' };
}

async function untilItHolds(operation: HealthOperation, { lists, clock, signal, timing }: HealthRun, endsAt: number): Promise<Look> {
  const startedAt = clock.monotonicMs();
  let everSeen = false;
  for (;;) {
    signal.throwIfAborted();
    const look = await lookOnce(operation, lists);
    if (look.state !== 'not-yet') return look;
    everSeen ||= look.seen;
    const now = clock.monotonicMs();
    const isHopeless = !everSeen && look.isRead && now - startedAt >= timing.unseenMs;
    if (isHopeless || now >= endsAt) return look;
    await delay(Math.min(timing.retryMs, endsAt - now), undefined, { signal });
  }
}

async function lookOnce(operation: HealthOperation, lists: RecentLists): Promise<Look> {
  try {
    const objects = await lists.find(operation.selection, operation.name, fieldsOf(operation));
    return operation.operation === 'assert' ? assertHolds(operation, objects) : errorHolds(operation, objects ?? []);
  } catch (error) {
    const text = errorText(error);
    const code = isAssayError(error) ? error.code : 'BUG';
    if (code === 'CLUSTER_FORBIDDEN') return { state: 'forbidden', text, seen: false, isRead: false };
    if (code === 'CLUSTER_UNREACHABLE') return { state: 'not-yet', text, seen: false, isRead: false };
    return { state: 'never', text, seen: false, isRead: false };
  }
}

/** Top-level parts of the object that an operation looks at; expressions at the top look at all of them. */
function fieldsOf({ pattern }: HealthOperation): readonly string[] {
  if (pattern.kind !== 'map' || pattern.queries.length > 0) return ['metadata', 'spec', 'status'];
  const named = pattern.fields.map(([key]) => key).filter((key) => !ALWAYS.includes(key));
  const hasMetadata = pattern.fields.some(([key, inner]) => key === 'metadata' && !isPlain(inner));
  return [...new Set(['status', ...named, ...(hasMetadata ? ['metadata'] : [])])].sort();
}

function isPlain(metadata: HealthOperation['pattern']): boolean {
  return (
    metadata.kind === 'map' &&
    metadata.queries.length === 0 &&
    metadata.fields.every(([key]) => ['name', 'namespace', 'labels'].includes(key))
  );
}

function assertHolds({ pattern }: HealthOperation, objects: readonly ClusterObject[] | undefined): Look {
  if (objects === undefined || objects.length === 0)
    return { state: 'not-yet', text: 'there is no such object', seen: false, isRead: true };
  const found = objects.map((object) => mismatch(pattern, object));
  if (found.includes(undefined)) return { state: 'holds' };
  const text = found[0]?.text ?? '';
  return { state: 'not-yet', text: objects.length === 1 ? text : `none of ${objects.length} objects: ${text}`, seen: true, isRead: true };
}

/** An expression that cannot be evaluated does not count as "does not match". */
function errorHolds({ pattern }: HealthOperation, objects: readonly ClusterObject[]): Look {
  for (const object of objects.filter((each) => !isLeaving(each))) {
    const found = mismatch(pattern, object);
    if (found === undefined) return { state: 'not-yet', text: `${object.kind} ${object.metadata.name} matches`, seen: true, isRead: true };
    if (found.isProblem) return { state: 'never', text: found.text, seen: true, isRead: true };
  }
  return { state: 'holds' };
}

function isLeaving(object: ClusterObject): boolean {
  return object.metadata.deletionTimestamp !== undefined || (object.kind === 'Pod' && textAt(object, 'status', 'reason') === 'NodeLost');
}

function describe({ operation, selection, name }: HealthOperation): string {
  const place = [selection.namespace, name].filter((part) => part !== undefined).join('/');
  const labels = selection.labels === undefined ? '' : ` with ${selection.labels}`;
  return `${operation === 'assert' ? 'expected' : 'must not be'} ${selection.kind}${place === '' ? '' : ` ${place}`}${labels}`;
}

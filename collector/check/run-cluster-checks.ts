import type { Clock } from '#core/clock.ts';
import type { Cluster, ObjectKind } from '#core/cluster/cluster.ts';
import { RUN_ORDER, type Phase } from '#core/ctrf/report.ts';
import type { CatalogFiles } from '#core/recipe/catalog.ts';
import type { Recipe } from '#core/recipe/document.ts';
import type { CheckResult } from '#core/wire/record.ts';
import { CLUSTER_CHECKS, TEARDOWN_CHECK } from './catalog.ts';
import type { ClusterCheck, ClusterCheckContext } from './cluster-check.ts';
import { inCompletionOrder, type TaskLane } from './completion-order.ts';
import { ClusterNodes } from './read/cluster-nodes.ts';
import { checkResult, runCheck } from './run-check.ts';
import { CHECK_TIMING, type CheckTiming } from './timing.ts';
import { TestObjectKeeper } from './workload/test-objects.ts';
import { teardownVerdict } from './workload/test-objects-removed.ts';

/** Checks that only look, at one time: enough to hide waiting, few enough for the API server. */
const PARALLEL = 4;

/** What the cluster checks of one run need. */
export interface ClusterCheckInput {
  readonly cluster: Cluster;
  readonly recipe: Recipe;
  /** Files of the catalog that the recipe comes from: manifests, pinned images. */
  readonly files?: CatalogFiles;
  /** Exact bytes of a CycloneDX document with the recipe's images, when one was supplied. */
  readonly bom?: Uint8Array;
  /** Phases of the run; checks of the others are not run. */
  readonly phases: readonly Phase[];
  /** Test objects carry it as label `assay.dev/run`. */
  readonly runId: string;
  /** Whether checks may make objects. */
  readonly active: boolean;
  /** Where they make them. */
  readonly namespace: string;
  /** The collector's Job: owner of the test objects in its own namespace. */
  readonly owner?: ObjectKind & { readonly name: string; readonly uid: string; readonly namespace: string };
  /** Names of checks whose results were recorded before a restart; they are not run again. */
  readonly recorded?: ReadonlySet<string>;
  readonly clock: Clock;
  /** Ends everything early: what has no verdict yet becomes `other`, and test objects are still removed. */
  readonly signal: AbortSignal;
  readonly timing?: Partial<CheckTiming>;
  /** Images of test pods, by name, where they differ from the built-in ones. */
  readonly images?: Readonly<Record<string, string>>;
  readonly fabric?: 'roce';
}

/**
 * Runs the cluster checks that the recipe names and Assay's own, and yields one result each, as they come: a check that throws,
 * hangs or is not permitted gives a result like any other. Checks that only look run side by side, those that make objects one
 * after the other. Never throws. After an abort it ends as soon as test objects are removed, at most {@link CheckTiming.teardownMs} later.
 */
export async function* runClusterChecks(input: ClusterCheckInput): AsyncIterable<CheckResult> {
  const keeper = input.active ? new TestObjectKeeper(keeperOptions(input)) : undefined;
  const reader = new AbortController();
  const live = { ...input, signal: AbortSignal.any([input.signal, reader.signal]) };
  let isTornDown = false;
  try {
    // What a process before this one left behind must not be taken for load or for a name conflict.
    await keeper?.sweep();
    yield* inCompletionOrder(lanesOf(live, keeper));
    const removed = await teardown(input, keeper);
    isTornDown = true;
    if (input.recorded?.has(TEARDOWN_CHECK.name) !== true) yield removed;
  } finally {
    // Whoever reads may stop reading at any result.
    reader.abort();
    if (!isTornDown) await keeper?.sweep();
  }
}

/** The results in the order in which a report shows them: that of the catalog. */
export function inEvidenceOrder(results: readonly CheckResult[]): readonly CheckResult[] {
  const places = new Map([...CLUSTER_CHECKS, TEARDOWN_CHECK].map(({ name }, place) => [name, place]));
  const placeOf = ({ check }: CheckResult): number => places.get(check) ?? places.size;
  return [...results].sort((left, right) => placeOf(left) - placeOf(right));
}

/** Checks that only look, side by side; those that make objects, one after the other. */
function lanesOf(input: ClusterCheckInput, keeper: TestObjectKeeper | undefined): readonly TaskLane<CheckResult>[] {
  const isActive = ({ writes }: ClusterCheck): boolean => keeper !== undefined && writes.length > 0;
  const selected = selectChecks(input);
  const nodes = new ClusterNodes(input.cluster, input.clock);
  const taskOf = (check: ClusterCheck) => (): Promise<CheckResult> =>
    runOne(check, input, { nodes, keeper: isActive(check) ? keeper : undefined });
  return [
    { tasks: selected.filter((check) => !isActive(check)).map(taskOf), parallel: PARALLEL },
    { tasks: selected.filter(isActive).map(taskOf), parallel: 1 },
  ];
}

/** Checks of the run's phases that the recipe names, and our own, in the order in which phases run. */
function selectChecks({ recipe, phases, recorded }: ClusterCheckInput): readonly ClusterCheck[] {
  const isNamed = ({ name, phase }: ClusterCheck): boolean => recipe.validation?.[phase]?.checks?.includes(name) === true;
  return RUN_ORDER.filter((phase) => phases.includes(phase))
    .flatMap((phase) => CLUSTER_CHECKS.filter((check) => check.phase === phase))
    .filter((check) => (check.origin === 'cluster' || isNamed(check)) && recorded?.has(check.name) !== true);
}

interface Shared {
  readonly nodes: ClusterNodes;
  /** Undefined for a check that only looks. */
  readonly keeper: TestObjectKeeper | undefined;
}

async function runOne(check: ClusterCheck, input: ClusterCheckInput, { nodes, keeper }: Shared): Promise<CheckResult> {
  const { cluster, recipe, files, bom, clock, signal, images = {}, fabric } = input;
  const context: Omit<ClusterCheckContext, 'signal' | 'objects'> = {
    cluster,
    nodes,
    recipe,
    files,
    bom,
    clock,
    images,
    fabric,
    timing: timingOf(input),
  };
  try {
    return await runCheck(check, { context, signal, ...(keeper === undefined ? {} : { keeper }) });
  } finally {
    await keeper?.clear();
  }
}

async function teardown(input: ClusterCheckInput, keeper: TestObjectKeeper | undefined): Promise<CheckResult> {
  const { clock } = input;
  const startedAtMs = clock.nowMs();
  const startedAt = clock.monotonicMs();
  const verdict = teardownVerdict(await keeper?.sweep(), input);
  return checkResult(TEARDOWN_CHECK, verdict, { startedAtMs, durationMs: Math.round(clock.monotonicMs() - startedAt) });
}

function keeperOptions(input: ClusterCheckInput): ConstructorParameters<typeof TestObjectKeeper>[0] {
  const { cluster, runId, namespace, owner, clock } = input;
  const { teardownMs, retryMs } = timingOf(input);
  return {
    cluster,
    runId,
    namespace,
    clock,
    timeoutMs: teardownMs,
    everyMs: Math.min(retryMs, 1000),
    ...(owner === undefined ? {} : { owner }),
  };
}

function timingOf({ timing }: ClusterCheckInput): CheckTiming {
  return { ...CHECK_TIMING, ...timing };
}

import type { Clock } from '#core/clock.ts';
import type { Cluster, ObjectKind } from '#core/cluster/cluster.ts';
import type { Phase } from '#core/ctrf/report.ts';
import type { CatalogFiles } from '#core/recipe/catalog.ts';
import type { Recipe } from '#core/recipe/document.ts';
import type { CheckResult } from '#core/wire/record.ts';
import type { CheckTiming } from './timing.ts';

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
 * hangs or is not permitted gives a result like any other. Never throws. After an abort it ends as soon as test objects are removed,
 * at most {@link CheckTiming.teardownMs} later.
 */
export async function* runClusterChecks(input: ClusterCheckInput): AsyncIterable<CheckResult> {
  void input;
  yield* [];
}

/** The results in the order in which a report shows them: that of the catalog. */
export function inEvidenceOrder(results: readonly CheckResult[]): readonly CheckResult[] {
  return results;
}

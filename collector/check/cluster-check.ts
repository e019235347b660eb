import type { Clock } from '#core/clock.ts';
import type { Cluster } from '#core/cluster/cluster.ts';
import type { Phase } from '#core/ctrf/report.ts';
import type { CatalogFiles } from '#core/recipe/catalog.ts';
import type { Recipe } from '#core/recipe/document.ts';
import type { ClusterNodes } from './read/cluster-nodes.ts';
import type { TestObjects } from './workload/test-objects.ts';
import type { CheckTiming } from './timing.ts';
import type { ClusterVerdict } from './verdict.ts';

/** What a check may do to the cluster without test objects: look. */
export type ReadableCluster = Pick<Cluster, 'read' | 'list' | 'watch' | 'get' | 'podLog'>;

/** What a check runs with. */
export interface ClusterCheckContext {
  readonly cluster: ReadableCluster;
  /** The nodes of the cluster, which many checks look at. */
  readonly nodes: ClusterNodes;
  readonly recipe: Recipe;
  /** Files of the recipe's catalog; undefined when the recipe came without one. */
  readonly files: CatalogFiles | undefined;
  /** A CycloneDX document of the recipe's images, beside what the catalog pins. */
  readonly bom: Uint8Array | undefined;
  readonly clock: Clock;
  /** Aborts at the check's deadline or with the run. */
  readonly signal: AbortSignal;
  readonly timing: CheckTiming;
  /** The way to make objects; undefined unless the run may and the check says that it writes. */
  readonly objects: TestObjects | undefined;
  /** Images of test pods by their name in {@link CHECK_IMAGES}, where they differ from it. */
  readonly images: Readonly<Record<string, string>>;
  /** Network that the operator says the cluster has. */
  readonly fabric: 'roce' | undefined;
}

/** One cluster check: a row of the catalog and of docs/reference/cluster-check.md. */
export interface ClusterCheck {
  /** Upstream's name where upstream has the check. */
  readonly name: string;
  readonly phase: Phase;
  /** What is true when it passes, in one line. */
  readonly summary: string;
  /** Kinds and API paths, as the documentation shows them. */
  readonly reads: readonly string[];
  /** Kinds of the test objects it makes; empty for a check that only looks. */
  readonly writes: readonly string[];
  /** When it is skipped, in one line. */
  readonly skipped: string;
  /** `recipe`: runs when the recipe's phase names it. `cluster`: always runs. */
  readonly origin: 'recipe' | 'cluster';
  /** Where the rule comes from. */
  readonly source: string;
  readonly deadlineMs: number;
  /** @throws anything: what is thrown becomes the result of this one check */
  readonly run: (context: ClusterCheckContext) => Promise<ClusterVerdict>;
}

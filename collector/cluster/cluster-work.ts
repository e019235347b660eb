import type { Cluster } from '#core/cluster/cluster.ts';
import { textAt } from '#core/cluster/object-value.ts';
import { errorText, isAssayError } from '#core/error.ts';
import type { CatalogFiles } from '#core/recipe/catalog.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { readClusterFacts } from '#core/cluster/facts/read-cluster-facts.ts';
import { runClusterChecks, type ClusterCheckInput } from '../check/run-cluster-checks.ts';
import type { CollectorConfig } from '../config.ts';
import type { CollectorContext } from '../gather-run.ts';
import type { RunReplay } from '../ledger/replay.ts';
import type { Gathering } from '../session/gathering.ts';

/** What the checks of the cluster are run with. */
export interface ClusterWorkInput {
  readonly cluster: Cluster;
  /** Namespace of the release. */
  readonly namespace: string;
  readonly jobUid: string;
  readonly config: CollectorConfig;
  readonly recipe: Recipe;
  readonly files: CatalogFiles | undefined;
  /** What was recorded before a restart is not done again. */
  readonly replay: RunReplay;
}

/** Checks and facts of the whole cluster, which come beside the agents' records and end before the seal. */
export class ClusterWork {
  readonly #input: ClusterWorkInput;
  readonly #context: CollectorContext;
  readonly #done = Promise.withResolvers<void>();
  readonly #stop = new AbortController();

  constructor(input: ClusterWorkInput, context: CollectorContext) {
    this.#input = input;
    this.#context = context;
  }

  /** Resolves when everything is recorded, or was stopped. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Ends checks early; test objects are still removed. */
  readonly stop = (): void => this.#stop.abort();

  /** Does the work, into the ledger of the run. Never throws: what cannot be recorded ends the gathering, which tells of it. */
  async run(gathering: Gathering): Promise<void> {
    try {
      await Promise.all([this.#facts(gathering), this.#checks(gathering)]);
    } catch (error) {
      const isExpected = this.#context.signal.aborted || (isAssayError(error) && error.code === 'RUN_SEALED');
      if (!isExpected) this.#context.log.error({ err: error }, 'checks of the cluster ended');
    } finally {
      this.#done.resolve();
    }
  }

  async #facts(gathering: Gathering): Promise<void> {
    if (this.#input.replay.cluster.clusterFacts !== undefined) return;
    await gathering.addClusterFacts(await readClusterFacts(this.#input.cluster));
  }

  async #checks(gathering: Gathering): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, this.#context.signal]);
    const { cluster, namespace, config, recipe, files, replay } = this.#input;
    const owner = config.checksActive ? await this.#owner() : undefined;
    const checks = runClusterChecks({
      cluster,
      recipe,
      phases: config.phases,
      runId: gathering.run.runId,
      active: config.checksActive,
      namespace: config.checksNamespace ?? namespace,
      recorded: new Set(replay.cluster.clusterChecks.map(({ check }) => check)),
      images: Object.fromEntries(config.checkImages),
      clock: this.#context.clock,
      signal,
      ...(files === undefined ? {} : { files }),
      ...(owner === undefined ? {} : { owner }),
    });
    for await (const result of checks) await gathering.addClusterCheck(result);
  }

  /** The Job of this pod, so that test objects go with it. */
  async #owner(): Promise<ClusterCheckInput['owner']> {
    const { cluster, namespace, jobUid } = this.#input;
    try {
      const jobs = (await cluster.list({ apiVersion: 'batch/v1', kind: 'Job', namespace })) ?? [];
      const name = textAt(
        jobs.find(({ metadata }) => metadata.uid === jobUid),
        'metadata',
        'name',
      );
      return name === undefined ? undefined : { apiVersion: 'batch/v1', kind: 'Job', name, uid: jobUid, namespace };
    } catch (error) {
      this.#context.log.warn({ error: errorText(error) }, 'the Job cannot be read; test objects are removed by name and label only');
      return undefined;
    }
  }
}

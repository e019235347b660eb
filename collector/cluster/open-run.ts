import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '#core/cluster/cluster.ts';
import type { FoundStatus } from '#core/cluster/read-run-status.ts';
import type { RunStatus } from '#core/cluster/run-status.ts';
import { sha256, type Digest } from '#core/digest/sha256.ts';
import { isAny } from '#core/recipe/criteria.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { nodeConstraints } from '#core/recipe/node-constraint.ts';
import type { CollectorConfig } from '../config.ts';
import { newRunEntry, openRunLedger, type CollectorContext } from '../gather-run.ts';
import type { RunEntry } from '../ledger/entry.ts';
import type { OpenedLedger } from '../ledger/ledger.ts';
import { readExpectedSet } from './expected-set.ts';

/** What a run in a cluster is opened from. */
export interface OpenRunInput {
  readonly cluster: Pick<Cluster, 'watch'>;
  readonly config: CollectorConfig;
  readonly jobUid: string;
  readonly runId: string;
  readonly recipe: Recipe;
  readonly found: FoundStatus;
}

/** States in which nothing was sealed yet: a collector that lost its disk goes on with this run, and agents fill it again. */
const UNSEALED: ReadonlySet<RunStatus['state']> = new Set(['waiting', 'gathering']);

/**
 * Opens the run: the one of the ledger; else, after a lost disk, the one that the status object tells of; else a new one, whose set
 * of nodes is fixed now.
 * @throws NO_GPU_NODE, the codes of the ledger and of the cluster
 */
export async function openRun(input: OpenRunInput, context: CollectorContext): Promise<OpenedLedger> {
  const { config } = input;
  return openRunLedger(config.stateDir, context, () => newRun(input, context));
}

/** True when this Job has published its run and has nothing left on its disk to go on with: everything is done. */
export function isAlreadyPublished({ config, jobUid, found }: Pick<OpenRunInput, 'config' | 'jobUid' | 'found'>): boolean {
  return found.status?.jobUid === jobUid && found.status.state === 'published' && !existsSync(join(config.stateDir, 'ledger'));
}

async function newRun(
  { cluster, config, jobUid, runId, recipe, found: { status } }: OpenRunInput,
  { clock, log }: CollectorContext,
): Promise<RunEntry> {
  const expected = await readExpectedSet(cluster, config.expectSelector);
  const names = expected.map(({ name }) => name);
  const earlier = status?.jobUid === jobUid && UNSEALED.has(status.state) ? status : undefined;
  if (earlier !== undefined) {
    const isSame = earlier.expectedDigest === sha256(names.join('\n'));
    log.warn({ runId, sameNodes: isSame }, 'the disk of this run was lost; agents send what they have again');
  }
  const previous = previousOf(status, jobUid);
  return newRunEntry(
    { ...config, accelerator: acceleratorOf(config, recipe), constraints: nodeConstraints(recipe) },
    openedAtMs(earlier) ?? clock.nowMs(),
    {
      runId,
      ...(earlier === undefined ? {} : { nonce: earlier.nonce }),
      expected: names,
      cluster: { nodeUids: expected.map(({ uid }) => uid), ...(earlier === undefined ? {} : { refilled: true }) },
      ...(previous === undefined ? {} : { previous }),
    },
  );
}

/** The deadline counts from the first start of the run. */
function openedAtMs(earlier: RunStatus | undefined): number | undefined {
  const ms = Date.parse(earlier?.openedAt ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

/** What was published last before this run. */
function previousOf(status: RunStatus | undefined, jobUid: string): Digest | undefined {
  const isEarlier = status?.jobUid !== jobUid && status?.state === 'published';
  // Both were checked to be digests when the status was read.
  return (isEarlier ? status.digest : status?.previousDigest) as Digest | undefined;
}

function acceleratorOf({ accelerator }: CollectorConfig, { criteria }: Recipe): string {
  const own = criteria?.accelerator;
  return isAny(accelerator) && own !== undefined && !isAny(own) ? own : accelerator;
}

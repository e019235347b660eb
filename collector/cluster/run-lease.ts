import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '#core/clock.ts';
import type { Cluster, ClusterObject } from '#core/cluster/cluster.ts';
import { at, numberAt, textAt } from '#core/cluster/object-value.ts';
import { releaseObjects } from '#core/cluster/run-status.ts';
import { AssayError, errorText, isAssayError } from '#core/error.ts';
import type { Log } from '#core/log.ts';

/** Whose lease it is, and who wants it. */
export interface LeaseOptions {
  readonly cluster: Pick<Cluster, 'read' | 'replace'>;
  readonly namespace: string;
  /** Full name of the release. */
  readonly release: string;
  /** UID of the Job: pods that follow one another in it are one holder. */
  readonly holder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Called once when somebody else holds the lease: this run must stop. */
  readonly onLost: (error: AssayError) => void;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A lease that is held and renewed. */
export interface HeldLease {
  /** Stops renewing. @param release true lets another run begin at once; false keeps it for the next pod of this Job */
  readonly end: (release: boolean) => Promise<void>;
}

/** Whoever does not renew for so long has lost it. */
const DURATION_S = 30;
const RENEW_MS = 10_000;
const WATCH_MS = 2000;
const MILLISECONDS = /\.(\d{3})Z$/;

/**
 * Takes the lease of a release: one run at a time. A lease that somebody else holds is watched for as long as it would last: only
 * one that is renewed meanwhile is in use, whatever the clocks of two nodes say.
 * @throws RUN_BUSY; CONFIG_INVALID when there is no lease object; the codes of the cluster
 */
export async function takeLease(options: LeaseOptions): Promise<HeldLease> {
  const wait = options.wait ?? ((ms, signal) => delay(ms, undefined, { signal }));
  for (const seen = new LeaseSight(options.clock); ; await wait(WATCH_MS, options.signal)) {
    const lease = await readLease(options);
    const holder = textAt(lease, 'spec', 'holderIdentity') ?? '';
    if (holder !== '' && holder !== options.holder && !seen.isOver(lease)) continue;
    if (await tryWrite(options, lease, options.holder)) return keep(options, wait);
  }
}

/** What was seen of a lease that another one holds. */
class LeaseSight {
  readonly #clock: Clock;
  #renewal: string | undefined;
  #sinceMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when the holder has not renewed it while this looked. @throws RUN_BUSY when it has */
  isOver(lease: ClusterObject): boolean {
    const renewal = `${textAt(lease, 'spec', 'holderIdentity') ?? ''} ${textAt(lease, 'spec', 'renewTime') ?? ''}`;
    if (this.#renewal === undefined) this.#sinceMs = this.#clock.monotonicMs();
    else if (renewal !== this.#renewal) throw busy(lease);
    this.#renewal = renewal;
    const durationMs = (numberAt(lease, 'spec', 'leaseDurationSeconds') ?? DURATION_S) * 1000;
    return this.#clock.monotonicMs() - this.#sinceMs > Math.min(durationMs, DURATION_S * 1000);
  }
}

function keep(options: LeaseOptions, wait: NonNullable<LeaseOptions['wait']>): HeldLease {
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const renewing = renew(options, wait, signal);
  return {
    end: async (release) => {
      over.abort();
      await renewing;
      if (release) await letGo(options);
    },
  };
}

async function renew(options: LeaseOptions, wait: NonNullable<LeaseOptions['wait']>, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await wait(RENEW_MS, signal);
      const lease = await readLease(options);
      const holder = textAt(lease, 'spec', 'holderIdentity');
      if (holder !== options.holder && holder !== '') return options.onLost(busy(lease));
      await tryWrite(options, lease, options.holder);
    } catch (error) {
      if (signal.aborted) return;
      // An outage of the API server is one for everybody: nobody else can take the lease meanwhile.
      options.log.warn({ error: errorText(error) }, 'the lease could not be renewed');
    }
  }
}

async function letGo(options: LeaseOptions): Promise<void> {
  try {
    const lease = await readLease(options);
    if (textAt(lease, 'spec', 'holderIdentity') === options.holder) await tryWrite(options, lease, '');
  } catch (error) {
    options.log.warn({ error: errorText(error) }, 'the lease could not be given back; it ends by itself');
  }
}

async function readLease({ cluster, namespace, release }: LeaseOptions): Promise<ClusterObject> {
  const name = releaseObjects(release).lease;
  const lease = await cluster.read({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name });
  if (lease !== undefined) return lease;
  throw new AssayError('CONFIG_INVALID', `there is no Lease ${name} in namespace ${namespace}`, {
    hint: 'The chart makes it: check ASSAY_RELEASE and ASSAY_NAMESPACE, or install the release again.',
  });
}

/** @returns false when somebody else wrote it meanwhile */
async function tryWrite({ cluster, clock }: LeaseOptions, lease: ClusterObject, holder: string): Promise<boolean> {
  const before = textAt(lease, 'spec', 'holderIdentity') ?? '';
  const now = new Date(clock.nowMs()).toISOString().replace(MILLISECONDS, '.$1000Z');
  const isNew = before !== holder && holder !== '';
  const spec = {
    ...(at(lease, 'spec') as object | undefined),
    holderIdentity: holder,
    leaseDurationSeconds: DURATION_S,
    renewTime: now,
    ...(isNew ? { acquireTime: now, leaseTransitions: (numberAt(lease, 'spec', 'leaseTransitions') ?? 0) + 1 } : {}),
  };
  try {
    await cluster.replace({ ...lease, spec });
    return true;
  } catch (error) {
    if (isAssayError(error) && error.code === 'CLUSTER_CONFLICT') return false;
    throw error;
  }
}

function busy(lease: ClusterObject): AssayError {
  const holder = textAt(lease, 'spec', 'holderIdentity') ?? 'unknown';
  return new AssayError('RUN_BUSY', `Job ${holder} holds the lease ${lease.metadata.name}: another run of this release is under way`, {
    hint: 'Wait until it ends (assay status), or end it: assay delete.',
    details: { holder },
  });
}

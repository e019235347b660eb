import { resolve } from 'node:path';
import type { Cluster } from '#core/cluster/cluster.ts';
import { connectCluster } from '#core/cluster/connect.ts';
import { readRunStatus, type FoundStatus } from '#core/cluster/read-run-status.ts';
import { releaseObjects, runIdOfJob } from '#core/cluster/run-status.ts';
import { rfc3339Seconds } from '#core/clock.ts';
import { AssayError, errorText, isAssayError, type ExitCode } from '#core/error.ts';
import { clearHandover, readSealed, writeEnded, writeSealed, type SealedHandover } from '#core/publish/handover.ts';
import { recipeName, type Recipe } from '#core/recipe/document.ts';
import type { CollectorConfig } from '../config.ts';
import { gatherRun, openSealedRun, type CollectorContext } from '../gather-run.ts';
import type { OpenedLedger } from '../ledger/ledger.ts';
import type { SealedSource } from '../ledger/sealed-run.ts';
import { filesOf, readRunRecipe } from '../read-run-recipe.ts';
import type { AgentServer } from '../session/agent-server.ts';
import { Gathering } from '../session/gathering.ts';
import type { ClusterSide } from '../session/node-presence.ts';
import { tokenAdmission } from '../session/token-admission.ts';
import { AgentWatch } from './agent-watch.ts';
import { awaitDelivery } from './await-delivery.ts';
import { ClusterWork } from './cluster-work.ts';
import { isAlreadyPublished, openRun } from './open-run.ts';
import { PresenceBoard } from './presence-board.ts';
import { takeLease } from './run-lease.ts';
import { RunStanding } from './run-state.ts';
import { StatusPublisher } from './status-publisher.ts';

/** What a run in a cluster is made of. */
interface ClusterRun {
  readonly config: CollectorConfig;
  readonly context: CollectorContext;
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly release: string;
  readonly jobUid: string;
  readonly runId: string;
  readonly outDir: string;
}

/**
 * One run in a cluster: lease, status, expected nodes, agents beside cluster checks, seal, bundle, and then the report of whoever
 * signs and pushes. A pod that follows another one of the same Job goes on with its run.
 * @param connect reaches the cluster
 * @returns 0 when every node has reported and no check failed, else 1
 */
export async function runInCluster(config: CollectorConfig, context: CollectorContext, connect = connectCluster): Promise<ExitCode> {
  const { release = '', jobUid = '' } = config;
  const [runId, outDir] = [runIdOfJob(jobUid), resolve(config.out)];
  try {
    await clearHandover(outDir, runId);
    const cluster = await connect(config.kubeconfig === undefined ? {} : { kubeconfig: config.kubeconfig });
    const namespace = config.namespace ?? cluster.namespace;
    return await underLease({ config, context, cluster, namespace, release, jobUid, runId, outDir });
  } catch (error) {
    // Whoever would sign must not wait for a seal that does not come.
    if ((await readSealed(outDir).catch(() => undefined)) === undefined)
      await writeEnded(outDir, { schemaVersion: '1.0.0', runId, reason: reasonOf(error) }).catch(() => undefined);
    throw error;
  }
}

/** Runs while nobody else does. */
async function underLease(run: ClusterRun): Promise<ExitCode> {
  const { context } = run;
  const lost = new AbortController();
  let failure: AssayError | undefined;
  const onLost = (error: AssayError): void => {
    failure = error;
    lost.abort();
  };
  const { clock, log, signal } = context;
  const lease = await takeLease({ ...run, holder: run.jobUid, clock, log, signal, onLost });
  let isFinal = false;
  try {
    const exit = await tellStory({ ...run, context: { ...context, signal: AbortSignal.any([signal, lost.signal]) } });
    isFinal = true;
    return exit;
  } catch (error) {
    // What another try of this Job may mend keeps the lease for it.
    isFinal = isAssayError(error) && error.exit !== 3;
    throw failure ?? error;
  } finally {
    await lease.end(isFinal && failure === undefined);
  }
}

async function tellStory(run: ClusterRun): Promise<ExitCode> {
  const { config, context } = run;
  const found = await findStatus(run);
  if (isAlreadyPublished({ ...run, found })) {
    context.log.info({ runId: run.runId }, 'an earlier pod of this Job has published the run');
    return found.status !== undefined && isClean(found.status.checks, found.status.nodes.absent) ? 0 : 1;
  }
  const recipe = await readRunRecipe(config);
  const opened = await openRun({ ...run, recipe, found }, context).catch(async (error: unknown) => {
    await tellFailure(run, found, { recipe, error });
    throw error;
  });
  try {
    return await withStatus({ ...run, found, recipe, opened });
  } finally {
    await opened.ledger.close();
  }
}

interface OpenedRun extends ClusterRun {
  readonly found: FoundStatus;
  readonly recipe: Recipe;
  readonly opened: OpenedLedger;
}

async function withStatus(run: OpenedRun): Promise<ExitCode> {
  const { opened, jobUid, recipe, context, found } = run;
  const gathered = await prepare(run);
  const { gathering } = gathered;
  const standing = new RunStanding({ run: opened.run, jobUid, recipe: recipeName(recipe.criteria) }, () => gathering.progress);
  const publisher = new StatusPublisher({ ...run, log: context.log, resourceVersion: found.resourceVersion }, () => standing.toStatus());
  await publisher.flush();
  publisher.begin();
  try {
    if (opened.replay.seal === undefined) await gathered.gather();
    const sealed = await openSealedRun(opened, context);
    standing.seal(sealed.run.sealedAtMs, sealed.run.absences);
    // Not waited for: evidence must not wait for an API server that is out.
    void publisher.flush();
    await handOver(run, sealed);
    await followDelivery(run, standing, publisher);
    const absent = Object.fromEntries(sealed.run.absences.map(({ reason }) => [reason, 1]));
    return isClean(gathering.progress.checks, absent) ? 0 : 1;
  } catch (error) {
    if (isAssayError(error) && error.exit !== 3) standing.stay('failed', reasonOf(error), error.hint);
    throw error;
  } finally {
    await publisher.end();
  }
}

interface Prepared {
  readonly gathering: Gathering;
  readonly gather: () => Promise<void>;
}

/** Puts together what listens to agents with what watches the cluster; a sealed run needs neither. */
async function prepare(run: OpenedRun): Promise<Prepared> {
  const { config, context, opened, cluster, namespace, release } = run;
  const shared = { ...opened, graceMs: config.grace, ...context };
  if (opened.replay.seal !== undefined) return { gathering: new Gathering(shared), gather: () => Promise.resolve() };
  const uids = opened.run.cluster?.nodeUids ?? [];
  const expected = opened.run.expected.map((name, index) => ({ name, uid: uids[index] ?? '' }));
  const watch = new AgentWatch({ cluster, namespace, release, expected, log: context.log, onChange: (node) => board.update(node) });
  const board = new PresenceBoard(context.clock, (node) => watch.stateOf(node));
  const work = new ClusterWork({ ...run, replay: opened.replay, files: await filesOf(run.recipe, config) }, context);
  let server: AgentServer | undefined;
  const incidentCounts = (): Record<string, number> => countIncidents(opened, server);
  const side: ClusterSide = { presence: board, checks: work, stallMs: config.stall, incidentCounts };
  const gathering = new Gathering({ ...shared, cluster: side });
  const agent = releaseObjects(release).agent;
  const audience = config.tokenAudience ?? `assay.${namespace}.${release}`;
  const names = { namespace, serviceAccount: agent, daemonSet: agent };
  const admission = tokenAdmission({ cluster, audience, ...names, pods: watch.pods, clock: context.clock });
  const gather = async (): Promise<void> => {
    const over = new AbortController();
    try {
      await watch.start(AbortSignal.any([context.signal, over.signal]));
      board.begin(opened.run.expected);
      void work.run(gathering);
      await gatherRun({ config, admission, gathering, onListening: (listening) => (server = listening) }, context);
    } finally {
      work.stop();
      await work.done;
      board.end();
      over.abort();
    }
  };
  return { gathering, gather };
}

/** Writes the bundle, and says last that it is there. After a restart what was handed over stays, because it may be signed by now. */
async function handOver({ config, context, outDir, runId }: ClusterRun, sealed: SealedSource): Promise<SealedHandover> {
  const before = await readSealed(outDir);
  if (before?.runId === runId) return before;
  const { recipe, digest } = await context.finish(sealed, config, context.emit);
  const handover: SealedHandover = { schemaVersion: '1.0.0', runId, recipe, digest, sealedAt: rfc3339Seconds(sealed.run.sealedAtMs) };
  await writeSealed(outDir, handover);
  return handover;
}

async function followDelivery(run: ClusterRun, standing: RunStanding, publisher: StatusPublisher): Promise<void> {
  const { config, context, outDir, runId } = run;
  const last = await awaitDelivery({
    directory: outDir,
    runId,
    waitMs: config.deliveryWait,
    ...context,
    onReport: (report) => {
      const { state, final, oci, digest, reason, pointer } = report;
      const more = { ...(oci === undefined ? {} : { oci }), ...(reason === undefined ? {} : { reason }) };
      context.emit({ event: 'delivery', state, final, digest, ...more });
      standing.deliver(report);
      if (pointer !== undefined && state === 'published') publisher.setPointer(pointer);
    },
  });
  if (last !== undefined) return;
  context.log.warn({ runId }, 'nobody has signed or pushed the evidence in time');
  standing.stay(
    'pending',
    `TIMEOUT: nobody signed or pushed the evidence within ${String(config.deliveryWait / 1000)} s`,
    'See the log of the container "sign".',
  );
}

async function findStatus({ cluster, namespace, release }: ClusterRun): Promise<FoundStatus> {
  const found = await readRunStatus(cluster, namespace, release);
  if (found !== undefined) return found;
  throw new AssayError('CONFIG_INVALID', `there is no ConfigMap ${releaseObjects(release).status} in namespace ${namespace}`, {
    hint: 'The chart makes it: check ASSAY_RELEASE and ASSAY_NAMESPACE, or install the release again.',
  });
}

/** A run that cannot even be opened leaves its reason in the status too. */
async function tellFailure(run: ClusterRun, found: FoundStatus, { recipe, error }: { recipe: Recipe; error: unknown }): Promise<void> {
  const { config, context, jobUid, runId } = run;
  if (!isAssayError(error) || error.exit === 3) return;
  const entry = {
    kind: 'run',
    format: 1,
    runId,
    nonce: '0'.repeat(64),
    openedAtMs: context.clock.nowMs(),
    deadlineMs: config.deadline,
  } as const;
  const plan = { accelerator: config.accelerator, phases: [] };
  const none = { expected: 0, connected: 0, finished: 0, absent: {}, checks: { passed: 0, failed: 0, skipped: 0, other: 0 } };
  const frame = { run: { ...entry, expected: [], plan }, jobUid, recipe: recipeName(recipe.criteria) };
  const standing = new RunStanding(frame, () => none);
  standing.stay('failed', reasonOf(error), error.hint);
  await new StatusPublisher({ ...run, log: context.log, resourceVersion: found.resourceVersion }, () => standing.toStatus()).end();
}

function countIncidents({ replay }: OpenedLedger, server: AgentServer | undefined): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of replay.cluster.incidents) counts[code] = (counts[code] ?? 0) + 1;
  for (const { code, count } of server?.incidents() ?? []) counts[code] = (counts[code] ?? 0) + count;
  return counts;
}

function isClean(
  { failed, other }: { readonly failed: number; readonly other: number },
  absent: Readonly<Record<string, number>>,
): boolean {
  return failed + other === 0 && Object.keys(absent).length === 0;
}

function reasonOf(error: unknown): string {
  return isAssayError(error) ? `${error.code}: ${error.message}` : errorText(error);
}

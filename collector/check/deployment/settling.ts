import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterObject } from '#core/cluster/cluster.ts';
import type { ComponentRef } from '#core/recipe/document.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { componentOf } from '../read/component.ts';
import { textAt } from '#core/cluster/object-value.ts';
import { problemOf, type Problem } from '../read/problem.ts';
import { workloadState } from '../read/workload-state.ts';
import type { CheckTiming } from '../timing.ts';

const SKYHOOK = { apiVersion: 'skyhook.nvidia.com/v1alpha1', kind: 'Skyhook' };
const CUSTOMIZATIONS = 'nodewright-customizations';
const DRA_DRIVER = 'nvidia-dra-driver-gpu';
const KUBELET_PLUGIN = '-kubelet-plugin';

/**
 * Problems with what comes up in minutes and flaps while it does: Skyhook objects, which restart nodes, and the kubelet plug-in of the
 * DRA driver. Their good state has to hold for {@link CheckTiming.stableMs}. What is not there at all for {@link CheckTiming.unseenMs} is not waited for.
 * @param enough aborts when the check has failed anyway: what is wrong then is said without waiting
 * @source upstream deployment checks, expected resources step 3
 */
export async function settlingProblems(context: ClusterCheckContext, enough: AbortSignal): Promise<readonly Problem[]> {
  const looks = [skyhookLook(context), pluginLook(context)].filter((look) => look !== undefined);
  const problems = await Promise.all(looks.map((look) => untilStable(look, context, enough)));
  return problems.flat();
}

/** Gives what is wrong now; empty when all is well. */
type StateLook = () => Promise<readonly StateProblem[]>;

interface StateProblem extends Problem {
  /** The object is not there at all. */
  readonly isAbsent?: true;
}

async function untilStable(
  look: StateLook,
  { clock, signal, timing }: ClusterCheckContext,
  enough: AbortSignal,
): Promise<readonly Problem[]> {
  const startedAt = clock.monotonicMs();
  let goodSince: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    const problems = await look();
    const now = clock.monotonicMs();
    goodSince = problems.length > 0 ? undefined : (goodSince ?? now);
    if (goodSince !== undefined && now - goodSince >= timing.stableMs) return [];
    if (enough.aborted || isHopeless(problems, now - startedAt, timing)) return problems;
    if (now - startedAt >= timing.settleMs)
      return problems.length > 0 ? problems : [{ outcome: 'fail', text: `did not stay ready for ${timing.stableMs} ms` }];
    await delay(timing.pollMs, undefined, { signal: AbortSignal.any([signal, enough]) }).catch(() => undefined);
  }
}

function isHopeless(problems: readonly StateProblem[], waitedMs: number, { unseenMs }: CheckTiming): boolean {
  if (problems.some(({ outcome }) => outcome === 'forbidden')) return true;
  return waitedMs >= unseenMs && problems.some(({ isAbsent }) => isAbsent === true);
}

function skyhookLook({ cluster, recipe, files }: ClusterCheckContext): StateLook | undefined {
  const component = componentOf(recipe, CUSTOMIZATIONS);
  if (component === undefined) return undefined;
  return async () => {
    try {
      const names = skyhookNames(component, (path) => files?.text(path));
      const found = await cluster.list(SKYHOOK);
      if (found === undefined) return [absent('the cluster does not know Skyhook: install nodewright-operator')];
      return names === undefined ? allComplete(found) : names.flatMap((name) => isComplete(name, found));
    } catch (error) {
      return [problemOf(error, 'Skyhook')];
    }
  };
}

/** @returns undefined when the manifests are not at hand: then every Skyhook object counts */
function skyhookNames({ manifestFiles = [] }: ComponentRef, read: (path: string) => string | undefined): readonly string[] | undefined {
  const texts = manifestFiles.map(read);
  if (texts.length === 0 || texts.includes(undefined)) return undefined;
  return texts
    .flatMap((text) => (text ?? '').split(/^---$/m))
    .filter((document) => /^kind: Skyhook\s*$/m.test(document))
    .flatMap((document) => /^metadata:\s*$[\s\S]*?^ {2}name: *(\S+)\s*$/m.exec(document)?.[1] ?? []);
}

function allComplete(found: readonly ClusterObject[]): readonly StateProblem[] {
  if (found.length === 0) return [absent('there is no Skyhook object: install nodewright-customizations')];
  return found.flatMap(({ metadata }) => isComplete(metadata.name, found));
}

function isComplete(name: string, found: readonly ClusterObject[]): readonly StateProblem[] {
  const skyhook = found.find(({ metadata }) => metadata.name === name);
  if (skyhook === undefined) return [absent(`Skyhook ${name} does not exist`)];
  const status = textAt(skyhook, 'status', 'status');
  return status === 'complete'
    ? []
    : [{ outcome: 'fail', text: `Skyhook ${name} is ${status ?? 'without a status'}, not complete: kubectl describe skyhook ${name}` }];
}

function pluginLook({ cluster, recipe }: ClusterCheckContext): StateLook | undefined {
  const component = componentOf(recipe, DRA_DRIVER);
  if (component === undefined) return undefined;
  const namespace = component.namespace ?? 'nvidia-dra-driver';
  return async () => {
    try {
      const sets = (await cluster.list({ apiVersion: 'apps/v1', kind: 'DaemonSet', namespace })) ?? [];
      return pluginProblems(
        namespace,
        sets.filter(({ metadata }) => metadata.name.endsWith(KUBELET_PLUGIN)),
      );
    } catch (error) {
      return [problemOf(error, 'DRA kubelet plug-in')];
    }
  };
}

function pluginProblems(namespace: string, plugins: readonly ClusterObject[]): readonly StateProblem[] {
  const [plugin] = plugins;
  if (plugin === undefined || plugins.length > 1)
    return [absent(`namespace ${namespace} has ${plugins.length} DaemonSets named *${KUBELET_PLUGIN}, not one`)];
  const problem = workloadState(plugin)?.problem;
  return problem === undefined ? [] : [{ outcome: 'fail', text: `DaemonSet ${namespace}/${plugin.metadata.name} ${problem}` }];
}

function absent(text: string): StateProblem {
  return { outcome: 'fail', text, isAbsent: true };
}

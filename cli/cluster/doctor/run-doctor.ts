import type { ExitCode } from '#core/error.ts';
import type { RegistryOptions } from '#core/oci/registry/credential.ts';
import { isAssayError } from '#core/error.ts';
import { readAgents } from '../agents-view.ts';
import type { ClusterPlace } from '../cluster-flags.ts';
import { findRelease, type Release } from '../find-release.ts';
import { accessLines } from './access-lines.ts';
import type { ChartPlan } from './chart-plan.ts';
import { planFromValues } from './chart-plan.ts';
import { checkLines } from './check-lines.ts';
import { readCluster, type ClusterReading } from './cluster-reading.ts';
import { fail, ok, warn, type DoctorLine } from './doctor-line.ts';
import { namespaceLines } from './namespace-lines.ts';
import { nodeLines } from './node-lines.ts';
import { plannedRecipe } from './planned-recipe.ts';
import { registryLines } from './registry-lines.ts';
import { planOfRelease } from './release-plan.ts';
import { signingLines } from './signing-lines.ts';

/** What the doctor is asked. */
export interface DoctorQuestion {
  /** Name of the release: the one that is there, else the one that would be installed. */
  readonly release?: string;
  /** Values of a release that is not installed yet, or is to be changed; the installed one is looked at when absent. */
  readonly values?: unknown;
  /** Ask neither registry nor signing services. */
  readonly offline: boolean;
  readonly registry: RegistryOptions;
  readonly timeoutMs: number;
}

/** Everything that was looked at: the document of `--format json`, less its `exit`. */
export interface Diagnosis {
  readonly namespace: string;
  readonly release: string;
  readonly installed: boolean;
  readonly lines: readonly DoctorLine[];
}

/** A plan and what was read of the cluster it is for. */
export interface Examined {
  readonly plan: ChartPlan;
  readonly reading: ClusterReading;
  readonly release: Release | undefined;
}

const DEFAULT_RELEASE = 'assay';
const SKEW_WARN_MS = 5_000;
/** Tokens that are not valid yet by more than this are not used. */
const SKEW_FAIL_MS = 60_000;

/** Reads the cluster, and what a release asks of it. @throws USAGE, CLUSTER_*, KUBECONFIG_INVALID */
export async function examine(place: ClusterPlace, { release: name, values }: DoctorQuestion): Promise<Examined> {
  const release = await releaseOrNone(place, name);
  const installed = release === undefined || values !== undefined ? undefined : await planOfRelease(place, release);
  const named = { namespace: place.namespace, helmRelease: release?.helmRelease ?? name ?? DEFAULT_RELEASE };
  const plan = installed ?? planFromValues(values ?? {}, named);
  return { plan, release: installed === undefined ? undefined : release, reading: await readCluster(place.cluster, plan) };
}

/** Predicts what a run will do, line by line. @throws CLUSTER_* */
export async function diagnose(place: ClusterPlace, examined: Examined, question: DoctorQuestion): Promise<Diagnosis> {
  const { plan, reading, release } = examined;
  const planned = await plannedRecipe(plan);
  const agents = release === undefined ? undefined : await readAgents(place, release, plan.expectSelector);
  return {
    namespace: plan.namespace,
    release: plan.release,
    installed: plan.isInstalled,
    lines: [
      ...clusterLines(reading),
      ...nodeLines(reading, plan, agents),
      planned.line,
      ...accessLines(plan, reading),
      ...checkLines(plan, reading, planned.recipe),
      ...namespaceLines(plan, reading),
      ...(question.offline ? [] : await serviceLines(place, examined, question)),
    ],
  };
}

/** 1 when a run would not do what it should. */
export function diagnosisExit({ lines }: Diagnosis): ExitCode {
  return lines.some(({ level }) => level === 'fail') ? 1 : 0;
}

async function releaseOrNone(place: ClusterPlace, name: string | undefined): Promise<Release | undefined> {
  try {
    return await findRelease(place, name);
  } catch (error) {
    if (isAssayError(error) && error.code === 'RUN_NOT_FOUND') return undefined;
    throw error;
  }
}

async function serviceLines(place: ClusterPlace, { plan, reading }: Examined, question: DoctorQuestion): Promise<readonly DoctorLine[]> {
  const { cluster } = place;
  if (!plan.isWhole)
    return [
      warn(
        { section: 'registry', id: 'settings' },
        'the release has neither Job nor CronJob to read its registry and signing services from',
        'Give its values: --chart-values FILE (helm get values RELEASE).',
      ),
    ];
  const { registry: options, timeoutMs } = question;
  const [registry, signing] = await Promise.all([
    registryLines(plan, { cluster, options }),
    signingLines(plan, reading, { cluster, timeoutMs, nowMs: Date.now() }),
  ]);
  return [...registry, ...signing];
}

function clusterLines({ version, skewMs, nodes, unread }: ClusterReading): readonly DoctorLine[] {
  const at = { section: 'cluster', id: 'clock' } as const;
  const seconds = Math.round((skewMs ?? 0) / 1000);
  const ahead = `this computer's clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} the API server's`;
  const sync = 'Let both clocks be set by NTP: tokens and certificates live for minutes.';
  const skew = Math.abs(skewMs ?? 0);
  return [
    ok('cluster', 'api', `Kubernetes ${version ?? 'of an unknown version'} with ${nodes.length} node(s)`),
    skew > SKEW_FAIL_MS
      ? fail(at, ahead, sync)
      : skew > SKEW_WARN_MS
        ? warn(at, ahead, sync)
        : ok(
            'cluster',
            'clock',
            skewMs === undefined ? 'the API server does not tell the time' : `clocks agree within ${Math.ceil(skew / 1000)} s`,
          ),
    ...unread.map((what) =>
      warn({ section: 'cluster', id: 'rights' }, `could not be read, ${what}`, 'What depends on it is not predicted.'),
    ),
  ];
}

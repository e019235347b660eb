import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STATUS_KEY, type RunState, type RunStatus } from '#core/cluster/run-status.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import type { Api, ApiObject } from '../bed/api.ts';
import { call } from '../bed/call.ts';
import { bedProgram, place } from '../bed/place.ts';
import type { Bed } from '../bed/up.ts';
import { until } from '../bed/until.ts';
import type { BedServices } from '../services.ts';
import { bedValues, type Values } from './values.ts';

/** What a release is installed on. */
export interface Ground {
  readonly bed: Bed;
  readonly api: Api;
  readonly services: BedServices;
}

const CHART = join(import.meta.dirname, '..', '..', '..', 'charts', 'assay');
const NAME = 'assay';
const GONE_MS = 60_000;

/** One release of the chart in a namespace of its own. */
export class Release {
  readonly name = NAME;
  readonly namespace: string;
  /** When `helm install` was called, on this process's clock. */
  readonly startedAt = performance.now();
  readonly #ground: Ground;

  private constructor(ground: Ground, namespace: string) {
    this.#ground = ground;
    this.namespace = namespace;
  }

  /** Makes the namespace, under the strictest Pod Security where it says so, and installs the chart. */
  static async install(ground: Ground, namespace: string, options: InstallOptions = {}): Promise<Release> {
    await ground.api.post('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: options.labels ?? {} },
    });
    await options.before?.(namespace);
    const release = new Release(ground, namespace);
    await release.#helm('install', options.values);
    return release;
  }

  /** Starts another run: the release's revision is part of the Job's name. */
  async upgrade(values: Values = {}): Promise<void> {
    await this.#helm('upgrade', values);
  }

  async #helm(verb: 'install' | 'upgrade', changes: Values | undefined): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'assay-release-'));
    try {
      const file = join(folder, 'values.json');
      writeFileSync(file, JSON.stringify(bedValues(this.#ground.bed, this.#ground.services, changes)));
      await helm([verb, this.name, CHART, '--namespace', this.namespace, '--values', file]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Status of the run as the release tells it; undefined before there is one. */
  async status(): Promise<RunStatus | undefined> {
    const text = (await this.statusData())[STATUS_KEY.status];
    return text === undefined || text === '' ? undefined : (JSON.parse(text) as RunStatus);
  }

  /** Everything in the status ConfigMap. */
  async statusData(): Promise<Readonly<Record<string, string>>> {
    return (await this.#ground.api.get(this.path('configmaps', `${this.name}-status`)))?.data ?? {};
  }

  /** Waits until the run is in one of these states. @throws with what the pods say */
  async untilState(states: readonly RunState[], withinMs: number): Promise<RunStatus> {
    const look = async (): Promise<RunStatus | undefined> => {
      const status = await this.status();
      return status !== undefined && states.includes(status.state) ? status : undefined;
    };
    return until(`run of ${this.namespace} to be ${states.join(' or ')}`, look, { withinMs, everyMs: 200, explain: () => this.explain() });
  }

  /** Pods of a component, newest last. */
  async pods(component: 'agent' | 'collector'): Promise<readonly ApiObject[]> {
    const labels = encodeURIComponent(`app.kubernetes.io/instance=${this.name},app.kubernetes.io/component=${component}`);
    return this.#ground.api.list(`/api/v1/namespaces/${this.namespace}/pods?labelSelector=${labels}`);
  }

  /** The agent's pod on a node that is not being deleted. */
  async agentOn(node: string): Promise<ApiObject | undefined> {
    return (await this.pods('agent')).find((pod) => pod.spec.nodeName === node && pod.metadata.deletionTimestamp === undefined);
  }

  async jobs(): Promise<readonly ApiObject[]> {
    return this.#ground.api.list(`/apis/batch/v1/namespaces/${this.namespace}/jobs`);
  }

  /** Path of an object of the core group in the release's namespace. */
  path(resource: string, name: string): string {
    return `/api/v1/namespaces/${this.namespace}/${resource}/${name}`;
  }

  async log(pod: string, container: string): Promise<string> {
    return this.#ground.api.text(`${this.path('pods', pod)}/log?container=${container}`);
  }

  /** What the collectors of this release have printed so far, oldest pod first; the log of a pod that is gone is gone too. */
  async events(): Promise<readonly RunEvent[]> {
    const pods = await this.pods('collector');
    const logs = await Promise.all(pods.map((pod) => this.log(pod.metadata.name, 'collect').catch(() => '')));
    return logs.flatMap((log) => log.split('\n').flatMap(eventOf));
  }

  /** Waits until a collector has printed an event like this one. */
  async untilEvent(wanted: Partial<RunEvent>, withinMs: number): Promise<RunEvent> {
    const matches = (event: RunEvent): boolean =>
      Object.entries(wanted).every(([key, value]) => (event as Record<string, unknown>)[key] === value);
    return until(`event ${JSON.stringify(wanted)} in ${this.namespace}`, async () => (await this.events()).find(matches), {
      withinMs,
      everyMs: 150,
      explain: () => this.explain(),
    });
  }

  /** Removes the release; its namespace stays. */
  async uninstallOnly(): Promise<void> {
    await helm(['uninstall', this.name, '--namespace', this.namespace, '--ignore-not-found']);
  }

  /** Removes the release and its namespace. */
  async uninstall(): Promise<void> {
    await this.uninstallOnly();
    await this.#ground.api.remove(`/api/v1/namespaces/${this.namespace}`);
  }

  /** Waits until nothing of the namespace is left. */
  async untilGone(): Promise<void> {
    const look = async (): Promise<boolean> => (await this.#ground.api.get(`/api/v1/namespaces/${this.namespace}`)) === undefined;
    await until(`namespace ${this.namespace} to be gone`, look, { withinMs: GONE_MS });
  }

  /** What is known about the release, for an error. */
  async explain(): Promise<string> {
    const pods = [...(await this.pods('agent')), ...(await this.pods('collector'))];
    const lines = [JSON.stringify(await this.status())];
    for (const pod of pods) {
      lines.push(
        `${pod.metadata.name} on ${String(pod.spec.nodeName)}: ${JSON.stringify(pod.status.containerStatuses?.map(({ state, restartCount }: any) => ({ state, restartCount })))}`,
      );
      for (const { name } of pod.spec.containers) lines.push(...(await this.#lastLines(pod.metadata.name, name)));
    }
    return lines.join('\n');
  }

  async #lastLines(pod: string, container: string): Promise<readonly string[]> {
    const text = await this.log(pod, container).catch(String);
    return text
      .trim()
      .split('\n')
      .slice(-SHOWN_LINES)
      .map((line) => `  ${container}: ${line.slice(0, SHOWN_LENGTH)}`);
  }
}

const [SHOWN_LINES, SHOWN_LENGTH] = [8, 300];

/** An event, or nothing for a line of the log that is none. */
function eventOf(line: string): readonly RunEvent[] {
  if (!line.startsWith('{"event":')) return [];
  try {
    return [JSON.parse(line) as RunEvent];
  } catch {
    return [];
  }
}

/** How a release is installed. */
export interface InstallOptions {
  /** Laid over the values of the bed. */
  readonly values?: Values;
  /** Labels of the namespace. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Makes what must be in the namespace before. */
  readonly before?: (namespace: string) => Promise<void>;
}

async function helm(args: readonly string[]): Promise<string> {
  const home = join(place.run, 'helm');
  const env = { KUBECONFIG: place.kubeconfig, HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home };
  return call(bedProgram('helm'), args, { env });
}

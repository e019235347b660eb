import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { place } from '../cluster/bed/place.ts';

export const CHART = 'charts/assay';
/** Values that the chart is rendered under, with what they stand for. */
export const VALUES = ['minimal', 'private-sigstore', 'amd-schedule-active'] as const;
export type ValuesName = (typeof VALUES)[number];

const REQUIRED = process.env['ASSAY_REQUIRE_CLUSTER'] === '1';

/** Path of a program: where the bed builds it, else on PATH. */
export function findProgram(name: string): string | undefined {
  const directories = [process.env['ASSAY_TEST_BIN'] ?? place.bin, ...(process.env['PATH'] ?? '').split(delimiter)];
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path));
}

/** These tests need helm itself: they are skipped where there is none, unless the cluster's tests must run. */
export const skipHelm = !REQUIRED && findProgram('helm') === undefined;
export const WHY_NO_HELM = '(skipped where helm is neither on PATH nor built: npm run test:cluster)';

/** These need an API server, and kubectl. */
export const kubeconfig = process.env['ASSAY_TEST_KUBECONFIG'] ?? '';
export const skipServer = !REQUIRED && (kubeconfig === '' || skipHelm || findProgram('kubectl') === undefined);
export const WHY_NO_SERVER = '(skipped without an API server in ASSAY_TEST_KUBECONFIG: npm run test:cluster)';

/** helm and kubectl keep caches in their home. */
const home = join(tmpdir(), 'assay-chart-tests');

export interface Called {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Calls helm or kubectl, by default with no cluster to talk to. */
export function call(
  name: 'helm' | 'kubectl',
  args: readonly string[],
  options: { readonly input?: string; readonly server?: boolean } = {},
): Called {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`no ${name}: npm run test:cluster builds it`);
  const { status, stdout, stderr } = spawnSync(path, args, {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: home, KUBECONFIG: options.server === true ? kubeconfig : '/dev/null' },
    ...(options.input === undefined ? {} : { input: options.input }),
    maxBuffer: 16 << 20,
  });
  return { exit: status, stdout, stderr };
}

/** Like {@link call}, for what must work. */
export function told(
  name: 'helm' | 'kubectl',
  args: readonly string[],
  options: { readonly input?: string; readonly server?: boolean } = {},
): string {
  const { exit, stdout, stderr } = call(name, args, options);
  if (exit !== 0) throw new Error(`${name} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

export function valuesFile(name: ValuesName): string {
  return `${CHART}/ci/${name}-values.yaml`;
}

// eslint-disable-next-line -- manifests are what they are
export type Manifest = any;

/** The chart as helm renders it for a release `r` in the namespace `gpu`, without what only a test makes. */
export function render(name: ValuesName, set: readonly string[] = []): readonly Manifest[] {
  const text = told('helm', ['template', 'r', CHART, '-n', 'gpu', '-f', valuesFile(name), ...set.flatMap((value) => ['--set', value])]);
  return manifests(text).filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] === undefined);
}

/** What `helm test` makes. */
export function renderTest(name: ValuesName): readonly Manifest[] {
  return manifests(
    told('helm', ['template', 'r', CHART, '-n', 'gpu', '-f', valuesFile(name), '--show-only', 'templates/tests/release.yaml']),
  );
}

/** Why helm refuses to render. */
export function refusal(name: ValuesName, set: readonly string[]): string {
  const { exit, stderr } = call('helm', [
    'template',
    'r',
    CHART,
    '-n',
    'gpu',
    '-f',
    valuesFile(name),
    ...set.flatMap((value) => ['--set', value]),
  ]);
  return exit === 0 ? 'rendered' : stderr;
}

export function manifests(text: string): readonly Manifest[] {
  // Kubernetes reads YAML 1.1: 0440 is octal.
  return parseAllDocuments(text, { version: '1.1' })
    .map((document) => document.toJS())
    .filter((manifest) => manifest !== null);
}

/** The one object of a kind, by the end of its name where there are several. */
export function objectOf(objects: readonly Manifest[], kind: string, ending = ''): Manifest {
  const found = objects.filter((object) => object.kind === kind && String(object.metadata.name).endsWith(ending));
  if (found.length !== 1) throw new Error(`${found.length} objects ${kind} …${ending}`);
  return found[0];
}

/** Pod spec of the agents. */
export function agentPod(objects: readonly Manifest[]): Manifest {
  return objectOf(objects, 'DaemonSet').spec.template.spec;
}

/** Pod spec of a run, and its containers by name. */
export function runPod(objects: readonly Manifest[]): { readonly pod: Manifest; readonly collect: Manifest; readonly sign: Manifest } {
  const pod = objectOf(objects, 'Job').spec.template.spec;
  const [collect, sign] = pod.containers;
  return { pod, collect, sign };
}

/** Variables of a container that are plain text; what comes from elsewhere is replaced by an example. */
export function variables(container: Manifest, examples: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(
    container.env.map(({ name, value }: { name: string; value?: string }) => [name, value ?? examples[name] ?? 'from elsewhere']),
  );
}

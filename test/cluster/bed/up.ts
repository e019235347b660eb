import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openApi, type Api } from './api.ts';
import { callAny } from './call.ts';
import { down } from './down.ts';
import { buildPause, buildProgramImages, type ProgramImages } from './images.ts';
import { layDefaultMachines } from './machine.ts';
import { makeBridge, network } from './network.ts';
import { API_READY, startNode } from './node.ts';
import { makeKeys, writeKubeconfig } from './pki.ts';
import { nodePlace, place } from './place.ts';
import { recordedNames, recordedPid } from './process-record.ts';
import { IMAGE_REGISTRY, startImageRegistry } from './registry.ts';
import { report, timed } from './report.ts';
import { until } from './until.ts';

/** The bed while it is up: the content of `bed.json`. */
export interface Bed {
  readonly nodes: number;
  readonly kubeconfig: string;
  readonly images: ProgramImages;
}

/** Real nodes of the bed; the first one is the control plane too. */
export const NODES = 3;
/** Fake GPUs of each. */
export const GPUS = 8;

const ROOT = join(import.meta.dirname, '..', '..', '..');
const API_MS = 90_000;
const READY_MS = 180_000;

/** Starts the cluster and waits until it is usable: nodes ready, accounts made, Services served everywhere. @throws when one is up */
export async function up(): Promise<Bed> {
  if (recordedNames().some((name) => recordedPid(name) !== undefined)) throw new Error('a bed is up: node test/cluster/main.ts down');
  await down();
  try {
    return await start();
  } catch (error) {
    await down();
    throw error;
  }
}

async function start(): Promise<Bed> {
  for (const folder of [place.run, place.images]) await mkdir(folder, { recursive: true });
  await makeKeys(NODES);
  await writeKubeconfigs();
  await makeBridge();
  await timed('image registry', startImageRegistry);
  const { repository, digest } = await buildPause(report);
  const pause = `${IMAGE_REGISTRY}/${repository}@${digest}`;
  for (let index = 1; index <= NODES; index++) await startNode({ index, nodes: NODES, pause, gpus: GPUS });
  layDefaultMachines();
  const [images] = await Promise.all([timed('images', () => buildProgramImages(ROOT, report)), timed('cluster', untilUsable)]);
  const bed: Bed = { nodes: NODES, kubeconfig: place.kubeconfig, images };
  await writeFile(place.bed, JSON.stringify(bed, null, 2));
  return bed;
}

async function writeKubeconfigs(): Promise<void> {
  await writeKubeconfig(place.kubeconfig, 'admin');
  const names = ['controllers', 'scheduler', 'proxy', ...Array.from({ length: NODES }, (_, index) => `node-${index + 1}`)];
  for (const name of names) await writeKubeconfig(join(place.run, `${name}.kubeconfig`), name);
}

async function untilUsable(): Promise<void> {
  const api = openApi(place.kubeconfig);
  try {
    const look = { withinMs: API_MS, explain: () => `see ${nodePlace(1).log}` };
    await until('API server', async () => (await api.text('/readyz')) === 'ok', look);
    await writeFile(API_READY, '');
    report('API server ready');
    await allowDiscovery(api);
    await until('nodes to be ready', async () => (await readyNodes(api)) === NODES, { ...look, withinMs: READY_MS });
    report('nodes ready');
    await until(
      'first service account',
      async () => (await api.get('/api/v1/namespaces/default/serviceaccounts/default')) !== undefined,
      look,
    );
    for (let index = 1; index <= NODES; index++) await until(`Services at node ${index}`, () => servesServices(index), look);
  } finally {
    api.close();
  }
}

async function readyNodes(api: Api): Promise<number> {
  const nodes = await api.list('/api/v1/nodes');
  const isReady = (conditions: readonly { readonly type: string; readonly status: string }[] = []): boolean =>
    conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  return nodes.filter(({ status }) => isReady(status.conditions) && Number(status.allocatable?.['nvidia.com/gpu'] ?? 0) === GPUS).length;
}

/** A ready node is not yet one whose pods reach a Service. */
async function servesServices(index: number): Promise<boolean> {
  const pid = recordedPid(`node-${index}`);
  if (pid === undefined) throw new Error(`node ${index} has ended: ${nodePlace(index).log}/node.log`);
  const { exit } = await callAny('nsenter', [
    '-t',
    String(pid),
    '-n',
    'timeout',
    '2',
    'bash',
    '-c',
    `exec 3<>/dev/tcp/${network.apiService}/443`,
  ]);
  return exit === 0;
}

/** Verifiers of tokens read the issuer's keys without credentials. */
async function allowDiscovery(api: Api): Promise<void> {
  const rbac = 'rbac.authorization.k8s.io';
  await api.post(`/apis/${rbac}/v1/clusterrolebindings`, {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'bed-issuer-discovery' },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'system:service-account-issuer-discovery' },
    subjects: [{ apiGroup: rbac, kind: 'Group', name: 'system:unauthenticated' }],
  });
}

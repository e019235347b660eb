import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../../tools/services/child.ts';
import { openApi } from './api.ts';
import { makeLightKeys } from './pki.ts';
import { bedProgram, place } from './place.ts';
import { endRecorded, recordedNames, startRecorded } from './process-record.ts';
import { until } from './until.ts';

/** A cluster without machines: API server, controllers, scheduler, and kwok, which plays nodes that have its annotation. */
export interface LightTier {
  /** Kubeconfig of an administrator (JSON). */
  readonly kubeconfig: string;
  readonly stop: () => Promise<void>;
}

const KEYS = join(place.light, 'key');
const LOG = join(place.light, 'log');
const READY_MS = 90_000;

/** Starts it on free ports of this machine's loopback; needs no rights. One at a time. */
export async function startLightTier(): Promise<LightTier> {
  await stopLightTier();
  for (const folder of [place.light, LOG]) await mkdir(folder, { recursive: true });
  const [api, etcd, peer] = [await freePort(), await freePort(), await freePort()];
  const kubeconfig = join(place.light, 'kubeconfig.json');
  await makeLightKeys(KEYS, { kubeconfig, server: `https://127.0.0.1:${api}` });
  start('etcd', etcdWords(etcd, peer));
  start('kube-apiserver', apiServerWords(api, etcd));
  const client = openApi(kubeconfig);
  try {
    const look = { withinMs: READY_MS, explain: () => `see ${LOG}` };
    await until('API server on loopback', async () => (await client.text('/readyz')) === 'ok', look);
    startControllers(kubeconfig);
    await until(
      'first service account',
      async () => (await client.get('/api/v1/namespaces/default/serviceaccounts/default')) !== undefined,
      look,
    );
  } finally {
    client.close();
  }
  return { kubeconfig, stop: stopLightTier };
}

/** Ends what an earlier call started, and removes its data. */
export async function stopLightTier(): Promise<void> {
  for (const name of recordedNames(place.light)) await endRecorded(name, place.light);
  await rm(place.light, { recursive: true, force: true });
}

function start(name: string, args: readonly string[]): void {
  startRecorded({ name, program: bedProgram(name), args, log: join(LOG, `${name}.log`) }, place.light);
}

function startControllers(kubeconfig: string): void {
  const common = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0'];
  start('kube-controller-manager', [
    ...common,
    '--use-service-account-credentials',
    `--service-account-private-key-file=${join(KEYS, 'accounts.key')}`,
    `--root-ca-file=${join(KEYS, 'ca.crt')}`,
    '--node-monitor-grace-period=20s',
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ]);
  start('kube-scheduler', [...common, '--kube-api-qps=500', '--kube-api-burst=1000']);
  start('kwok', kwokWords(kubeconfig));
}

/** Arguments of kwok, which keeps nodes with the annotation `kwok.x-k8s.io/node: fake` ready, and says that pods on them run. */
export function kwokWords(kubeconfig: string): readonly string[] {
  return [
    `--config=${bedProgram('kwok-stages.yaml')}`,
    `--kubeconfig=${kubeconfig}`,
    '--manage-all-nodes=false',
    '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
    '--node-lease-duration-seconds=40',
  ];
}

function etcdWords(port: number, peer: number): readonly string[] {
  const [client, peers] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peer}`];
  return [
    '--name=light',
    `--data-dir=${join(place.light, 'etcd')}`,
    '--unsafe-no-fsync',
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=light=${peers}`,
    '--log-level=error',
  ];
}

function apiServerWords(port: number, etcd: number): readonly string[] {
  const issuer = `https://127.0.0.1:${port}`;
  return [
    `--etcd-servers=http://127.0.0.1:${etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--tls-cert-file=${join(KEYS, 'apiserver.crt')}`,
    `--tls-private-key-file=${join(KEYS, 'apiserver.key')}`,
    `--client-ca-file=${join(KEYS, 'ca.crt')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.97.0.0/16',
    `--service-account-issuer=${issuer}`,
    `--service-account-key-file=${join(KEYS, 'accounts.pub')}`,
    `--service-account-signing-key-file=${join(KEYS, 'accounts.key')}`,
    '--endpoint-reconciler-type=none',
    // The distribution's etcd is too old for it, and clients that are refused wait for half a minute between two tries.
    '--feature-gates=WatchList=false',
    '--allow-privileged',
  ];
}

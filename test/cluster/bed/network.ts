import { readFile } from 'node:fs/promises';
import { call } from './call.ts';

const PREFIX = '10.90.0';

/** Addresses of the bed. The machine has the first of the private bridge, nodes the next ones, pods a network per node. */
export const network = {
  host: `${PREFIX}.1`,
  controlPlane: `${PREFIX}.2`,
  services: '10.96.0.0/16',
  apiService: '10.96.0.1',
  pods: '10.244.0.0/16',
  domain: 'cluster.local',
  apiPort: 6443,
  registryPort: 5000,
} as const;

/** What must be equal to the `iss` claim, and what a verifier of tokens fetches keys from. */
export const CLUSTER_ISSUER = `https://${network.controlPlane}:${network.apiPort}`;

const BRIDGE = 'assaybed';

/** Address of a node on the bridge. @param index from 1 */
export function nodeAddress(index: number): string {
  return `${PREFIX}.${index + 1}`;
}

/** Pod network of a node. */
export function podNetwork(index: number): string {
  return `10.244.${index}.0/24`;
}

/** Name of the machine's end of a node's link: taken down, it cuts the node off. */
export function nodeLink(index: number): string {
  return `${BRIDGE}${index}`;
}

/** Makes the bridge; nothing behind it leads out of this machine, because the machine forwards nothing. */
export async function makeBridge(): Promise<void> {
  await call('ip', ['link', 'add', BRIDGE, 'type', 'bridge']);
  await call('ip', ['addr', 'add', `${network.host}/24`, 'dev', BRIDGE]);
  await call('ip', ['link', 'set', BRIDGE, 'up']);
}

/** Gives a node its `eth0`, and this machine a way to its pods. @param pid first process of the node */
export async function connectNode(index: number, pid: number): Promise<void> {
  await call('ip', ['link', 'add', nodeLink(index), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)]);
  await call('ip', ['link', 'set', nodeLink(index), 'master', BRIDGE, 'up']);
  await call('ip', ['route', 'add', podNetwork(index), 'via', nodeAddress(index)]);
  if (index === 1) await call('ip', ['route', 'add', network.services, 'via', network.controlPlane]);
}

/** Removes the bridge with its routes; links of nodes went with them. */
export async function removeBridge(): Promise<void> {
  for (const link of await bedLinks()) await call('ip', ['link', 'del', link]).catch(() => undefined);
}

/** Links of a bed on this machine: none after it is down. */
export async function bedLinks(): Promise<readonly string[]> {
  const table = await readFile('/proc/net/dev', 'utf8');
  return [...table.matchAll(/^\s*(\S+):/gm)].map(([, name]) => name ?? '').filter((name) => name.startsWith(BRIDGE));
}

/** Connects a node's link or takes it away. */
export async function setNodeLink(index: number, state: 'up' | 'down'): Promise<void> {
  await call('ip', ['link', 'set', nodeLink(index), state]);
}

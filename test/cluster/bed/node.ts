import { readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { groupFolders, makeGroup, removeGroup } from './cgroup.ts';
import { connectNode, network, nodeAddress, podNetwork } from './network.ts';
import { nodeFiles, nodeServices, REGISTRY_HOSTS, registryHosts, type NodeSettings } from './node-files.ts';
import { bedProgram, nodePlace, place } from './place.ts';
import { endRecorded, recordedPid, recordProcess, startDetached } from './process-record.ts';
import { until } from './until.ts';

/** A node that is started. */
export interface NodeStart extends NodeSettings {
  readonly gpus: number;
}

const HERE = import.meta.dirname;
const START_MS = 10_000;

/** Appears when the API server is ready; programs that need it wait for it. */
export const API_READY = join(place.run, 'api-ready');

/** Folders of the node's cgroup, one per hierarchy. */
function groupFile(index: number): string {
  return join(place.run, `node-${index}.groups`);
}

/** Starts a node. Containers of an earlier life are gone; images stay. */
export async function startNode(settings: NodeStart): Promise<void> {
  const { index } = settings;
  await writeNode(settings);
  const groups = groupFolders(`assay-bed-${index}`);
  await writeFile(groupFile(index), `${groups.join('\n')}\n`);
  await makeGroup(groups);
  const { root, log } = nodePlace(index);
  const routes = others(settings).map((other) => `${podNetwork(other)}=${nodeAddress(other)}`);
  const settingsOfNode = [root, String(index), nodeAddress(index), network.host, place.bin, API_READY, ...routes];
  const outer = startDetached({
    program: join(HERE, 'enter-node.sh'),
    args: [groupFile(index), join(HERE, 'node.sh'), ...settingsOfNode],
    log: join(log, 'node.log'),
  });
  const first = await until(`node ${index}`, async () => childInOwnNetwork(outer), { withinMs: START_MS, everyMs: 10 });
  recordProcess(`node-${index}`, first);
  await connectNode(index, first);
}

/** Ends a node at once, as a power cut does, and removes what it left. */
export async function stopNode(index: number): Promise<void> {
  await endRecorded(`node-${index}`);
  let groups: readonly string[];
  try {
    groups = readFileSync(groupFile(index), 'utf8').trim().split('\n');
  } catch {
    return;
  }
  await removeGroup(groups);
  await rm(groupFile(index));
}

/** Makes the node's registry answer nothing: what it has not pulled it cannot pull. */
export async function breakPulls(index: number): Promise<void> {
  await writeFile(hostsFile(index), '[host."http://127.0.0.1:1"]\n  capabilities = ["pull", "resolve"]\n');
}

/** Gives the node its registry back. */
export async function healPulls(index: number): Promise<void> {
  await writeFile(hostsFile(index), registryHosts());
}

function hostsFile(index: number): string {
  return join(nodePlace(index).root, REGISTRY_HOSTS);
}

/** Ends the kubelet of a node, which is then started again and registers anew. */
export async function restartKubelet(index: number): Promise<void> {
  const program = bedProgram('kubelet');
  for (const pid of processesOf(index)) {
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`${program}\0`)) process.kill(pid, 'SIGKILL');
  }
}

/** Processes that share the network of a node and are none of its pods. */
function processesOf(index: number): readonly number[] {
  const first = recordedPid(`node-${index}`);
  if (first === undefined) throw new Error(`node ${index} has ended`);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return networkOf(pid) === networkOf(first);
      } catch {
        return false;
      }
    });
}

function others({ index, nodes }: NodeSettings): readonly number[] {
  return Array.from({ length: nodes }, (_, other) => other + 1).filter((other) => other !== index);
}

async function writeNode(settings: NodeStart): Promise<void> {
  const { root, log, machine, devices } = nodePlace(settings.index);
  for (const name of ['varlib/kubelet', 'varlib/cni', 'varlog', 'service', 'log', 'etcd'])
    await rm(join(root, name), { recursive: true, force: true });
  const folders = [
    'varlib/kubelet/device-plugins',
    'varlib/cni',
    'varlog/pods',
    'containerd',
    'volume-plugins',
    'service',
    ...(settings.index === 1 ? ['etcd'] : []),
  ];
  for (const folder of [...folders.map((name) => join(root, name)), log, machine, devices]) await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(nodeFiles(settings))) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  for (const [order, service] of nodeServices(settings, settings.gpus).entries()) {
    const file = join(root, 'service', `${10 + order}-${service.name}${service.afterApi === true ? '.after-api' : ''}`);
    const [program = '', ...words] = service.words;
    await writeFile(file, `#!/bin/sh\nexec ${[bedProgram(program), ...words].map(quoted).join(' ')}\n`);
    await chmod(file, 0o755);
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** First process of the node: the only child of the one that made the namespaces, once it is in them. */
function childInOwnNetwork(outer: number): number | undefined {
  const child = childOf(outer);
  if (child === undefined) return undefined;
  return networkOf(child) === networkOf(process.pid) ? undefined : child;
}

function childOf(parent: number): number | undefined {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      if (Number(fields[1]) === parent) return Number(name);
    } catch {
      continue;
    }
  }
  return undefined;
}

function networkOf(pid: number): number {
  return statSync(`/proc/${pid}/ns/net`).ino;
}

import { textOf } from '../vendor/parsed.ts';
import { isPlaceholder } from '../vendor/value.ts';
import type { CheckContext } from './check.ts';
import { nvidiaSubjects } from './nvidia-gpu.ts';
import { fail, pass, skip, skipFor, unknown, warn, withoutSource, withoutTool, type Verdict } from './verdict.ts';

/** Why memory export between nodes does not matter here, or undefined when it does. */
async function notNeeded(context: CheckContext): Promise<Verdict | undefined> {
  const subjects = await nvidiaSubjects(context);
  if (!subjects.ready) return subjects.verdict;
  const isInDomain = subjects.value.some(({ gpu }) => {
    const domain = textOf(gpu.fabric.clusterUuid);
    return domain !== undefined && !isPlaceholder(domain);
  });
  return isInDomain ? undefined : skip('not part of a multi-node NVLink domain');
}

/** The IMEX domain, through which nodes of a rack share memory, is up with every node ready. @source NVIDIA IMEX guide */
export async function checkImexDomain(context: CheckContext): Promise<Verdict> {
  const none = await notNeeded(context);
  if (none !== undefined) return none;
  const read = await context.node.imex();
  // With the DRA driver one daemon runs per workload in a pod of its own, and nothing on the host.
  if (read.state === 'absent') return skipFor('vendor-tool', `no IMEX daemon on this host: ${read.reason}`);
  if (read.state !== 'read') return withoutTool(read);
  const { domain, nodes } = read.value;
  const unready = nodes.filter(({ state }) => state !== 'READY').map(({ node, state }) => `${node} ${state}`);
  const versions = [...new Set(nodes.map(({ version }) => version).filter((version) => version !== undefined))];
  const links = nodes.flatMap(({ node, connections }) =>
    Object.entries(connections).map(([peer, state]) => ({ pair: `${node}-${peer}`, state })),
  );
  const broken = links.filter(({ state }) => state !== 'CONNECTED');
  const observed = { domain, nodes: nodes.length, unready, versions, brokenConnections: broken.length };
  if (domain === undefined) return unknown('the IMEX daemon tells no domain state', observed);
  if (domain === 'DOWN') return fail('the IMEX domain is down', observed);
  const mismatch = broken.filter(({ state }) => state.endsWith('MISMATCH'));
  if (mismatch.length > 0)
    return fail(`IMEX peers do not match: ${mismatch.map(({ pair, state }) => `${pair} ${state}`).join(', ')}`, observed);
  if (versions.length > 1) return fail(`IMEX versions differ: ${versions.join(', ')}`, observed);
  if (domain === 'DEGRADED') return degraded(unready, broken, observed);
  return unready.length > 0
    ? warn(`IMEX nodes not ready: ${unready.join(', ')}`, observed)
    : pass(`IMEX domain up, ${nodes.length} nodes`, observed);
}

function degraded(
  unready: readonly string[],
  broken: readonly { readonly pair: string; readonly state: string }[],
  observed: Readonly<Record<string, unknown>>,
): Verdict {
  const why = [...unready, ...broken.map(({ pair, state }) => `${pair} ${state}`)];
  // A degraded domain whose listed nodes are all connected is degraded elsewhere.
  return why.length === 0
    ? warn('the IMEX domain is degraded by a node that is not listed', observed)
    : fail(`the IMEX domain is degraded: ${why.join(', ')}`, observed);
}

const CHANNELS = '/dev/nvidia-caps-imex-channels';

/** The channel through which workloads use the domain exists. */
export async function checkImexChannels(context: CheckContext): Promise<Verdict> {
  const none = await notNeeded(context);
  if (none !== undefined) return none;
  const devices = await context.host.readText('/proc/devices');
  if (devices.state !== 'read') return withoutSource(context.host, devices);
  const major = /^ *(\d+) nvidia-caps-imex-channels$/m.exec(devices.value)?.[1];
  const channels = await context.host.list(CHANNELS);
  const observed = { driverKnows: major !== undefined, channels: channels.state === 'read' ? channels.value.length : 0 };
  if (major === undefined) return fail('the driver knows no IMEX channels', observed);
  if (channels.state === 'read' && channels.value.includes('channel0')) return pass(`${channels.value.length} IMEX channels`, observed);
  return skip('no IMEX channel device here: made per workload, or not visible in this container', observed);
}

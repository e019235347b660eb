import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { rfc3339Seconds } from '#core/clock.ts';
import { AssayError, errorText } from '#core/error.ts';
import { groupMeasurements } from '#core/assemble/assemble-snapshot.ts';
import { API_VERSION, snapshotYaml, type Snapshot } from '#core/snapshot/document.ts';
import { shown } from '#core/verify/foreign-text.ts';
import { packageVersion } from '#core/version.ts';
import type { ProbeDocument } from '#core/wire/agent-document.ts';
import { probeNode } from '../node/agent-document.ts';
import { openCluster, withKubeconfig, type ClusterFlags } from '../cluster/cluster-flags.ts';
import { nodeArgs, withNodeOptions, type NodeFlags } from '../node/node-options.ts';
import { withFormat } from '../output/conclude.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface SnapshotFlags extends NodeFlags, ClusterFlags {
  readonly out?: string;
  readonly cluster?: boolean;
}

const EXAMPLES = `
The document is readable by upstream's tools; facts that upstream has no place for stand under the type Hardware.
With --cluster, or a kubeconfig, it is the snapshot of a whole cluster as its API tells it: versions, images, policies, labels and
taints of all nodes. What only a node knows of itself is in the evidence of a run, whose snapshot holds both.

Examples:
  assay snapshot -o snapshot.yaml
  assay snapshot --host-root /captured/node -o snapshot.yaml
  assay snapshot --cluster --context gpu-cluster -o snapshot.yaml`;

/** `assay snapshot`: the facts of this node, or of a cluster, as a snapshot document. */
export const defineSnapshot: DefineVerb = (command, conclude) => {
  withNodeOptions(command)
    .option('-o, --out <file>', 'write the snapshot to this file instead of stdout')
    .option('--cluster', 'of a whole cluster instead of this node, with the usual kubeconfig');
  withKubeconfig(command);
  withFormat(command, ['yaml', 'json']).addHelpText('after', EXAMPLES);
  command.action((flags: SnapshotFlags) => snapshot(command, flags, conclude));
};

async function snapshot(command: Command, flags: SnapshotFlags, conclude: Conclude): Promise<void> {
  const ofCluster = flags.cluster === true || flags.kubeconfig !== undefined || flags.context !== undefined;
  const document = ofCluster ? await clusterSnapshot(flags) : snapshotOf(await probeNode(nodeArgs(flags)));
  const { out } = flags;
  if (out === undefined) {
    await conclude(command, { exit: 0, json: document, render: { yaml: () => snapshotYaml(document) } });
    return;
  }
  await save(out, out.endsWith('.json') ? `${JSON.stringify(document, null, 2)}\n` : snapshotYaml(document));
  await conclude(command, { exit: 0, json: { snapshot: out }, render: { yaml: () => `# written to ${out}\n` } });
}

function snapshotOf(document: ProbeDocument): Snapshot {
  return {
    apiVersion: API_VERSION,
    kind: 'Snapshot',
    metadata: { timestamp: rfc3339Seconds(document.sampledAtMs), version: packageVersion(), 'source-node': document.node },
    measurements: groupMeasurements(document.measurements),
  };
}

/** @throws USAGE for a tree that is read instead of this node; KUBECONFIG_INVALID, CLUSTER_* */
async function clusterSnapshot(flags: SnapshotFlags): Promise<Snapshot> {
  if (flags.hostRoot !== undefined || flags.toolPath !== undefined)
    throw new AssayError('USAGE', '--host-root and --tool-path are about a node, not about a cluster', {
      hint: 'Leave out --cluster, --kubeconfig and --context.',
    });
  const { readClusterFacts } = await import('#core/cluster/facts/read-cluster-facts.ts');
  const { cluster } = await openCluster(flags);
  // Facts that cannot be read are told one by one; a cluster that cannot be reached at all is an error.
  await cluster.get('/version');
  const measurements = await readClusterFacts(cluster);
  for (const { type, subtype, reading } of measurements)
    if (reading.state === 'unreadable') process.stderr.write(`could not be read, ${type}/${subtype}: ${shown(reading.reason, 400)}\n`);
  const source = measurements.find(({ type, subtype, key }) => type === 'K8s' && subtype === 'node' && key === 'source-node');
  const name = source?.reading.state === 'read' ? { 'source-node': String(source.reading.value) } : {};
  return {
    apiVersion: API_VERSION,
    kind: 'Snapshot',
    metadata: { timestamp: rfc3339Seconds(Date.now()), version: packageVersion(), ...name },
    measurements: groupMeasurements(measurements),
  };
}

async function save(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw new AssayError('OUTPUT_UNWRITABLE', `cannot write the snapshot to ${path}: ${errorText(cause)}`, {
      cause,
      hint: 'Check the directory and its permissions.',
    });
  }
}

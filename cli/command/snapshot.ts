import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { rfc3339Seconds } from '#core/clock.ts';
import { AssayError, errorText } from '#core/error.ts';
import { groupMeasurements } from '#core/assemble/assemble-snapshot.ts';
import { API_VERSION, snapshotYaml, type Snapshot } from '#core/snapshot/document.ts';
import { packageVersion } from '#core/version.ts';
import type { ProbeDocument } from '#core/wire/agent-document.ts';
import { probeNode } from '../node/agent-document.ts';
import { nodeArgs, withNodeOptions, type NodeFlags } from '../node/node-options.ts';
import { withFormat } from '../output/conclude.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface SnapshotFlags extends NodeFlags {
  readonly out?: string;
}

const EXAMPLES = `
The document is readable by upstream's tools; facts that upstream has no place for stand under the type Hardware.

Examples:
  assay snapshot -o snapshot.yaml
  assay snapshot --host-root /captured/node -o snapshot.yaml`;

/** `assay snapshot`: this node's facts as a snapshot document. */
export const defineSnapshot: DefineVerb = (command, conclude) => {
  withNodeOptions(command).option('-o, --out <file>', 'write the snapshot to this file instead of stdout');
  withFormat(command, ['yaml', 'json']).addHelpText('after', EXAMPLES);
  command.action((flags: SnapshotFlags) => snapshot(command, flags, conclude));
};

async function snapshot(command: Command, flags: SnapshotFlags, conclude: Conclude): Promise<void> {
  const document = snapshotOf(await probeNode(nodeArgs(flags)));
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

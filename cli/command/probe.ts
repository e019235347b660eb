import type { Command } from 'commander';
import type { Measurement } from '#core/snapshot/measurement.ts';
import { probeNode } from '../node/agent-document.ts';
import { nodeArgs, withNodeOptions, type NodeFlags } from '../node/node-options.ts';
import { withFormat } from '../output/conclude.ts';
import type { Conclude, DefineVerb } from './verb.ts';

const EXAMPLES = `
Every measurement says where it was read. "absent", "unsupported" and "unreadable" are told apart, each with its reason.

Examples:
  assay probe
  assay probe --host-root /captured/node --tool-path /captured/bin --format json`;

/** `assay probe`: the measurements of this node. */
export const defineProbe: DefineVerb = (command, conclude) => {
  withFormat(withNodeOptions(command), ['text', 'json']).addHelpText('after', EXAMPLES);
  command.action((flags: NodeFlags) => probe(command, flags, conclude));
};

async function probe(command: Command, flags: NodeFlags, conclude: Conclude): Promise<void> {
  const document = await probeNode(nodeArgs(flags));
  await conclude(command, { exit: 0, json: document, render: { text: () => document.measurements.map(line).join('') } });
}

function line({ type, subtype, item, key, reading, unit, source }: Measurement): string {
  const name = [type, subtype, ...(item === undefined ? [] : [item]), key].join(' ');
  const value =
    reading.state === 'read'
      ? `${reading.value}${unit === undefined || unit === '1' ? '' : ` ${unit}`}`
      : `(${reading.state}: ${reading.reason})`;
  return `${name} = ${value}${reading.state === 'read' ? `  [${source}]` : ''}\n`;
}

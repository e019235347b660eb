import type { Command } from 'commander';
import { isAssayError } from '#core/error.ts';
import { programDocument } from '#core/process/program-document.ts';
import { failureDocument, failureText, withFormat } from '../output/conclude.ts';
import type { Conclude, DefineVerb } from './verb.ts';

const DETAILS = `
TOOL names what FILE holds:
  nvidia-smi-xml nvidia-smi-q nvidia-smi-csv nvidia-smi-L nvidia-smi-topo nvidia-smi-nvlink nvidia-smi-table
  nvidia-smi-version nvidia-smi-failure dcgmi-diag dcgmi-nvlink imex fabricmanager-log proc-driver-nvidia dmesg-xid
  amd-smi-static amd-smi-metric amd-smi-list amd-smi-partition amd-smi-xgmi amd-smi-topology amd-smi-text
  rocm-smi rocminfo rocprof-sysinfo kfd-topology kfd-membank sysfs-drm
  ibstat ibstatus rdma-link rdma-resource rdma-statistic sysfs-infiniband lspci

The result is one JSON document, also on failure. A file that is cut, damaged or of another tool ends with exit 2 and
the line, column or path where it broke.

Examples:
  nvidia-smi -q -x > gpus.xml; assay parse nvidia-smi-xml gpus.xml
  dmesg > kernel.log; assay parse dmesg-xid kernel.log --output events.json`;

/** `assay parse`: one captured vendor output as typed measurements. */
export const defineParse: DefineVerb = (command, conclude) => {
  command.argument('<tool>', 'what the file holds').argument('<file>', 'the captured output');
  withFormat(command, ['json']).addHelpText('after', DETAILS);
  command.action((tool: string, file: string) => parse(command, { tool, file }, conclude));
};

async function parse(command: Command, input: { readonly tool: string; readonly file: string }, conclude: Conclude): Promise<void> {
  try {
    const document = await programDocument('agent', ['parse', input.tool, input.file]);
    await conclude(command, { exit: 0, json: document, render: {} });
  } catch (error) {
    if (!isAssayError(error)) throw error;
    process.stderr.write(`${failureText(error)}\n`);
    await conclude(command, { exit: error.exit, json: failureDocument(error), render: {} });
  }
}

import { errorText } from '#core/error.ts';
import { isNvSwitch } from '../probe/accelerator.ts';
import { parseFabricManagerLog } from '../vendor/nvidia/fabric-manager-log.ts';
import { boardOf } from './board-table.ts';
import type { CheckContext } from './check.ts';
import { nvidiaOnPci } from './nvidia-gpu.ts';
import { fail, pass, skip, skipFor, unknown, type Verdict } from './verdict.ts';

const FABRIC_MANAGER: Daemon = { process: 'nv-fabricmanage', label: 'the fabric manager', generations: ['ampere', 'hopper', 'blackwell'] };
const LOG = '/var/log/fabricmanager.log';
const MAX_LOG_BYTES = 4 * 1024 * 1024;

/** Where NVSwitches are, the fabric manager runs: without it the GPUs cannot be used. */
export function checkFabricManager(context: CheckContext): Promise<Verdict> {
  return needsDaemon(context, FABRIC_MANAGER);
}

/** Where NVLink 5 switches are, the subnet manager runs beside the fabric manager. */
export function checkSubnetManager(context: CheckContext): Promise<Verdict> {
  return needsDaemon(context, { process: 'nvlsm', label: 'the NVLink subnet manager', generations: ['blackwell'] });
}

interface Daemon {
  /** Start of its name as the kernel has it: 15 characters at most. */
  readonly process: string;
  readonly label: string;
  readonly generations: readonly string[];
}

/** Why a daemon of the switches is not expected here, or undefined where it is. */
async function notExpected(context: CheckContext, { generations, label }: Daemon): Promise<Verdict | undefined> {
  const gpus = await nvidiaOnPci(context);
  if (!gpus.ready) return gpus.verdict;
  const boards = gpus.value.map(boardOf);
  if (!boards.some((board) => board?.form === 'sxm' && generations.includes(board.generation)))
    return skip(`these boards need no ${label.replace('the ', '')}`);
  const pci = await context.node.pci();
  const hasSwitch = pci.state !== 'read' || pci.value.functions.some(isNvSwitch);
  return hasSwitch ? undefined : skip('no NVSwitch is visible: it is run outside this guest');
}

async function needsDaemon(context: CheckContext, daemon: Daemon): Promise<Verdict> {
  const none = await notExpected(context, daemon);
  if (none !== undefined) return none;
  const processes = await context.node.processes();
  if (processes.state !== 'read') return unknown(processes.reason);
  const runs = [...processes.value.names].some((name) => name.startsWith(daemon.process));
  const observed = { runs, hostProcesses: processes.value.ofHost };
  if (runs) return pass(`${daemon.label} runs`, observed);
  return processes.value.ofHost
    ? fail(`${daemon.label} does not run`, observed)
    : skipFor('host-processes', "the host's processes are not visible", observed);
}

/** The fabric manager is of the driver's version, to the last number. @source NVIDIA Fabric Manager guide */
export async function checkFabricManagerVersion(context: CheckContext): Promise<Verdict> {
  const none = await notExpected(context, FABRIC_MANAGER);
  if (none !== undefined) return none;
  const log = await context.host.readBytes(LOG, { maxBytes: MAX_LOG_BYTES, from: 'end' });
  if (log.state !== 'read') return skipFor('host-files', `the log of the fabric manager is not visible: ${log.reason}`);
  const module = await context.node.nvidiaModule();
  if (module.state !== 'read') return unknown(`the driver version is not known: ${module.reason}`);
  const version = versionIn(log.value);
  if ('problem' in version) return unknown(`${LOG}: ${version.problem}`);
  if (version.text === undefined) return skip(`${LOG} does not say the version`);
  const observed = { fabricManager: version.text, driver: module.value.version };
  return version.text === module.value.version
    ? pass(`fabric manager ${version.text}`, observed)
    : fail(`fabric manager ${version.text} under driver ${module.value.version}: they must be equal`, observed);
}

function versionIn(log: Uint8Array): { readonly text: string | undefined } | { readonly problem: string } {
  try {
    return { text: parseFabricManagerLog(log).value.version };
  } catch (error) {
    return { problem: errorText(error) };
  }
}

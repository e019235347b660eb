import { readLine } from '../probe/text-file.ts';
import { textOf } from '../vendor/parsed.ts';
import { isPlaceholder } from '../vendor/value.ts';
import { isNvSwitch } from '../probe/accelerator.ts';
import type { CheckContext } from './check.ts';
import { finding, type Finding } from './fold.ts';
import { judgeField, judgeNvidiaGpus, mustBeOff, nvidiaOnPci, nvidiaSubjects, worst, type NvidiaSubject } from './nvidia-gpu.ts';
import { boardOf } from './board-table.ts';
import { boardThreshold } from './board.ts';
import { fail, pass, skip, unknown, warn, type Verdict } from './verdict.ts';

/** Limits of {@link checkFabricState}. */
export const FABRIC_THRESHOLDS = {
  registration: { value: 600, unit: 's', source: 'choice made here: registration with the fabric is over ten minutes after boot' },
} as const;

/** Boards whose driver registers them with a fabric: switched NVLink since Hopper. */
function joinsFabric({ board }: NvidiaSubject): boolean {
  return (board?.form === 'sxm' || board?.form === 'tray') && board.generation !== 'ampere';
}

/** Every GPU has registered with the NVLink fabric, and the fabric is well. @source NVML, GPU fabric information */
export async function checkFabricState(context: CheckContext): Promise<Verdict> {
  const uptimeS = await readUptime(context);
  return judgeNvidiaGpus(
    context,
    {
      good: 'every GPU is part of a healthy fabric',
      observed: { uptimeOver10Min: uptimeS === undefined ? undefined : uptimeS > FABRIC_THRESHOLDS.registration.value },
    },
    (subject) => {
      if (!joinsFabric(subject)) return finding('skip', 'this board joins no fabric', null);
      const { fabric } = subject.gpu;
      return worst({
        state: judgeState(subject, uptimeS),
        summary: judgeField<string>(fabric.health.summary, 'string', (summary) =>
          finding(summary === 'Healthy' ? 'pass' : 'fail', summary === 'Healthy' ? '' : `fabric health: ${summary}`, summary),
        ),
        bandwidth: judgeField<string>(fabric.health.bandwidth, 'string', (bandwidth) =>
          finding(bandwidth === 'Full' ? 'pass' : 'fail', bandwidth === 'Full' ? '' : `fabric bandwidth: ${bandwidth}`, bandwidth),
        ),
        route: mustBeOff(fabric.health.routeUnhealthy, 'a route is unhealthy'),
        timeout: mustBeOff(fabric.health.accessTimeoutRecovery, 'recovering from access timeouts'),
        configuration: judgeField<string>(fabric.health.incorrectConfiguration, 'string', (what) =>
          finding(what === 'None' ? 'pass' : 'fail', what === 'None' ? '' : `wrong configuration: ${what}`, what),
        ),
      });
    },
  );
}

function judgeState({ gpu: { fabric } }: NvidiaSubject, uptimeS: number | undefined): Finding {
  const { reading } = fabric.state;
  if (reading.state === 'absent') return finding('fail', 'not registered with any fabric', null);
  return judgeField<string>(fabric.state, 'string', (state) => {
    const status = textOf(fabric.status);
    if (state === 'Completed')
      return finding(status === 'Success' ? 'pass' : 'fail', status === 'Success' ? '' : `registered with status ${status ?? 'unknown'}`, {
        state,
        status,
      });
    const isFresh = state === 'In Progress' && uptimeS !== undefined && uptimeS < FABRIC_THRESHOLDS.registration.value;
    return isFresh ? finding('skip', 'registration is under way', { state }) : finding('fail', `registration: ${state}`, { state });
  });
}

async function readUptime({ host }: CheckContext): Promise<number | undefined> {
  const read = await readLine(host, '/proc/uptime');
  const seconds = read.state === 'read' ? Number(read.value.split(' ')[0]) : Number.NaN;
  return Number.isFinite(seconds) ? seconds : undefined;
}

/** All GPUs of the node are in one clique of one NVLink domain; trays of a rack must be in one. */
export async function checkFabricClique(context: CheckContext): Promise<Verdict> {
  const subjects = await nvidiaSubjects(context);
  if (!subjects.ready) return subjects.verdict;
  const members = subjects.value.filter(joinsFabric);
  if (members.length === 0) return skip('no GPU here joins a fabric');
  const cliques = members.map(({ gpu }) => gpu.fabric.cliqueId.reading);
  const domains = members.map(({ gpu }) => textOf(gpu.fabric.clusterUuid));
  const told = cliques.filter((clique) => clique.state === 'read').map((clique) => (clique.state === 'read' ? clique.value : ''));
  // The domain names a rack: only whether there is one, and how many, stands in evidence.
  const inDomain = domains.filter((domain) => domain !== undefined && !isPlaceholder(domain));
  const observed = { cliques: [...new Set(told)], domains: new Set(inDomain).size, withDomain: inDomain.length, gpus: members.length };
  if (told.length === 0) return skip('the driver tells no clique', observed);
  if (told.length < members.length) return unknown(`${members.length - told.length} GPUs tell no clique`, observed);
  if (observed.cliques.length > 1 || observed.domains > 1)
    return fail(`GPUs of one node are in different cliques: ${observed.cliques.join(', ')}`, observed);
  if (inDomain.length > 0 && inDomain.length < members.length)
    return fail(`${members.length - inDomain.length} GPUs are in no NVLink domain`, observed);
  const isTray = members.some(({ board }) => board?.form === 'tray');
  if (isTray && inDomain.length === 0) return fail('a tray of a rack is in no NVLink domain', observed);
  return pass(inDomain.length === 0 ? 'one node, no multi-node domain' : `one domain, clique ${String(observed.cliques[0])}`, observed);
}

/** As many NVSwitches as the baseboard has show on PCI; guests and racks do not show theirs. */
export async function checkNvSwitchCount(context: CheckContext): Promise<Verdict> {
  const gpus = await nvidiaOnPci(context);
  if (!gpus.ready) return gpus.verdict;
  const pci = await context.node.pci();
  const switches = pci.state === 'read' ? pci.value.functions.filter(isNvSwitch).length : 0;
  const board = gpus.value.map(boardOf).find((each) => each?.numbers.nvSwitches !== undefined);
  const threshold = board === undefined ? undefined : boardThreshold(board, 'nvSwitches');
  if (board === undefined || threshold === undefined) return skip('these boards have no NVSwitch on PCI', { switches });
  if (switches === 0) return skip('no NVSwitch is visible: guest, or part of a node', { switches });
  const isWhole = gpus.value.length === board.numbers.gpusPerNode;
  const verdict =
    switches === threshold.value
      ? pass(`${switches} NVSwitches`, { switches })
      : (isWhole ? fail : warn)(`${switches} NVSwitches, the baseboard has ${String(threshold.value)}`, { switches });
  return { ...verdict, thresholds: { nvSwitches: threshold } };
}

import { cardText, readAmdTopology } from '../probe/amd-reading.ts';
import { readLine } from '../probe/text-file.ts';
import type { KfdTopology } from '../vendor/amd/kfd-topology.ts';
import { numberOf } from '../vendor/parsed.ts';
import { amdOnPci, judgeAmdCards, judgeAmdSmi } from './amd-gpu.ts';
import type { CheckContext } from './check.ts';
import { finding, fold, type Finding } from './fold.ts';
import { judgeField, judgeValue, worst } from './nvidia-gpu.ts';
import { boardOf } from './board-table.ts';
import { boardThreshold } from './board.ts';
import { fail, pass, skip, unknown, warn, withoutTool, type Verdict } from './verdict.ts';

/** The compute driver shows every GPU that is on the bus. */
export async function checkAmdKfd(context: CheckContext): Promise<Verdict> {
  const pci = await amdOnPci(context);
  if (!pci.ready) return pci.verdict;
  const kfd = await context.node.kfd();
  if (kfd.state === 'absent')
    return fail(`GPUs are on the bus, but the compute driver shows none: ${kfd.reason}`, { pci: pci.value.length, nodes: 0 });
  if (kfd.state !== 'read') return unknown(kfd.reason);
  const gpus = kfd.value.nodes.filter((node) => node.isGpu);
  const packages = kfd.value.packages ?? new Set(gpus.map((node) => node.pciBusId?.slice(0, -2))).size;
  const observed = { pci: pci.value.length, nodes: gpus.length, packages };
  return packages === pci.value.length
    ? pass(`${packages} GPUs, ${gpus.length} compute nodes`, observed)
    : fail(`the compute driver shows ${packages} of ${pci.value.length} GPUs`, observed);
}

/** Compute partitions are the same on every GPU. */
export function checkAmdComputePartition(context: CheckContext): Promise<Verdict> {
  return uniform(context, 'current_compute_partition', 'compute partition');
}

/** Memory partitions are the same on every GPU, and fit the compute partition: four of them need the finest one. */
export async function checkAmdMemoryPartition(context: CheckContext): Promise<Verdict> {
  const verdict = await uniform(context, 'current_memory_partition', 'memory partition');
  const cards = await context.node.amdCards();
  const odd = (cards.state === 'read' ? cards.value : []).filter(
    (card) => cardText(card, 'current_memory_partition') === 'NPS4' && cardText(card, 'current_compute_partition') !== 'CPX',
  );
  return verdict.outcome === 'pass' && odd.length > 0 ? warn(`NPS4 without CPX on ${odd.length} GPUs`, verdict.observed) : verdict;
}

async function uniform(context: CheckContext, key: string, label: string): Promise<Verdict> {
  const cards = await context.node.amdCards();
  const modes = new Set(
    (cards.state === 'read' ? cards.value : []).map((card) => cardText(card, key)).filter((mode) => mode !== undefined),
  );
  return judgeAmdCards(context, { good: `${label} ${[...modes].join(', ')} on every GPU` }, ({ card }) => {
    const mode = card === undefined ? undefined : cardText(card, key);
    if (mode === undefined) return finding('skip', `no ${label}`, null);
    return finding(modes.size > 1 ? 'fail' : 'pass', modes.size > 1 ? `${label} ${mode} differs from others` : '', mode);
  });
}

/** Every GPU is linked to every other by one xGMI hop. */
export async function checkAmdXgmiTopology(context: CheckContext): Promise<Verdict> {
  const pci = await amdOnPci(context);
  if (!pci.ready) return pci.verdict;
  const board = pci.value.map(boardOf).find((each) => each?.numbers.links !== undefined);
  const threshold = board === undefined ? undefined : boardThreshold(board, 'links');
  const peers = board?.numbers.links;
  if (peers === undefined || threshold === undefined) return skip('no number of peers is known for these boards');
  const kfd = await context.node.kfd();
  if (kfd.state !== 'read') return kfd.state === 'absent' ? skip(kfd.reason) : unknown(kfd.reason);
  return judgePeers(kfd.value, { peers, isWhole: pci.value.length === board?.numbers.gpusPerNode, threshold });
}

interface PeerRule {
  readonly peers: number;
  readonly isWhole: boolean;
  readonly threshold: NonNullable<ReturnType<typeof boardThreshold>>;
}

/** Partitions of one package count once: links inside a package have a weight of their own. */
function judgePeers(kfd: KfdTopology, { peers, isWhole, threshold }: PeerRule): Verdict {
  const gpus = kfd.nodes.filter((node) => node.isGpu);
  const packageOf = new Map(gpus.map((node) => [node.node, node.uniqueId ?? node.pciBusId ?? String(node.node)]));
  const rows = gpus.map((node) => {
    const linked = new Set(node.links.filter((link) => link.kind === 'xgmi').map((link) => packageOf.get(link.to)));
    linked.delete(packageOf.get(node.node));
    linked.delete(undefined);
    const bad = isWhole ? 'fail' : 'warn';
    const text = linked.size < peers ? `${linked.size} of ${peers} xGMI peers` : '';
    return [`node${node.node}`, finding(text === '' ? 'pass' : bad, text, linked.size)] as const;
  });
  return fold(rows, { good: `every GPU has ${peers} xGMI peers`, thresholds: { links: threshold } });
}

/** Every xGMI link is up. In the table, U is up, D is down, X the GPU itself or a disabled link. */
export async function checkAmdXgmiLinks(context: CheckContext): Promise<Verdict> {
  const pci = await amdOnPci(context);
  if (!pci.ready) return pci.verdict;
  if (pci.value.length < 2) return skip('a single GPU has no peer');
  const read = await context.node.amdXgmi();
  if (read.state !== 'read') return withoutTool(read);
  const table = read.value.tables.find(({ title }) => /link status/i.test(title));
  if (table === undefined) return unknown('amd-smi xgmi -l prints no link status table');
  const rows = table.rows
    .filter(({ label }) => /^GPU\d+$/.test(label))
    .map((row) => {
      const states = row.cells.map(({ reading }) => (reading.state === 'read' ? String(reading.value) : ''));
      const down = states.filter((state) => state === 'D').length;
      return [
        row.label,
        finding(down > 0 ? 'fail' : 'pass', down > 0 ? `${down} xGMI links down` : '', {
          up: states.filter((state) => state === 'U').length,
          down,
        }),
      ] as const;
    });
  return fold(rows, { good: 'every xGMI link is up' });
}

/** Every GPU can reach the memory of every other. In the table, a row and a column of each GPU by its PCI address. */
export async function checkAmdPeerAccess(context: CheckContext): Promise<Verdict> {
  const pci = await amdOnPci(context);
  if (!pci.ready) return pci.verdict;
  if (pci.value.length < 2) return skip('a single GPU has no peer');
  const read = await readAmdTopology(context.host);
  if (read.state !== 'read') return withoutTool(read);
  const table = read.value.tables.find(({ title }) => /access/i.test(title));
  if (table === undefined) return unknown('amd-smi topology -a prints no table of access');
  const rows = table.rows.map((row) => {
    const closed = row.cells.filter(({ reading }) => reading.state !== 'read' || !/^(?:true|enabled|self)$/i.test(String(reading.value)));
    const text = closed.length === 0 ? '' : `cannot reach ${closed.map(({ column }) => column).join(' ')}`;
    return [
      row.label,
      finding(text === '' ? 'pass' : 'fail', text, { reached: row.cells.length - closed.length, of: row.cells.length }),
    ] as const;
  });
  return fold(rows, { good: 'every GPU can reach every other' });
}

/** Firmware is the same on every GPU. */
export async function checkAmdFirmware(context: CheckContext): Promise<Verdict> {
  const cards = await context.node.amdCards();
  const first =
    cards.state === 'read'
      ? cards.value.map((card) => cardText(card, 'vbios_version')).find((version) => version !== undefined)
      : undefined;
  return judgeAmdCards(context, { good: 'one firmware on every GPU' }, ({ card }) => {
    const version = card === undefined ? undefined : cardText(card, 'vbios_version');
    if (version === undefined) return finding('skip', 'no firmware version', null);
    return finding(version === first ? 'pass' : 'warn', version === first ? '' : 'another firmware than the first GPU', version);
  });
}

/** The driver is AMD's own release, whose version can be compared with that of the user space. */
export async function checkAmdDriverVersion(context: CheckContext): Promise<Verdict> {
  const pci = await amdOnPci(context);
  if (!pci.ready) return pci.verdict;
  const path = '/sys/module/amdgpu';
  if ((await context.host.stat(path)).state !== 'read') return skip('amdgpu is not loaded');
  const version = await readLine(context.host, `${path}/version`);
  if (version.state === 'read') return pass(`amdgpu ${version.value}`, { version: version.value });
  return warn('the in-tree amdgpu driver, which has no version of its own', { version: null });
}

/** Kernel settings that AMD's tuning guide asks for. @source AMD Instinct system optimization guide */
export async function checkAmdKernelSettings(context: CheckContext): Promise<Verdict> {
  const pci = await amdOnPci(context);
  if (!pci.ready) return pci.verdict;
  const cmdline = await readLine(context.host, '/proc/cmdline');
  const balancing = await readLine(context.host, '/proc/sys/kernel/numa_balancing');
  const words = cmdline.state === 'read' ? cmdline.value.split(/\s+/) : [];
  const observed = {
    iommuPassthrough: words.includes('iommu=pt'),
    reallocationOff: words.includes('pci=realloc=off'),
    numaBalancing: balancing.state === 'read' ? balancing.value : null,
  };
  const wrong = [
    ...(observed.iommuPassthrough ? [] : ['iommu=pt is not set']),
    ...(observed.reallocationOff ? [] : ['pci=realloc=off is not set']),
    ...(observed.numaBalancing === '1' ? ['NUMA balancing is on'] : []),
  ];
  return wrong.length === 0 ? pass('as the tuning guide asks', observed) : warn(wrong.join(', '), observed);
}

/** Limits of {@link checkAmdTemperature}. */
export const AMD_TEMPERATURE_THRESHOLDS = {
  margin: { value: 5, unit: 'Cel', source: 'choice made here: five degrees before the board slows down' },
} as const;

/** Hot spot and memory are cooler than the temperature at which the board slows down. */
export async function checkAmdTemperature(context: CheckContext): Promise<Verdict> {
  const limits = await context.node.amdSmi();
  const limitOf = (index: number) =>
    limits.state === 'read' ? limits.value.gpus.find((gpu) => gpu.index === index)?.temperature : undefined;
  return judgeAmdSmi(context, 'amdMetric', {
    good: 'cool enough',
    judge: (gpu) => {
      const limit = limitOf(gpu.index);
      const rows = [
        ['hotspot', gpu.temperature.hotspot, limit?.slowdownHotspot],
        ['memory', gpu.temperature.memory, limit?.slowdownMemory],
      ] as const;
      return worst(
        Object.fromEntries(
          rows.map(([name, now, most]) => [
            name,
            judgeField<number>(now, 'number', (celsius) => near(name, celsius, most === undefined ? undefined : numberOf(most))),
          ]),
        ),
      );
    },
  });
}

function near(name: string, celsius: number, slowdown: number | undefined): Finding {
  if (slowdown === undefined) return finding('skip', 'no slowdown temperature is told', celsius);
  if (celsius >= slowdown) return finding('fail', `${name} at ${celsius} of ${slowdown} degrees`, celsius);
  const isNear = celsius >= slowdown - AMD_TEMPERATURE_THRESHOLDS.margin.value;
  return finding(isNear ? 'warn' : 'pass', isNear ? `${name} at ${celsius} of ${slowdown} degrees` : '', celsius);
}

/** Nobody lowered the power limit. */
export function checkAmdPowerCap(context: CheckContext): Promise<Verdict> {
  return judgeAmdSmi(context, 'amdSmi', {
    good: 'power limits are the default',
    judge: ({ power }) =>
      judgeField<number>(power.cap, 'number', (watts) => {
        const most = numberOf(power.capMax);
        const isCapped = most !== undefined && watts < most;
        return finding(isCapped ? 'warn' : 'pass', isCapped ? `capped at ${watts} of ${most} W` : '', watts);
      }),
  });
}

/** Nothing from outside slows the GPU down; being at the power limit is normal. */
export function checkAmdThrottle(context: CheckContext): Promise<Verdict> {
  return judgeAmdSmi(context, 'amdMetric', {
    good: 'nothing slows the GPUs down',
    judge: ({ throttle }) => {
      const share = (name: string) => (percent: number) =>
        finding(percent > 0 ? 'warn' : 'pass', percent > 0 ? `${name} for ${percent} % of the time` : '', percent);
      return worst({
        status: judgeValue(throttle.prochotStatus, (value) => {
          const active = value === true || /^active$/i.test(String(value));
          return finding(active ? 'fail' : 'pass', active ? 'slowed down by the external signal' : '', active);
        }),
        prochot: judgeField<number>(throttle.prochotActivity, 'number', share('slowed down by the external signal')),
        thermal: judgeField<number>(throttle.socketThermalActivity, 'number', share('slowed down by heat')),
        memory: judgeField<number>(throttle.hbmThermalActivity, 'number', share('memory slowed down by heat')),
      });
    },
  });
}

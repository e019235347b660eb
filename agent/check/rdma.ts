import type { RdmaDevice, RdmaPort } from '../probe/infiniband.ts';
import { PCI_DEVICES } from '../probe/pci-function.ts';
import { readCount } from '../probe/text-file.ts';
import { isSaturated } from '../vendor/fabric/sysfs-infiniband.ts';
import type { CheckContext } from './check.ts';
import { finding, fold, type Finding, type FoldWords } from './fold.ts';
import { judgeGrowth, type GrowthRule } from './growth.ts';
import { worst, type Given } from './nvidia-gpu.ts';
import { judgeRead } from './pcie.ts';
import { boardOf } from './board-table.ts';
import { boardThreshold } from './board.ts';
import { fail, pass, skip, unknown, warn, type Verdict } from './verdict.ts';

/** Slower ports are for storage and management. */
const FABRIC_GBPS = 100;

interface Port {
  readonly device: RdmaDevice;
  readonly port: RdmaPort;
}

/** The RDMA devices of the node, or the verdict that ends a check that needs one. */
async function devices(context: CheckContext): Promise<Given<readonly RdmaDevice[]>> {
  const read = await context.node.infiniband();
  if (read.state === 'unreadable') return { ready: false, verdict: unknown(read.reason) };
  if (read.state !== 'read' || read.value.length === 0) return { ready: false, verdict: skip('no RDMA device') };
  return { ready: true, value: read.value };
}

async function judgePorts(context: CheckContext, words: FoldWords, judge: (port: Port) => Finding): Promise<Verdict> {
  const given = await devices(context);
  if (!given.ready) return given.verdict;
  const ports = given.value.flatMap((device) => device.ports.map((port) => ({ device, port })));
  if (ports.length === 0) return skip('RDMA devices without ports');
  return fold(
    ports.map((each) => [`${each.device.name}/${each.port.number}`, judge(each)] as const),
    words,
  );
}

/** Ports that carry traffic between nodes: fast ones; a port that is down tells its slowest rate, so its card type decides. */
function isFabric({ device, port }: Port): boolean {
  const rate = port.rateGbps.state === 'read' ? port.rateGbps.value : 0;
  return rate >= FABRIC_GBPS || (device.hcaType.state === 'read' && /^MT4(12[39]|131)$/.test(device.hcaType.value));
}

const ACTIVE = /^4: ACTIVE$/;
const LINK_UP = /^5: LinkUp$/;

/** Every fabric port is active with its link up. @source InfiniBand Architecture Specification, PortInfo states */
export function checkRdmaPortState(context: CheckContext): Promise<Verdict> {
  return judgePorts(context, { good: 'every fabric port is active' }, (each) => {
    const { state, physicalState } = each.port;
    const bad = isFabric(each) ? 'fail' : 'warn';
    return worst({
      state: judgeRead(state, (text) => finding(ACTIVE.test(text) ? 'pass' : bad, ACTIVE.test(text) ? '' : `port is ${text}`, text)),
      physical: judgeRead(physicalState, (text) =>
        finding(LINK_UP.test(text) ? 'pass' : bad, LINK_UP.test(text) ? '' : `link is ${text}`, text),
      ),
    });
  });
}

/** Every fabric port runs at the rate of the node's kind, with all four lanes. */
export async function checkRdmaPortRate(context: CheckContext): Promise<Verdict> {
  const gpus = await context.node.gpus();
  const board = (gpus.state === 'read' ? gpus.value : []).map(boardOf).find((each) => each?.numbers.fabricRateGbps !== undefined);
  const threshold = board === undefined ? undefined : boardThreshold(board, 'fabricRateGbps');
  const expected = board?.numbers.fabricRateGbps;
  // Clouds offer the same boards with slower networks, so a lower rate alone only warns.
  return judgePorts(
    context,
    { good: 'every fabric port runs at full rate', ...(threshold === undefined ? {} : { thresholds: { rate: threshold } }) },
    (each) => {
      const { port } = each;
      if (!isFabric(each) || (port.state.state === 'read' && !ACTIVE.test(port.state.value)))
        return finding('skip', 'no active fabric port', null);
      return worst({
        lanes: judgeRead(port.lanes, (lanes) => finding(lanes === 4 ? 'pass' : 'fail', lanes === 4 ? '' : `${lanes} of 4 lanes`, lanes)),
        rate: judgeRead(port.rateGbps, (rate) => {
          const isSlow = expected !== undefined && rate < expected;
          return finding(isSlow ? 'warn' : 'pass', isSlow ? `${rate} of ${expected} Gb/s` : '', rate);
        }),
      });
    },
  );
}

/** Limits of {@link checkRdmaPortFlaps}. */
export const FLAP_THRESHOLDS = {
  perDay: { value: 5, unit: '/d', source: 'Azure node health checks' },
} as const;

const DAY_MINUTES = 1440;

/** No link goes up and down. */
export function checkRdmaPortFlaps(context: CheckContext): Promise<Verdict> {
  return judgePorts(context, { good: 'no link flaps' }, ({ device, port }) =>
    judgeCounter(
      context,
      { device, port },
      {
        counter: 'link_downed',
        outcome: 'warn',
        what: 'link losses',
        perMinute: FLAP_THRESHOLDS.perDay.value / DAY_MINUTES,
      },
    ),
  );
}

/** Growth per minute that is still good, by counter. */
const ERROR_LIMITS: Readonly<Record<string, number>> = {
  link_error_recovery: 0,
  symbol_error: 2,
  local_link_integrity_errors: 0,
  port_rcv_errors: 10 / 60,
  excessive_buffer_overrun_errors: 0,
  port_xmit_discards: 0,
  port_rcv_remote_physical_errors: 0,
};

/** Limits of {@link checkRdmaPortErrors}. */
export const PORT_ERROR_THRESHOLDS = {
  symbolError: { value: 120, unit: '/h', source: 'fleet practice; unverified, so it only warns' },
  receiveErrors: { value: 10, unit: '/h', source: 'fleet practice; unverified, so it only warns' },
} as const;

/** Port error counters have not grown beyond noise. */
export function checkRdmaPortErrors(context: CheckContext): Promise<Verdict> {
  return judgePorts(context, { good: 'no new port errors' }, (each) =>
    worst(
      Object.fromEntries(
        Object.entries(ERROR_LIMITS).map(([name, perMinute]) => [
          name,
          judgeCounter(context, each, { counter: name, outcome: 'warn', what: name, perMinute }),
        ]),
      ),
    ),
  );
}

const ROCE_COUNTERS = [
  'hw.local_ack_timeout_err',
  'hw.out_of_sequence',
  'hw.packet_seq_err',
  'hw.rnr_nak_retry_err',
  'hw.roce_adp_retrans',
];

/** Nothing was sent twice because an answer did not come. */
export function checkRoceRetransmissions(context: CheckContext): Promise<Verdict> {
  return judgePorts(context, { good: 'no new retransmissions' }, (each) => {
    const rows = ROCE_COUNTERS.map((name) => {
      const shown = judgeCounter(context, each, { counter: name, outcome: 'warn', what: name.replace('hw.', '') });
      // Only unanswered packets are a fault of the path; the others show congestion.
      return [name, name === 'hw.local_ack_timeout_err' || shown.outcome !== 'warn' ? shown : finding('pass', '', shown.observed)] as const;
    });
    return worst(Object.fromEntries(rows));
  });
}

interface CounterRule extends Omit<GrowthRule, 'name'> {
  readonly counter: string;
}

function judgeCounter(context: CheckContext, { device, port }: Port, rule: CounterRule): Finding {
  const { counter } = rule;
  const value = port.counters.get(counter);
  if (value === undefined) return finding('skip', `no counter ${counter}`, null);
  if (isSaturated(counter, value)) return finding('skip', `counter ${counter} stands at its ceiling`, { lifetime: value, saturated: true });
  return judgeGrowth(context, value, { ...rule, name: `rdma/${device.name}/${port.number}/${counter}` });
}

/** Ethernet ports can speak RoCE version 2. */
export function checkRoceConfig(context: CheckContext): Promise<Verdict> {
  return judgePorts(context, { good: 'every Ethernet port has a RoCE version 2 address' }, ({ port }) => {
    if (port.linkLayer.state !== 'read' || port.linkLayer.value !== 'Ethernet') return finding('skip', 'no Ethernet port', null);
    if (port.state.state === 'read' && !ACTIVE.test(port.state.value)) return finding('skip', 'not active', null);
    return finding(port.hasRoceV2 ? 'pass' : 'fail', port.hasRoceV2 ? '' : 'no RoCE version 2 address', port.hasRoceV2);
  });
}

/** InfiniBand ports have been given an address by a subnet manager. */
export function checkInfinibandLid(context: CheckContext): Promise<Verdict> {
  return judgePorts(context, { good: 'every InfiniBand port has an address' }, ({ port }) => {
    if (port.linkLayer.state !== 'read' || port.linkLayer.value !== 'InfiniBand') return finding('skip', 'no InfiniBand port', null);
    if (port.state.state === 'read' && !ACTIVE.test(port.state.value)) return finding('skip', 'not active', null);
    return judgeRead(port.lid, (lid) => {
      const isNone = /^0x(0+|ffff)$/.test(lid);
      return finding(isNone ? 'fail' : 'pass', isNone ? 'no address from a subnet manager' : '', !isNone);
    });
  });
}

/** Cards of one type carry one firmware. */
export async function checkNicFirmware(context: CheckContext): Promise<Verdict> {
  const given = await devices(context);
  if (!given.ready) return given.verdict;
  const rows = given.value.map((device) => {
    const type = device.hcaType.state === 'read' ? device.hcaType.value : '';
    const peers = given.value.filter((each) => each.hcaType.state === 'read' && each.hcaType.value === type);
    const versions = new Set(peers.map((each) => (each.firmware.state === 'read' ? each.firmware.value : '')));
    return [
      device.name,
      judgeRead(device.firmware, (version) =>
        finding(versions.size > 1 ? 'warn' : 'pass', versions.size > 1 ? `firmware ${version} is not that of every ${type}` : '', version),
      ),
    ] as const;
  });
  return fold(rows, { good: 'one firmware per type of card' });
}

/** Every GPU has a fabric card on its own NUMA node. */
export async function checkNicNuma(context: CheckContext): Promise<Verdict> {
  const given = await devices(context);
  if (!given.ready) return given.verdict;
  const gpus = await context.node.gpus();
  if (gpus.state !== 'read' || gpus.value.length === 0) return skip('no GPU');
  const nodes = new Set<number>();
  for (const { pciAddress } of given.value) {
    const node = pciAddress === undefined ? undefined : await readCount(context.host, `${PCI_DEVICES}/${pciAddress}/numa_node`);
    if (node?.state === 'read' && node.value >= 0) nodes.add(node.value);
  }
  const alone = gpus.value
    .filter(({ numaNode }) => numaNode.state === 'read' && numaNode.value >= 0 && !nodes.has(numaNode.value))
    .map(({ address }) => address);
  const observed = { cardNodes: [...nodes].sort((left, right) => left - right), gpusWithoutCard: alone };
  if (nodes.size === 0) return skip('no RDMA device tells its NUMA node', observed);
  return alone.length === 0
    ? pass('every GPU has a fabric card on its NUMA node', observed)
    : warn(`no fabric card on the NUMA node of ${alone.join(', ')}`, observed);
}

const EFA = /^efa[0-9a-f]$/;

/** Every EFA function on PCI has an RDMA device. */
export async function checkEfaCount(context: CheckContext): Promise<Verdict> {
  const pci = await context.node.pci();
  if (pci.state !== 'read') return pci.state === 'absent' ? skip(pci.reason) : unknown(pci.reason);
  const functions = pci.value.functions.filter(({ vendor, device }) => vendor === '1d0f' && EFA.test(device)).length;
  if (functions === 0) return skip('no EFA on the PCI bus');
  const read = await context.node.infiniband();
  const known = (read.state === 'read' ? read.value : []).filter(({ driver }) => driver.state === 'read' && driver.value === 'efa').length;
  const observed = { pci: functions, devices: known };
  return known === functions
    ? pass(`${known} EFA devices`, observed)
    : warn(`${known} of ${functions} EFA devices have come up; some take minutes after boot`, observed);
}

/** ConnectX and BlueField functions that carry RDMA, without their virtual ones. */
const RDMA_CARDS = new Set(['101b', '101d', '1021', '1023', '1025', 'a2dc']);

/** Every RDMA card on PCI has come up as an RDMA device. */
export async function checkRdmaCount(context: CheckContext): Promise<Verdict> {
  const pci = await context.node.pci();
  if (pci.state !== 'read') return pci.state === 'absent' ? skip(pci.reason) : unknown(pci.reason);
  const cards = pci.value.functions.filter(({ vendor, device }) => vendor === '15b3' && RDMA_CARDS.has(device));
  if (cards.length === 0) return skip('no RDMA card on the PCI bus');
  const read = await context.node.infiniband();
  const known = new Set((read.state === 'read' ? read.value : []).map(({ pciAddress }) => pciAddress));
  const missing = cards.filter(({ address }) => !known.has(address));
  const observed = { cards: cards.length, withoutDevice: missing.map(({ address }) => address) };
  if (missing.length === 0) return pass(`${cards.length} RDMA cards`, observed);
  // An Ethernet card may be used as a plain one on purpose; an InfiniBand card has no other use.
  const isLoss = missing.some(({ classCode }) => classCode.startsWith('0207'));
  return (isLoss ? fail : warn)(`no RDMA device for ${observed.withoutDevice.join(', ')}`, observed);
}

/** On a machine with several NUMA nodes, every GPU knows its own. */
export async function checkGpuNuma(context: CheckContext): Promise<Verdict> {
  const gpus = await context.node.gpus();
  if (gpus.state !== 'read' || gpus.value.length === 0) return skip('no GPU on the PCI bus');
  const names = await context.host.list('/sys/devices/system/node');
  const nodes = (names.state === 'read' ? names.value : []).filter((name) => /^node\d+$/.test(name)).length;
  if (nodes < 2) return skip('one NUMA node');
  return fold(
    gpus.value.map(
      ({ address, numaNode }) =>
        [
          address,
          judgeRead(numaNode, (node) => finding(node < 0 ? 'warn' : 'pass', node < 0 ? 'does not know its NUMA node' : '', node)),
        ] as const,
    ),
    { good: 'every GPU knows its NUMA node', observed: { nodes } },
  );
}

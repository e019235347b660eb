import { fail, pass, unknown, type ClusterVerdict, type Observed, type Threshold } from '../verdict.ts';
import { readAllReduceLog, type AllReduceLog, type Transport } from './all-reduce-log.ts';

/** Part of the recipe's number that a run must reach. @source upstream NCCL checks */
const TOLERANCE = 0.9;
/** Last lines of a benchmark's log that are kept. */
const KEPT_LINES = 80;

/** How a bandwidth is judged. */
export interface BandwidthRule {
  /** GB/s that the recipe asks for; undefined: the run is only recorded, and must be right. */
  readonly wantedGBps: number | undefined;
  /** Name of the recipe's constraint. */
  readonly constraint: string;
  /** What the log must prove about the way that the data took. */
  readonly proof: 'any-network' | 'not-socket' | 'nvls' | 'single-node';
}

/**
 * Judges the log of a benchmark. A number passes only with the way that the data took, and only when every value was right.
 * @param besides what is recorded as well: nodes, GPUs, image
 */
export function bandwidthVerdict(log: string, rule: BandwidthRule, besides: Observed): ClusterVerdict {
  const read = readAllReduceLog(log);
  const stdout = log.trimEnd().split('\n').slice(-KEPT_LINES);
  if (read === undefined) return { ...unknown('the log of the benchmark has no result', besides), stdout };
  const { transport, ...numbers } = read;
  const observed = {
    ...besides,
    ...numbers,
    network: transport.network ?? 'unsaid',
    channels: transport.channels,
    nvls: transport.hasNvls,
  };
  return { ...judge(read, rule, observed), thresholds: thresholdsOf(rule), stdout };
}

/** The number in a constraint; upstream ignores its operator. @returns undefined when there is none */
export function wantedBandwidth(value: string | undefined): number | undefined {
  const number = Number(/^\s*(?:[<>=!]=?|)\s*(\d+(?:\.\d+)?)\s*$/.exec(value ?? '')?.[1] ?? Number.NaN);
  return Number.isFinite(number) ? number : undefined;
}

function judge({ isComplete, busbwGBps, wrong, transport }: AllReduceLog, rule: BandwidthRule, observed: Observed): ClusterVerdict {
  if (!isComplete) return unknown('the log of the benchmark ends before its summary', observed);
  if (wrong === undefined) return unknown('the benchmark did not look whether its values are right', observed);
  if (wrong > 0) return fail(`the collective computed ${wrong} wrong values: a link or a GPU corrupts data`, observed);
  const unproved = lacksProof(transport, rule.proof);
  if (unproved !== undefined) return unproved.isWrongWay ? fail(unproved.text, observed) : unknown(unproved.text, observed);
  const way = transport.network ?? transport.channels.join(', ');
  if (rule.wantedGBps === undefined)
    return pass(`${busbwGBps} GB/s by ${way}, all values right; the recipe has no number to compare with`, observed);
  const least = TOLERANCE * rule.wantedGBps;
  const said = `${busbwGBps} GB/s by ${way}; the recipe asks for ${rule.wantedGBps}, of which 90 % must be reached (${least})`;
  return busbwGBps >= least ? pass(said, observed) : fail(`${said}: look at links and fabric of the slowest node`, observed);
}

function lacksProof(
  { network, channels, hasNvls }: Transport,
  proof: BandwidthRule['proof'],
): { readonly text: string; readonly isWrongWay: boolean } | undefined {
  if (proof === 'nvls')
    return hasNvls ? undefined : { text: 'the log does not show NVLS: the data did not take NVLink between the nodes', isWrongWay: true };
  if (proof === 'single-node')
    return channels.length > 0 || network !== undefined
      ? undefined
      : { text: 'the log does not say which way the data took', isWrongWay: false };
  if (network === undefined) return { text: 'the log does not say which network was used', isWrongWay: false };
  if (proof === 'not-socket' && network === 'Socket')
    return { text: 'the data went through TCP sockets, not through the fabric', isWrongWay: true };
  return undefined;
}

function thresholdsOf({ wantedGBps, constraint }: BandwidthRule): Readonly<Record<string, Threshold>> {
  if (wantedGBps === undefined) return {};
  return {
    busbw: { value: wantedGBps, unit: 'GB/s', source: `recipe constraint ${constraint}` },
    effectiveBusbw: { value: TOLERANCE * wantedGBps, unit: 'GB/s', source: 'upstream NCCL checks: nine tenths of the constraint' },
  };
}

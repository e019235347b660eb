/** What `all_reduce_perf` measured, as its log says it. */
export interface AllReduceLog {
  /** Whether the log reaches its summary line; without it numbers may still grow. */
  readonly isComplete: boolean;
  /** Size of the largest message, bytes. */
  readonly largestBytes: number;
  /** Out-of-place bus bandwidth at that size, GB/s. */
  readonly busbwGBps: number;
  /** Average over all sizes, GB/s; undefined without the summary line. */
  readonly averageGBps: number | undefined;
  /** Values that the collective computed wrong, over all sizes; undefined where the tool did not look. */
  readonly wrong: number | undefined;
  readonly ranks: number;
  readonly transport: Transport;
}

/** Which way the data took, as the library's own log says. */
export interface Transport {
  /** `Socket`, `IB`, `AWS Libfabric` …; undefined when the log does not say. */
  readonly network: string | undefined;
  /** `P2P/CUMEM`, `SHM`, `NET/IB/0/GDRDMA` …: kinds of channels, sorted. */
  readonly channels: readonly string[];
  readonly hasNvls: boolean;
}

const HEADER = /^#\s+size\s+count\s+type\s+redop\b/;
const SUMMARY = /^# Avg bus bandwidth\s*:\s*([\d.]+)/;
const RANK = /^#\s+Rank\s+\d+\s/;
/** What mpirun puts before a line of a rank. */
const MPI_PREFIX = /^\[\d+,\d+\]<std\w+>:\s?/;
/** Longest log that is read; a benchmark with all its debug lines has less. */
const MAX_LINES = 200_000;

/**
 * Reads the log of NCCL's or RCCL's `all_reduce_perf`, with lines of the library's debug log between.
 * @returns undefined when there is no data row
 * @source nccl-tests and rccl-tests, table of all_reduce_perf; NCCL debug log
 */
export function readAllReduceLog(log: string): AllReduceLog | undefined {
  const lines = log.split('\n', MAX_LINES).map((line) => line.trimEnd().replace(MPI_PREFIX, ''));
  const columns = columnsOf(lines);
  const rows = lines.flatMap((line) => rowOf(line, columns));
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const summary = lines.map((line) => SUMMARY.exec(line)?.[1]).find((found) => found !== undefined);
  const counted = rows.flatMap(({ wrong }) => wrong ?? []);
  return {
    isComplete: summary !== undefined,
    largestBytes: last.bytes,
    busbwGBps: last.busbw,
    averageGBps: summary === undefined ? undefined : Number(summary),
    wrong: counted.length === rows.length ? counted.reduce((sum, count) => sum + count, 0) : undefined,
    ranks: lines.filter((line) => RANK.test(line)).length,
    transport: transportOf(lines),
  };
}

interface Columns {
  readonly busbw: number;
  readonly wrong: readonly number[];
  readonly count: number;
}

/** Newer versions have a column for the root, older ones do not: the header says which. */
function columnsOf(lines: readonly string[]): Columns | undefined {
  const header = lines.find((line) => HEADER.test(line));
  if (header === undefined) return undefined;
  const names = header.replace('#', '').trim().split(/\s+/);
  const wrong = names.flatMap((name, index) => (name === '#wrong' || name === 'error' ? [index] : []));
  return { busbw: names.indexOf('busbw'), wrong, count: names.length };
}

interface Row {
  readonly bytes: number;
  readonly busbw: number;
  readonly wrong: number | undefined;
}

function rowOf(line: string, columns: Columns | undefined): readonly Row[] {
  if (columns === undefined || !/^\s*\d/.test(line)) return [];
  const cells = line.trim().split(/\s+/);
  if (cells.length !== columns.count) return [];
  const [bytes, busbw] = [Number(cells[0]), Number(cells[columns.busbw])];
  if (!Number.isSafeInteger(bytes) || !Number.isFinite(busbw)) return [];
  const wrong = columns.wrong.map((index) => Number(cells[index]));
  return [{ bytes, busbw, wrong: wrong.some(Number.isNaN) ? undefined : wrong.reduce((sum, count) => sum + count, 0) }];
}

function transportOf(lines: readonly string[]): Transport {
  const network = lines.map((line) => /NCCL INFO Using network ([\w ]+?)\s*$/.exec(line)?.[1]).find((found) => found !== undefined);
  const channels = lines.flatMap((line) => /NCCL INFO Channel .* via (.+?)(?: comm 0x.*)?$/.exec(line)?.[1] ?? []);
  const hasNvls =
    lines.some((line) => line.includes('NVLS multicast support is available')) && lines.some((line) => line.includes('NVLS comm 0x'));
  return { network, channels: [...new Set(channels)].sort(), hasNvls };
}

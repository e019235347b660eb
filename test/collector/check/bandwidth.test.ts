import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readAllReduceLog } from '../../../collector/check/performance/all-reduce-log.ts';
import { bandwidthVerdict, wantedBandwidth, type BandwidthRule } from '../../../collector/check/performance/bandwidth-verdict.ts';

const log = (name: string): string => readFileSync(`test/fixture/cluster/log/${name}.log`, 'utf8');
const [EFA, SOCKET, NVLS, RCCL] = [log('nccl-efa-16-ranks'), log('nccl-socket'), log('nccl-nvls-8-ranks'), log('rccl-one-node')];

describe('the log of all_reduce_perf', () => {
  test('of two nodes over EFA', () => {
    expect(readAllReduceLog(EFA)).toEqual({
      isComplete: true,
      largestBytes: 17_179_869_184,
      busbwGBps: 487.1,
      averageGBps: 154.321,
      wrong: 0,
      ranks: 16,
      transport: { network: 'AWS Libfabric', channels: ['NET/AWS Libfabric/0/GDRDMA', 'P2P/CUMEM'], hasNvls: false },
    });
  });

  test('with the prefix of mpirun, over NVLink between nodes', () => {
    expect(readAllReduceLog(NVLS)).toMatchObject({
      largestBytes: 17_179_869_184,
      ranks: 8,
      transport: { network: 'IB', channels: ['P2P/MNNVL'], hasNvls: true },
    });
  });

  test('of RCCL, whose older tables have no column for the root', () => {
    expect(readAllReduceLog(RCCL)).toEqual({
      isComplete: true,
      largestBytes: 4_294_967_296,
      busbwGBps: 305.23,
      averageGBps: 98.7,
      wrong: 0,
      ranks: 8,
      transport: { network: 'IB', channels: ['P2P/direct pointer'], hasNvls: false },
    });
  });

  test.each([
    ['nothing', ''],
    [
      'no header',
      EFA.split('\n')
        .filter((line) => !line.includes('busbw'))
        .join('\n'),
    ],
    [
      'no row',
      EFA.split('\n')
        .filter((line) => !/^\s+\d/.test(line))
        .join('\n'),
    ],
    ['an error', 'NCCL failure: unhandled system error'],
    ['rows that are cut', EFA.replaceAll(/^(\s+\d+\s+\d+\s+float).*$/gm, '$1')],
    ['rows of words', EFA.replaceAll(/^(\s+)(\d+)(\s+\d+\s+float)/gm, '$1x$3')],
  ])('%s is no result', (_what, text) => {
    expect(readAllReduceLog(text)).toBeUndefined();
  });

  test('rows after a broken one count as far as they are whole', () => {
    const cut = EFA.slice(0, EFA.lastIndexOf('17179869184') + 40);
    expect(readAllReduceLog(cut)).toMatchObject({ isComplete: false, largestBytes: 8_589_934_592, averageGBps: undefined });
  });
});

describe('how a bandwidth is judged', () => {
  const rule = (change: Partial<BandwidthRule> = {}): BandwidthRule => ({
    wantedGBps: 300,
    constraint: 'nccl-all-reduce-bw',
    proof: 'any-network',
    ...change,
  });
  const say = (text: string, change: Partial<BandwidthRule> = {}): string => {
    const { outcome, message } = bandwidthVerdict(text, rule(change), {});
    return `${outcome}: ${message}`;
  };
  const corrupt = EFA.replace(/^(\s+17179869184.*?)\s0(\s+\d+\.\d+\s+\d+\.\d+\s+\d+\.\d+\s+)0\s*$/m, '$1 7$2 7');

  test.each([
    ['enough', EFA, {}, 'pass: 487.1 GB/s by AWS Libfabric; the recipe asks for 300, of which 90 % must be reached (270)'],
    ['nine tenths, just', EFA, { wantedGBps: 541 }, 'pass'],
    ['less than nine tenths', EFA, { wantedGBps: 542 }, 'fail: 487.1 GB/s by AWS Libfabric; the recipe asks for 542'],
    ['through sockets, and slow', SOCKET, {}, 'fail: 3.05 GB/s by Socket'],
    [
      'through sockets, where the fabric must be proved',
      SOCKET,
      { wantedGBps: 1, proof: 'not-socket' },
      'fail: the data went through TCP sockets',
    ],
    ['over the fabric, proved', EFA, { proof: 'not-socket' }, 'pass'],
    ['without NVLS, where it must be proved', EFA, { proof: 'nvls' }, 'fail: the log does not show NVLS'],
    ['with NVLS, proved', NVLS, { proof: 'nvls', wantedGBps: 500 }, 'pass'],
    ['by half a proof of NVLS', NVLS.replaceAll('NVLS comm 0x', 'NVLS comm '), { proof: 'nvls' }, 'fail: the log does not show NVLS'],
    ['by an unknown way', EFA.replaceAll('Using network', 'Some network'), {}, 'unknown: the log does not say which network was used'],
    ['with wrong values', corrupt, {}, 'fail: the collective computed 14 wrong values'],
    [
      'without a look at the values',
      EFA.replaceAll(/ {6}0(?=\s)/g, '    N/A'),
      {},
      'unknown: the benchmark did not look whether its values are right',
    ],
    ['before its end', EFA.replace('# Avg bus bandwidth', '# A'), {}, 'unknown: the log of the benchmark ends before its summary'],
    ['by nothing', 'Killed', {}, 'unknown: the log of the benchmark has no result'],
    [
      'with nothing to compare',
      RCCL,
      { wantedGBps: undefined, proof: 'single-node' },
      'pass: 305.23 GB/s by IB, all values right; the recipe has no number',
    ],
    [
      'with nothing to compare, by channels alone',
      RCCL.replaceAll('Using network', 'Some network'),
      { wantedGBps: undefined, proof: 'single-node' },
      'pass: 305.23 GB/s by P2P/direct pointer',
    ],
    [
      'with nothing to compare, and no way',
      RCCL.replaceAll('NCCL INFO', 'INFO'),
      { wantedGBps: undefined, proof: 'single-node' },
      'unknown: the log does not say which way',
    ],
  ] as const)('%s', (_what, text, change, message) => {
    expect(say(text, change).startsWith(message)).toBe(true);
  });

  test('numbers, transport and thresholds are recorded', () => {
    const { observed, thresholds } = bandwidthVerdict(EFA, rule(), { nodes: 2 });
    expect(observed).toEqual({
      nodes: 2,
      isComplete: true,
      largestBytes: 17_179_869_184,
      busbwGBps: 487.1,
      averageGBps: 154.321,
      wrong: 0,
      ranks: 16,
      network: 'AWS Libfabric',
      channels: ['NET/AWS Libfabric/0/GDRDMA', 'P2P/CUMEM'],
      nvls: false,
    });
    expect(thresholds).toEqual({
      busbw: { value: 300, unit: 'GB/s', source: 'recipe constraint nccl-all-reduce-bw' },
      effectiveBusbw: { value: 270, unit: 'GB/s', source: 'upstream NCCL checks: nine tenths of the constraint' },
    });
  });

  test.each([
    ['>= 300', 300],
    ['300', 300],
    ['> 40.5', 40.5],
    ['fast', undefined],
    ['', undefined],
    [undefined, undefined],
    ['>= 300 GB/s', undefined],
  ])('the constraint %s asks for %s', (text, wanted) => {
    expect(wantedBandwidth(text)).toBe(wanted);
  });
});

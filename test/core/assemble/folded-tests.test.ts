import { describe, expect, it } from 'vitest';
import { FoldedTests } from '#core/assemble/folded-tests.ts';
import { NodeRanges } from '#core/assemble/node-ranges.ts';
import { ObservedValues } from '#core/assemble/observed-values.ts';
import { PhaseTests, writtenBytes } from '#core/assemble/phase-tests.ts';
import type { CtrfStatus, CtrfTest } from '#core/ctrf/report.ts';
import { goJson } from '#core/digest/go-json.ts';

const nodeOf = (place: number): string => `node-${String(place + 1).padStart(4, '0')}`;

function testOf(place: number, change: Partial<CtrfTest> = {}): CtrfTest {
  return {
    name: 'gpu-memory',
    status: 'passed',
    duration: place,
    suite: ['deployment', nodeOf(place)],
    extra: { origin: 'node', outcome: 'pass', observed: { used: place, total: 80 } },
    ...change,
  };
}

function fold(tests: readonly CtrfTest[]): readonly CtrfTest[] {
  const folded = new FoldedTests();
  for (const [place, test] of tests.entries()) folded.add({ test, node: nodeOf(place), place });
  return folded.toTests();
}

describe('folded node results', () => {
  it('are one test for all nodes that say the same, with shared values, ranges and the nodes', () => {
    expect(fold([testOf(0), testOf(1), testOf(2)])).toEqual([
      {
        name: 'gpu-memory',
        status: 'passed',
        duration: 2,
        suite: ['deployment'],
        extra: {
          origin: 'node',
          outcome: 'pass',
          observed: { total: 80 },
          ranges: { used: { min: 0, max: 2 } },
          nodeCount: 3,
          nodes: ['node-0001..node-0003'],
        },
      },
    ]);
  });

  it.each<[string, Partial<CtrfTest>]>([
    ['another state', { status: 'failed' }],
    ['another name', { name: 'gpu-clock' }],
    ['another limit', { extra: { origin: 'node', outcome: 'pass', thresholds: { a: 1 }, observed: { used: 1, total: 80 } } }],
    ['another outcome', { extra: { origin: 'node', outcome: 'warn', observed: { used: 1, total: 80 } } }],
    ['no extra', { extra: {} }],
  ])('keep apart what has %s', (_, change) => {
    expect(fold([testOf(0), testOf(1, change), testOf(2)]).map(({ extra }) => extra?.['nodes'])).toEqual([
      ['node-0001', 'node-0003'],
      ['node-0002'],
    ]);
  });

  it('repeat a message only when all nodes gave the same, and no output', () => {
    const told = (message: string): Partial<CtrfTest> => ({ message, stdout: ['line'] });

    expect(fold([testOf(0, told('same')), testOf(1, told('same'))])[0]).toMatchObject({ message: 'same' });
    expect(fold([testOf(0, told('one')), testOf(1, told('two'))])[0]).not.toHaveProperty('message');
    expect(fold([testOf(0, told('one'))])[0]).not.toHaveProperty('stdout');
  });

  it('stay few, whatever names a node makes up', () => {
    const tests = fold(
      Array.from({ length: 3000 }, (_, index) =>
        testOf(index, { name: `made-up-${index}`, status: index % 2 === 0 ? 'passed' : 'failed' }),
      ),
    );

    expect(tests.length).toBe(1026);
    expect(tests.filter(({ name }) => name === 'further-checks').map(({ status, extra }) => [status, extra?.['nodeCount']])).toEqual([
      ['passed', 988],
      ['failed', 988],
    ]);
  });

  it('tell only the outcome of a result with an enormous extra', () => {
    const huge = (place: number): CtrfTest =>
      testOf(place, { extra: { origin: 'node', outcome: 'pass', reads: ['x'.repeat(5000) + String(place)] } });

    expect(fold([huge(0), huge(1)]).map(({ extra }) => extra)).toEqual([
      { origin: 'node', outcome: 'pass', nodeCount: 2, nodes: ['node-0001..node-0002'] },
    ]);
  });

  it('leave something observed that is no object where it stands', () => {
    expect(
      fold([
        testOf(0, { extra: { observed: [1] } }),
        testOf(1, { extra: { observed: [1] } }),
        testOf(2, { extra: { observed: 'text' } }),
      ]).map(({ extra }) => [extra?.['observed'], extra?.['nodeCount']]),
    ).toEqual([
      [[1], 2],
      ['text', 1],
    ]);
  });
});

describe('observed values', () => {
  it.each<[string, readonly Readonly<Record<string, unknown>>[], object]>([
    [
      'shared',
      [
        { a: 1, b: { c: [1] } },
        { b: { c: [1] }, a: 1 },
      ],
      { observed: { a: 1, b: { c: [1] } } },
    ],
    ['numbers that differ', [{ a: 3 }, { a: 1 }, { a: 2 }], { ranges: { a: { min: 1, max: 3 } } }],
    ['texts that differ', [{ a: 'x' }, { a: 'y' }], { differs: ['a'] }],
    ['a number and a text', [{ a: 1 }, { a: 'x' }, { a: 1 }], { differs: ['a'] }],
    ['a range and then a text', [{ a: 1 }, { a: 2 }, { a: 'x' }], { differs: ['a'] }],
    ['missing on one', [{ a: 1, b: 2 }, { b: 2 }], { observed: { b: 2 }, differs: ['a'] }],
    ['missing after a range', [{ a: 1 }, { a: 2 }, {}], { differs: ['a'] }],
    ['first seen later', [{}, { z: 1 }, { z: 1 }], { differs: ['z'] }],
    ['null and zero', [{ a: null }, { a: 0 }], { differs: ['a'] }],
    ['nothing', [{}, {}], {}],
    ['longer than is repeated', [{ a: 'x'.repeat(3000) }], { differs: ['a'] }],
    ['named like a property of every object', [{ toString: 1 }, { toString: 2 }], { ranges: { toString: { min: 1, max: 2 } } }],
  ])('that are %s', (_, [first = {}, ...others], expected) => {
    const values = new ObservedValues(first);
    for (const other of others) values.merge(other);

    expect(values.toExtra()).toEqual(expected);
  });

  it('are bounded in number', () => {
    const values = new ObservedValues({});
    for (let index = 0; index < 500; index += 1) values.merge({ [`key-${index}`]: index });

    expect((values.toExtra()['differs'] as string[]).length).toBe(64);
  });
});

describe('ranges of nodes', () => {
  const rangesOf = (places: readonly number[]): NodeRanges => {
    const ranges = new NodeRanges();
    for (const place of places) ranges.add(nodeOf(place), place);
    return ranges;
  };

  it.each<[readonly number[], readonly string[]]>([
    [[], []],
    [[4], ['node-0005']],
    [[0, 1, 2], ['node-0001..node-0003']],
    [
      [0, 2, 3],
      ['node-0001', 'node-0003..node-0004'],
    ],
    [[1, 1, 2], ['node-0002..node-0003']],
  ])('of %j are %j', (places, expected) => {
    expect(rangesOf(places).toList()).toEqual(expected);
  });

  it('count all nodes and list at most 256 ranges', () => {
    const ranges = rangesOf(Array.from({ length: 1000 }, (_, index) => index * 2));

    expect([ranges.count, ranges.toList().length]).toEqual([1000, 256]);
  });
});

describe('the results of one phase', () => {
  const phaseOf = (maxBytes: number, count: number, statusOf: (place: number) => CtrfStatus = () => 'passed'): PhaseTests => {
    const phase = new PhaseTests(maxBytes);
    for (let place = 0; place < count; place += 1)
      phase.add({ test: testOf(place, { status: statusOf(place) }), node: nodeOf(place), place });
    return phase;
  };

  it('stand one by one, unchanged and in order, while they fit', () => {
    expect(phaseOf(10_000, 5).toTests(0)).toEqual(Array.from({ length: 5 }, (_, place) => testOf(place)));
  });

  it('fold when they do not, also when only the rest of the report is in the way', () => {
    expect(phaseOf(1000, 50).toTests(0).length).toBe(1);
    expect(phaseOf(10_000, 5).toTests(9_999).length).toBe(1);
  });

  it('fold to the same tests whenever the limit is reached', () => {
    const statusOf = (place: number): CtrfStatus => (place % 7 === 0 ? 'failed' : 'passed');

    expect(phaseOf(100_000, 90, statusOf).toTests(100_000)).toEqual(phaseOf(500, 90, statusOf).toTests(0));
  });

  it('know what a test takes in a report as it is written', () => {
    const tests = [testOf(0), testOf(1, { message: '<&>\u2028' })];
    const empty = goJson({ results: { tests: [] } }).length;
    const written = goJson({ results: { tests } }).length;

    expect(written - empty).toBeLessThanOrEqual(tests.reduce((sum, test) => sum + writtenBytes(test), 0) + 10);
  });
});

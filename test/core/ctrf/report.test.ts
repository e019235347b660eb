import { validate } from 'ctrf';
import { describe, expect, it } from 'vitest';
import { buildReport } from '#core/ctrf/build-report.ts';
import { parseReport } from '#core/ctrf/parse-report.ts';
import type { CtrfTest } from '#core/ctrf/report.ts';
import { goJson } from '#core/digest/go-json.ts';

const TESTS: readonly CtrfTest[] = [
  {
    name: 'kernel-release',
    status: 'passed',
    duration: 3,
    suite: ['deployment', 'node-0001'],
    extra: { origin: 'node', release: '6.8.0' },
  },
  { name: 'gpu-driver', status: 'skipped', duration: 0, suite: ['deployment', 'node-0001'], message: 'no GPU' },
  { name: 'time-sync', status: 'other', duration: 12, suite: ['deployment', 'node-0001'], stdout: ['line'] },
];
const FRAME = { toolVersion: '0.1.0', start: 1_000, stop: 5_500 };
const bytes = (value: unknown): Uint8Array => Buffer.from(goJson(value));

describe('CTRF report', () => {
  it('satisfies the CTRF schema as its own project checks it', () => {
    expect(validate(JSON.parse(goJson(buildReport(TESTS, FRAME))))).toMatchObject({ valid: true });
  });

  it('reads back what was built, without problems', () => {
    const report = buildReport(TESTS, FRAME);

    expect(parseReport(bytes(report), 'ctrf/deployment.json')).toEqual({ report, problems: [] });
  });

  it.each([
    [
      'a count that the tests contradict',
      (r: any) => void (r.results.summary.failed = 1),
      'results.summary.failed: says 1, the tests give 0',
    ],
    [
      'a fractional duration',
      (r: any) => void (r.results.tests[0].duration = 1.5),
      'results.tests[0].duration: is no whole number of milliseconds',
    ],
    ['an unknown state', (r: any) => void (r.results.tests[1].status = 'green'), 'results.tests[1].status: "green" is no CTRF state'],
    ['a missing name', (r: any) => void delete r.results.tests[2].name, 'results.tests[2].name: is missing'],
    ['a missing summary', (r: any) => void delete r.results.summary, 'results.summary: is missing'],
    ['a suite that is no list', (r: any) => void (r.results.tests[0].suite = 'x'), 'results.tests[0].suite: is no list of texts'],
  ])('names %s', (_, spoil, problem) => {
    const report = structuredClone(buildReport(TESTS, FRAME));
    spoil(report);

    expect(parseReport(bytes(report), 'x').problems).toContain(problem);
  });

  it.each([
    ['text', 'hello'],
    ['a list', '[]'],
    ['no tests', '{"results":{}}'],
    ['half a document', '{"results":'],
  ])('refuses %s', (_, text) => {
    expect(() => parseReport(Buffer.from(text), 'ctrf/deployment.json')).toThrow(expect.objectContaining({ code: 'CTRF_INVALID' }));
  });
});

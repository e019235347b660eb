import { describe, expect, it } from 'vitest';
import type { NewObject } from '#core/cluster/cluster.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import { evidenceOf, readResults } from '../../../cli/cluster/read-results.ts';
import { resultsExit, resultsReport, runResults, type TestsOfRun } from '../../../cli/cluster/run-results.ts';
import { junitText } from '../../../cli/output/junit.ts';
import { liveHtml, liveMarkdown } from '../../../cli/output/live-report.ts';
import { resultsText } from '../../../cli/output/results-text.ts';
import { MemoryCluster } from '../../fixture/cluster/memory-cluster.ts';
import { eventLog, RUN_ID, runJob, runPod, runStatus, statusMap } from '../../fixture/cluster/release-objects.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const check = (node: string, name: string, status: 'passed' | 'failed' | 'skipped', message?: string): RunEvent => ({
  event: 'check',
  node,
  phase: 'deployment',
  check: name,
  status,
  ...(message === undefined ? {} : { message }),
});
const EVENTS: readonly RunEvent[] = [
  check('gpu-1', 'gpu-count', 'passed'),
  check('gpu-2', 'gpu-count', 'failed', 'found 7 of 8'),
  check('gpu-1', 'amd-ecc', 'skipped', 'no AMD GPU'),
  check('gpu-2', 'amd-ecc', 'skipped', 'no AMD GPU'),
  { event: 'cluster-check', phase: 'conformance', check: 'dra-support', status: 'passed' },
  { event: 'node-finished', node: 'gpu-1' },
  { event: 'absent', node: 'gpu-3', reason: 'tainted', detail: 'team=ml: helm upgrade' },
];

function read(
  events: readonly RunEvent[] = EVENTS,
  {
    objects = [statusMap(runStatus()), runJob(), runPod()],
    from = 'auto',
  }: { objects?: readonly NewObject[]; from?: 'auto' | 'log' | 'evidence' } = {},
  notes: string[] = [],
): Promise<TestsOfRun> {
  const cluster = new MemoryCluster({ objects, logs: { 'assay/assay-run-1-x': eventLog(events) } });
  return readResults(
    { cluster, namespace: 'assay' },
    { from, note: (line) => notes.push(line), signal: new AbortController().signal, timeout: '200ms' },
  );
}

describe('assay results from the log of a run', () => {
  it('counts per phase and node, and lists what did not pass and who is missing', async () => {
    const results = runResults(await read());

    expect(results).toEqual({
      run: RUN_ID,
      state: 'gathering',
      source: 'log',
      phases: { deployment: { passed: 1, failed: 1, skipped: 2, other: 0 }, conformance: { passed: 1, failed: 0, skipped: 0, other: 0 } },
      nodes: [
        { node: 'gpu-1', phases: { deployment: { passed: 1, failed: 0, skipped: 1, other: 0 } } },
        { node: 'gpu-2', phases: { deployment: { passed: 0, failed: 1, skipped: 1, other: 0 } } },
      ],
      notPassed: [
        { phase: 'deployment', check: 'amd-ecc', node: 'gpu-1', status: 'skipped', reason: 'no AMD GPU' },
        { phase: 'deployment', check: 'gpu-count', node: 'gpu-2', status: 'failed', reason: 'found 7 of 8' },
        { phase: 'deployment', check: 'amd-ecc', node: 'gpu-2', status: 'skipped', reason: 'no AMD GPU' },
      ],
      absent: [{ node: 'gpu-3', reason: 'tainted', detail: 'team=ml: helm upgrade' }],
    });
  });

  it.each<[string, readonly RunEvent[], number]>([
    ['all passed', [check('a', 'x', 'passed')], 0],
    ['skipped is no failure', [check('a', 'x', 'passed'), check('a', 'y', 'skipped')], 0],
    ['one failed', [check('a', 'x', 'failed')], 1],
    ['a node cannot report', [check('a', 'x', 'passed'), { event: 'waiting', node: 'b', reason: 'tainted', detail: 'x' }], 1],
    ['nothing was checked', [{ event: 'node-connected', node: 'a', attempt: 1, agentVersion: '1' }], 1],
  ])('decides the exit status: %s', async (_, events, exit) => {
    expect(resultsExit(runResults(await read(events)))).toBe(exit);
  });

  it('is one suite per phase and one case per node and check as JUnit', async () => {
    const junit = junitText(resultsReport(await read(), { start: 0, stop: 0 }));

    expect(junit).toContain('<testsuites name="assay" tests="5" failures="1" errors="0" skipped="2">');
    expect(junit).toContain('<testcase name="gpu-count" classname="gpu-2" time="0.000"><failure message="found 7 of 8"/></testcase>');
  });

  it('folds skipped checks of many nodes by reason in the text', async () => {
    expect(resultsText(runResults(await read()))).toContain('- skipped amd-ecc on 2 node(s): no AMD GPU\n');
  });

  it('says that nothing is left when pods and evidence are gone', async () => {
    const objects = [statusMap(runStatus({ state: 'sealed' })), runJob({ ended: 'Complete' })];

    expect(await codeOfPromise(read([], { objects }))).toBe('RUN_NOT_FOUND');
  });
});

describe('assay results from evidence', () => {
  const published = runStatus({ state: 'published', oci: '127.0.0.1:1/team/evidence:v1', digest: DIGEST });

  it('are asked for by digest, whatever the tag is', () => {
    expect(evidenceOf({ id: RUN_ID, pods: [], status: published })).toBe(`127.0.0.1:1/team/evidence:v1@${DIGEST}`);
  });

  it.each([
    ['no status', undefined],
    ['no reference', runStatus({ state: 'sealed', digest: DIGEST })],
    ['an empty reference', runStatus({ state: 'sealed', oci: '', digest: DIGEST })],
    ['no digest', runStatus({ state: 'sealed', oci: 'r.example/e:v1' })],
  ])('are not there with %s', (_, status) => {
    expect(evidenceOf({ id: RUN_ID, pods: [], ...(status === undefined ? {} : { status }) })).toBeUndefined();
  });

  it('give way to the log when the registry cannot be reached, and say so', async () => {
    const notes: string[] = [];
    const { source } = await read(EVENTS, { objects: [statusMap(published), runJob(), runPod()] }, notes);

    expect([source, notes.length, notes[0]]).toEqual([{ kind: 'log' }, 1, expect.stringMatching(/^REGISTRY_UNAVAILABLE: /)]);
  });

  it.each<[string, readonly NewObject[], string]>([
    ['the registry is out', [statusMap(published), runJob(), runPod()], 'REGISTRY_UNAVAILABLE'],
    ['nothing was pushed', [statusMap(runStatus()), runJob(), runPod()], 'RUN_NOT_FOUND'],
  ])('are an error when they are asked for and %s', async (_, objects, code) => {
    expect(await codeOfPromise(read(EVENTS, { objects, from: 'evidence' }))).toBe(code);
  });
});

describe('a report of a run that is not sealed', () => {
  const hostile = '<script>alert(1)</script> @team ![x](http://evil.example) `| \u001B[2J';

  it('says in the first lines that nothing stands behind it', async () => {
    const results = runResults(await read());

    expect([liveMarkdown(results), liveHtml(results)].every((text) => text.includes('Preliminary'))).toBe(true);
  });

  it('lets no text out of its place', async () => {
    const results = runResults(
      await read([check(hostile, hostile, 'failed', hostile), { event: 'absent', node: hostile, reason: 'lost', detail: hostile }]),
    );
    const [markdown, html, text] = [liveMarkdown(results), liveHtml(results), resultsText(results)];

    expect([markdown, html, text].filter((output) => output.includes('\u001B'))).toEqual([]);
    expect(html).not.toMatch(/<script|<img|href=/);
    expect(markdown.replaceAll(/`[^`]*`/g, '')).not.toMatch(/<script|@team|!\[/);
  });
});

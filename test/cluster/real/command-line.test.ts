import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assay, type Ended } from '../../fixture/services.ts';
import { openBed, skipBed, WHY_SKIPPED } from '../bed.ts';
import { layDefaultMachines } from '../bed/machine.ts';
import { loginConfig, startBedServices } from '../services.ts';
import { signerOf } from './record.ts';
import { Release, type Ground } from './release.ts';

const NAMESPACE = 'by-hand';

describe.skipIf(skipBed)(`a run as its user sees it ${WHY_SKIPPED}`, { timeout: 180_000 }, () => {
  let ground: Ground;
  let release: Release;
  let folder: string;
  let flags: readonly string[];
  let registry: readonly string[];
  let watched: Ended;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'assay-command-line-'));
    layDefaultMachines();
    ground = { ...openBed(), services: await startBedServices() };
    writeFileSync(join(folder, 'root.json'), ground.services.trustedRoot);
    writeFileSync(join(folder, 'login.json'), loginConfig(ground.services));
    flags = ['-n', NAMESPACE, '--kubeconfig', ground.bed.kubeconfig, '--format', 'json'];
    registry = ['--plain-http', '--registry-config', join(folder, 'login.json')];
    release = await Release.install(ground, NAMESPACE, { values: { collector: { phases: [] } } });
    watched = await assay(['status', '--watch', ...flags]);
  }, 240_000);

  afterAll(async () => {
    await release?.uninstall();
    await ground?.services.stop();
    ground?.api.close();
    rmSync(folder, { recursive: true });
  }, 120_000);

  const documentOf = <T = any>({ stdout }: Pick<Ended, 'stdout'>): T => JSON.parse(stdout) as T;

  it('is watched from its begin to its end', () => {
    const lines = watched.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { run: string | null; state: string; ended: boolean });
    const last = lines.at(-1);

    expect([last?.state, last?.ended, new Set(lines.slice(1).map(({ run }) => run)).size], watched.stderr).toEqual(['published', true, 1]);
  });

  it('stands at its end as its evidence says: one failing GPU, every node heard, signed by the collector', async () => {
    const ended = await assay(['status', ...flags]);
    const { findings, nodes, signer, agents } = documentOf(ended);

    expect([ended.exit, nodes, agents.desired, agents.problems, signer]).toEqual([
      1,
      { expected: 3, connected: 0, finished: 3, absent: {} },
      3,
      [],
      signerOf(NAMESPACE),
    ]);
    expect(findings.map(({ code }: { code: string }) => code)).toEqual(['CHECKS_FAILED']);
  });

  it.each([
    ['sealed', 0],
    ['signed', 0],
    ['published', 0],
  ])('was waited for: %s', async (state, exit) => {
    expect((await assay(['wait', '--for', state, '--timeout', '10s', ...flags])).exit).toBe(exit);
  });

  it('tells its story, node by node, and what agents and signer say, without a token', async () => {
    const story = await assay(['logs', ...flags.slice(0, -2)]);
    const sign = await assay(['logs', '--container', 'sign', ...flags.slice(0, -2)]);
    const agent = await assay(['logs', 'node-1', '--verbose', ...flags.slice(0, -2)]);

    expect(
      [story.stdout, sign.stdout].map((text) => /sealed: |published: /.test(text)),
      story.stdout + sign.stdout,
    ).toEqual([true, true]);
    expect([agent.exit, agent.stdout.length > 0]).toEqual([0, true]);
    expect(story.stdout + sign.stdout + agent.stdout).not.toMatch(/eyJ[\w-]{20}/);
  });

  it('has the same results in its log and in its evidence', async () => {
    const [log, evidence] = await Promise.all(['log', 'evidence'].map((from) => assay(['results', '--from', from, ...registry, ...flags])));
    const [logged, signed] = [documentOf(log as Ended), documentOf(evidence as Ended)];

    expect([log?.exit, evidence?.exit, logged.source, signed.source]).toEqual([1, 1, 'log', 'evidence']);
    // The test about the agents' sessions is made of the whole log, when it is sealed.
    const { deployment } = logged.phases;
    expect(signed.phases).toEqual({ ...logged.phases, deployment: { ...deployment, passed: deployment.passed + 1 } });
    expect(signed.nodes.length).toBe(logged.nodes.length);
    expect(logged.nodes.map(({ node }: { node: string }) => node)).toEqual(['node-1', 'node-2', 'node-3']);
  });

  it('is written as JUnit and as a verified report', async () => {
    const files = [join(folder, 'results.xml'), join(folder, 'report.html')];
    const junit = await assay(['results', ...registry, ...flags.slice(0, -1), 'junit', '--output', files[0] ?? '']);
    const { issuer, identity } = signerOf(NAMESPACE);
    const pins = ['--trusted-root', join(folder, 'root.json'), '--expected-issuer', issuer, '--expected-identity', identity];
    const report = await assay(['report', ...registry, ...pins, ...flags.slice(0, -1), 'html', '--output', files[1] ?? '']);

    const [xml, html] = files.map((file) => readFileSync(file, 'utf8'));
    expect([junit.exit, report.exit], report.stderr).toEqual([1, 1]);
    expect([xml?.includes('<failure'), html?.includes(identity)]).toEqual([true, true]);
  });

  it('was foreseen: every node reports, registry and signing services take us, the issuer is accepted', async () => {
    const ended = await assay(['doctor', ...registry, ...flags]);
    const { installed, lines } = documentOf<{ installed: boolean; lines: readonly { id: string; level: string }[] }>(ended);
    const level = Object.fromEntries(lines.map(({ id, level: found }) => [id, found]));

    expect([ended.exit, installed], ended.stdout).toEqual([0, true]);
    expect(level).toMatchObject({ reporting: 'ok', push: 'ok', fulcio: 'ok', issuer: 'ok', rekor: 'ok', timestamp: 'ok' });
  });

  it('is deleted without a trace, and the pointer of its evidence stays', async () => {
    const ended = await assay(['delete', '--all-runs', ...flags]);
    const deletion = documentOf<{ left: readonly string[]; statusReset: boolean }>(ended);

    expect([ended.exit, deletion.left, deletion.statusReset]).toEqual([0, [], true]);
    expect([await release.jobs(), await release.pods('collector'), Object.keys(await release.statusData())]).toEqual([
      [],
      [],
      ['pointer.yaml'],
    ]);
  });
});

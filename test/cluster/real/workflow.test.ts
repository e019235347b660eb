import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Ended } from '../../fixture/run/assay.ts';
import { openBed, skipBed, WHY_SKIPPED } from '../bed.ts';
import { layDefaultMachines } from '../bed/machine.ts';
import { bedProgram, place } from '../bed/place.ts';
import { startBedServices } from '../services.ts';
import { signerOf } from './record.ts';
import type { Ground } from './release.ts';
import { bedValues } from './values.ts';

const NAMESPACE = 'workflow';
const RUN_MS = 180_000;

/** What the steps of the workflow's job `cluster` run, by name. */
function scripts(): Readonly<Record<string, string>> {
  const workflow = parse(readFileSync('.github/workflows/gpu-evidence.yml', 'utf8'));
  const steps = workflow.jobs.cluster.steps as readonly { readonly name?: string; readonly run?: string }[];
  return Object.fromEntries(steps.flatMap(({ name, run }) => (name === undefined || run === undefined ? [] : [[name, run]])));
}

/** Runs a script as a GitHub runner does. */
function bash(script: string, env: Readonly<Record<string, string>>): Promise<Ended> {
  const path = [place.bin, process.env['PATH'] ?? ''].join(delimiter);
  const child = spawn('bash', ['-e', '-c', script], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env, PATH: path } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((done) => child.on('close', (exit) => done({ exit, stdout, stderr })));
}

describe.skipIf(skipBed)(`the workflow for GPU runners, its scripts as they stand ${WHY_SKIPPED}`, () => {
  let ground: Ground;
  let folder: string;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    layDefaultMachines();
    ground = { ...openBed(), services: await startBedServices() };
    folder = mkdtempSync(join(tmpdir(), 'assay-workflow-'));
    writeFileSync(join(folder, 'root.json'), ground.services.trustedRoot);
    writeFileSync(join(folder, 'values.json'), JSON.stringify(bedValues(ground.bed, ground.services)));
    env = {
      KUBECONFIG: ground.bed.kubeconfig,
      NAMESPACE,
      VALUES: join(folder, 'values.json'),
      VERIFY_FLAGS: `--plain-http --trusted-root ${join(folder, 'root.json')}`,
      GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
    };
  }, 120_000);

  afterAll(async () => {
    await bash('helm uninstall assay --namespace "$NAMESPACE" --ignore-not-found; kubectl delete namespace "$NAMESPACE" --wait=false', env);
    await ground?.services.stop();
    ground?.api.close();
    rmSync(folder, { recursive: true });
  }, 120_000);

  it(
    'install, wait, fetch the pointer and verify what was signed in the cluster',
    async () => {
      const { Evidence: evidence = '', Verification: verification = '', 'Pointer to commit': pointer = '' } = scripts();

      expect(await bash(evidence, env)).toMatchObject({ exit: 0, stdout: expect.stringContaining(signerOf(NAMESPACE).identity) });
      // One GPU of the bed fails: valid, with findings.
      expect(await bash(verification, env)).toMatchObject({ exit: 1, stdout: expect.stringContaining(signerOf(NAMESPACE).issuer) });
      expect(await bash(pointer, env)).toMatchObject({ exit: 0 });
      expect(readFileSync(join(folder, 'summary.md'), 'utf8')).toContain(signerOf(NAMESPACE).identity);
    },
    RUN_MS,
  );

  it('do not take the word of another cluster', async () => {
    const { Verification: verification = '' } = scripts();
    const elsewhere = verification.replace(/^ISSUER=.*$/m, 'ISSUER=https://elsewhere.example');

    expect(elsewhere).not.toBe(verification);
    expect(await bash(elsewhere, env)).toMatchObject({ exit: 2 });
  });

  it('leave a release whose own test passes, and removes what it made', async () => {
    const tested = await bash(`${bedProgram('helm')} test assay --namespace "$NAMESPACE" --timeout 2m`, env);
    const left = await bash('kubectl get pods,roles,rolebindings --namespace "$NAMESPACE" --output name', env);

    expect(tested).toMatchObject({ exit: 0, stdout: expect.stringContaining('Succeeded') });
    expect(left.stdout.split('\n').filter((name) => name.endsWith('/assay-test'))).toEqual([]);
  });
});

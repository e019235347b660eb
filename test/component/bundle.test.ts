import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { sha256 } from '#core/digest/sha256.ts';
import { verifyEvidence } from '#core/verify/verify-evidence.ts';
import { ATTESTED_AT, INPUT } from '../fixture/bundle/create.ts';
import { assay, temporaryDirectory } from '../fixture/run/assay.ts';

const NOW_MS = Date.parse(ATTESTED_AT) + 3_600_000;

function createArgs(out: string, ...more: readonly string[]): readonly string[] {
  return [
    'bundle',
    'create',
    `--recipe=${INPUT}/recipe.yaml`,
    `--snapshot=${INPUT}/snapshot.yaml`,
    `--ctrf=${INPUT}/ctrf`,
    `--log=${INPUT}/log`,
    `--attested-at=${ATTESTED_AT}`,
    `--out=${out}`,
    '--format=json',
    ...more,
  ];
}

describe('assay bundle create as a program', () => {
  it('makes what publish pushes and verify accepts as unsigned, by pointer, layout and archive', async () => {
    const out = temporaryDirectory();
    const archive = join(out, 'evidence.tar.gz');

    expect((await assay(createArgs(out, `--archive=${archive}`))).exit).toBe(0);
    const published = await assay(['publish', out, `--push=oci-layout:${join(out, 'oci')}`, '--format=json']);
    const { digest } = JSON.parse(published.stdout) as { digest: string };

    expect(published.exit).toBe(1);
    for (const input of [join(out, 'pointer.yaml'), `oci-layout:${join(out, 'oci')}@${digest}`, archive]) {
      const { exit, pending, findings } = await verifyEvidence(input, { offline: true, nowMs: NOW_MS });

      expect([input, exit, pending, findings.filter(({ severity }) => severity === 'error')]).toEqual([input, 1, true, []]);
    }
  });

  it('leaves a whole bundle or none, whenever it is killed', async () => {
    const out = temporaryDirectory();
    const states = new Set<string>();
    for (const killAfterMs of [150, 250, 300, 350, 400, 450, 500, 600]) {
      const child = spawn(process.execPath, ['cli/main.ts', ...createArgs(out)], { stdio: 'ignore' });
      await delay(killAfterMs);
      child.kill('SIGKILL');
      await new Promise((done) => (child.exitCode === null && child.signalCode === null ? child.once('close', done) : done(undefined)));
      const bundle = join(out, 'summary-bundle');
      const exit = existsSync(bundle) ? (await verifyEvidence(bundle, { offline: true, nowMs: NOW_MS })).exit : 'none';
      states.add(String(exit));
    }

    expect([...states].filter((state) => !['none', '1'].includes(state))).toEqual([]);
  });

  it('cleans up after a killed one, and ends in the same bytes', async () => {
    const [out, undisturbed] = [temporaryDirectory(), temporaryDirectory()];
    const child = spawn(process.execPath, ['cli/main.ts', ...createArgs(out)], { stdio: 'ignore' });
    await delay(350);
    child.kill('SIGKILL');
    await assay(createArgs(out));
    await assay(createArgs(undisturbed));
    const contents = (directory: string): readonly string[] =>
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => `${join(parentPath, name).slice(directory.length)} ${sha256(readFileSync(join(parentPath, name)))}`)
        .sort();

    expect(contents(join(out, 'summary-bundle'))).toEqual(contents(join(undisturbed, 'summary-bundle')));
    expect(readdirSync(out).filter((name) => /^\.(summary|logs)-bundle/.test(name))).toEqual([]);
  });
});

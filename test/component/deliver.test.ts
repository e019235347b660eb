import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockDirectory } from '#core/lock/directory-lock.ts';
import { readDelivery, writeEnded } from '#core/publish/handover.ts';
import { collected, sealed, startAssay } from '../fixture/delivery.ts';
import { assay, place } from '../fixture/services.ts';

const runIdOf = (jobUid: string): string => `run-${createHash('sha256').update(jobUid).digest('hex').slice(0, 16)}`;

function failure(stdout: string): unknown {
  return (JSON.parse(stdout) as { error: { code: string } }).error.code;
}

describe('assay deliver without any service', () => {
  it('waits for the seal, pushes unsigned when there is no identity, and ends 1 with the pointer on stdout', async () => {
    const out = join(place(), 'out');
    const layout = `oci-layout:${join(place(), 'registry')}`;
    const running = startAssay(['deliver', out, '--push', `${layout}:v1`]);
    await running.says('waiting for the seal');

    const digest = await sealed(out);
    const { exit, stdout, stderr } = await running.ended;

    expect({ exit, stdout }).toEqual({ exit: 1, stdout: readFileSync(join(out, 'pointer.yaml'), 'utf8') });
    expect(stdout).toContain(digest);
    expect(stderr).toContain('IDENTITY_MISSING');
    expect(await readDelivery(out)).toEqual({
      schemaVersion: '1.0.0',
      runId: 'run-1',
      state: 'pending',
      final: true,
      digest,
      oci: `${layout}:v1`,
      pointer: stdout,
      reason: expect.stringMatching(/^IDENTITY_MISSING: /) as string,
      hint: expect.stringContaining(`assay sign ${layout}:v1`) as string,
    });
  });

  it('prints one JSON document whose exit is its status, and pushes nowhere when it is not told where', async () => {
    const out = place();
    const digest = await sealed(out);

    const { exit, stdout } = await assay(['deliver', out, '--format', 'json']);

    expect({ exit, document: JSON.parse(stdout) as unknown }).toMatchObject({
      exit: 1,
      document: { exit: 1, runId: 'run-1', state: 'pending', final: true, digest },
    });
    expect(JSON.parse(stdout)).not.toHaveProperty('oci');
  });

  it('is set up by variables alone; a flag wins, an empty variable is none', async () => {
    const out = place();
    await sealed(out);
    const [here, there] = [`oci-layout:${join(place(), 'here')}:v1`, `oci-layout:${join(place(), 'there')}:v1`];

    const byVariable = await assay(['deliver', out, '--format', 'json'], { ASSAY_PUSH: here, ASSAY_PLAIN_HTTP: 'false', ASSAY_WAIT: '' });
    const byFlag = await assay(['deliver', out, '--format', 'json', '--push', there], { ASSAY_PUSH: here });

    expect([byVariable, byFlag].map(({ stdout }) => (JSON.parse(stdout) as { oci: string }).oci)).toEqual([here, there]);
  });

  it.each([
    ['a variable that nobody knows', { ASSAY_REKOR_ULR: 'https://log.example' }, [], 'CONFIG_INVALID'],
    ['a switch that is neither true nor false', { ASSAY_PLAIN_HTTP: 'yes' }, [], 'CONFIG_INVALID'],
    ['a duration without unit', { ASSAY_RETRY_FOR: '30' }, [], 'CONFIG_INVALID'],
    ['a flag that nobody knows', {}, ['--tries', '3'], 'USAGE'],
  ])('refuses %s with 64 before it waits for anything', async (_, env, flags, code) => {
    const { exit, stdout } = await assay(['deliver', place(), '--format', 'json', ...flags], env);

    expect([exit, failure(stdout)]).toEqual([64, code]);
  });

  it('ends 3 when no seal comes in time', async () => {
    const { exit, stdout } = await assay(['deliver', join(place(), 'none'), '--wait', '50ms', '--format', 'json']);

    expect([exit, failure(stdout)]).toEqual([3, 'TIMEOUT']);
  });

  it('does not take the seal of another Job', async () => {
    const out = place();
    await sealed(out, runIdOf('job-of-yesterday'));
    const running = startAssay(['deliver', out, '--format', 'json'], { ASSAY_JOB_UID: 'job-of-today' });
    await running.says('waiting for the seal');

    const digest = await sealed(out, runIdOf('job-of-today'));

    expect(JSON.parse((await running.ended).stdout)).toMatchObject({ runId: runIdOf('job-of-today'), digest });
  });

  it('ends 3 with the reason when the collector says that no seal will come', async () => {
    const out = place();
    const running = startAssay(['deliver', out, '--format', 'json']);
    await running.says('waiting for the seal');

    await writeEnded(out, { schemaVersion: '1.0.0', runId: 'run-1', reason: 'NO_GPU_NODE: no node has a GPU\u001b[31m' });
    const { exit, stdout, stderr } = await running.ended;

    expect([exit, failure(stdout)]).toEqual([3, 'PROGRAM_FAILED']);
    expect(stderr).toContain('NO_GPU_NODE: no node has a GPU\\u{1b}[31m');
  });

  it('ends 3 when the collector is gone without a word', async () => {
    const [out, state] = [place(), place()];
    const unlock = await lockDirectory(state);
    const running = startAssay(['deliver', out, '--state-dir', state, '--format', 'json']);
    await running.says('the collector is at work');

    await unlock();
    const { exit, stdout } = await running.ended;

    expect([exit, failure(stdout)]).toEqual([3, 'PROGRAM_FAILED']);
  });

  it.each([
    ['a changed bundle', (out: string) => writeFileSync(join(out, 'summary-bundle/recipe.yaml'), 'kind: other\n')],
    ['a missing bundle', (out: string) => rmSync(join(out, 'summary-bundle'), { recursive: true })],
    ['another digest', (out: string) => rewrite(join(out, 'sealed.json'), /sha256:[0-9a-f]{64}/, `sha256:${'00'.repeat(32)}`)],
  ])('refuses %s with 2, and says so to whoever waits for delivery.json', async (_, spoil) => {
    const out = place();
    await sealed(out);
    spoil(out);

    const { exit, stdout } = await assay(['deliver', out, '--format', 'json']);

    expect([exit, failure(stdout)]).toEqual([2, 'BUNDLE_INVALID']);
    expect(await readDelivery(out)).toMatchObject({ state: 'pending', final: true, reason: expect.stringMatching(/^BUNDLE_INVALID: /) });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends at once on %s while it waits', async (signal) => {
    const running = startAssay(['deliver', place(), '--format', 'json']);
    await running.says('waiting for the seal');
    const killedAt = performance.now();
    running.kill(signal);

    const { exit, stdout } = await running.ended;

    expect([exit, failure(stdout)]).toEqual(signal === 'SIGINT' ? [130, 'INTERRUPTED'] : [143, 'TERMINATED']);
    expect(performance.now() - killedAt).toBeLessThan(2_000);
  });

  it('is not misled by a bundle that is there before the collector says it is done', async () => {
    const out = place();
    await collected(out);

    const { exit, stdout } = await assay(['deliver', out, '--wait', '50ms', '--format', 'json']);

    expect([exit, failure(stdout)]).toEqual([3, 'TIMEOUT']);
  });

  it('does not take a directory for what an earlier delivery left', async () => {
    const out = place();
    await sealed(out);
    mkdirSync(join(out, 'delivery.json'));

    const { exit, stdout } = await assay(['deliver', out, '--format', 'json']);

    expect([exit, failure(stdout)]).toEqual([2, 'FILE_UNREADABLE']);
  });
});

function rewrite(path: string, pattern: RegExp, text: string): void {
  writeFileSync(path, readFileSync(path, 'utf8').replace(pattern, text));
}

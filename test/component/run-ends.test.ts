import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assay, temporaryDirectory } from '../fixture/run/assay.ts';

const RUN = ['run', '--lab', '--phase', 'conformance', '--format', 'json'];

/** A run in its own process group, at the moment when its first line of progress is there. */
async function startRun(out: string) {
  const child = spawn(process.execPath, ['cli/main.ts', ...RUN, '--out', out], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  await once(child.stderr, 'data');
  child.stderr.resume();
  const ended = once(child, 'close').then(([exit, signal]) => ({ exit: exit as number | null, signal: signal as string | null, stdout }));
  return { child, ended };
}

/** Process ids of the programs that work for one output directory. */
function programsOf(out: string): readonly string[] {
  return spawnSync('pgrep', ['-f', out], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line !== '');
}

describe('a run that is ended by a signal', () => {
  it.each([
    ['SIGINT', 130, 'INTERRUPTED'],
    ['SIGTERM', 143, 'TERMINATED'],
    ['SIGHUP', 143, 'TERMINATED'],
  ] as const)('%s: status %i, one JSON document, no program and no private file left', async (signal, exit, code) => {
    const out = temporaryDirectory();
    const { child, ended } = await startRun(out);
    child.kill(signal);

    const { stdout, ...how } = await ended;

    expect({ ...how, document: JSON.parse(stdout) as unknown }).toMatchObject({ exit, signal: null, document: { exit, error: { code } } });
    expect(readdirSync(out).filter((name) => name.startsWith('.run-'))).toEqual([]);
    expect(programsOf(out)).toEqual([]);
  });

  it('SIGKILL: its programs end by themselves, and the next run removes what it left', async () => {
    const out = temporaryDirectory();
    const { child, ended } = await startRun(out);
    child.kill('SIGKILL');
    await ended;
    expect(readdirSync(out).some((name) => name.startsWith('.run-'))).toBe(true);
    await expect.poll(() => programsOf(out), { timeout: 20_000 }).toEqual([]);

    await assay([...RUN, '--out', out]);

    expect(readdirSync(out).sort()).toEqual(['oci', 'pointer.yaml', 'summary-bundle', 'trusted_root.json']);
  });
});

describe('a run that cannot do its work', () => {
  it('does not touch the output of another run that is under way', async () => {
    const out = temporaryDirectory();
    mkdirSync(join(out, `.run-${process.pid}-other`));

    const { exit, stdout } = await assay([...RUN, '--out', out]);

    expect([exit, JSON.parse(stdout)]).toMatchObject([
      3,
      { error: { code: 'OUTPUT_UNWRITABLE', message: `another run (process ${process.pid}) is writing to ${out}` } },
    ]);
    expect(readdirSync(out)).toEqual([`.run-${process.pid}-other`]);
  });

  it.each([
    ['a file', (out: string) => writeFileSync(out, '')],
    ['below a file', (out: string) => writeFileSync(join(out, '..'), '')],
  ] as const)('refuses an output directory that is %s', async (_, prepare) => {
    const out = join(temporaryDirectory(), 'parent', 'out');
    mkdirSync(join(out, '../..'), { recursive: true });
    if (_ === 'a file') mkdirSync(join(out, '..'));
    prepare(out);

    const { exit, stdout } = await assay([...RUN, '--out', out]);

    expect([exit, JSON.parse(stdout)]).toMatchObject([
      3,
      { error: { code: 'OUTPUT_UNWRITABLE', hint: 'Choose another directory with --out.' } },
    ]);
  });

  it.skipIf(!existsSync('/proc/self'))('refuses an output directory in a file system that takes none', async () => {
    const { exit, stdout } = await assay([...RUN, '--out', '/proc/assay/out']);

    expect([exit, JSON.parse(stdout)]).toMatchObject([3, { error: { code: 'OUTPUT_UNWRITABLE' } }]);
  });

  it('ends 3 with the failure when the layout cannot be written, although the bundle is there', async () => {
    const out = temporaryDirectory();
    writeFileSync(join(out, 'oci'), '');

    const { exit, stdout } = await assay([...RUN, '--out', out]);

    expect([exit, JSON.parse(stdout)]).toMatchObject([
      3,
      { exit: 3, error: { code: 'OUTPUT_UNWRITABLE', message: expect.stringContaining(join(out, 'oci')) } },
    ]);
    expect(existsSync(join(out, 'summary-bundle/manifest.json'))).toBe(true);
  });

  it.each([
    [['--deadline', 'nope'], 64, 'CONFIG_INVALID'],
    [['--host-root', '/nonexistent'], 2, 'FILE_NOT_FOUND'],
  ])('%j: status and code are those of the program that refused', async (flags, exit, code) => {
    const ended = await assay([...RUN, '--out', temporaryDirectory(), ...flags]);

    expect([ended.exit, JSON.parse(ended.stdout)]).toMatchObject([exit, { exit, error: { code, hint: expect.any(String) } }]);
  });

  const canBeNobody =
    spawnSync('setpriv', ['--reuid', '54321', '--regid', '54321', '--clear-groups', process.execPath, 'cli/main.ts', '--version'])
      .status === 0;
  it.skipIf(!canBeNobody)(
    'signs and verifies as a user number without name and home (skipped where setpriv may not change the user)',
    async () => {
      const out = temporaryDirectory();
      spawnSync('chown', ['54321', out]);
      const nobody = ['setpriv', '--reuid', '54321', '--regid', '54321', '--clear-groups'];

      const run = await assay([...RUN, '--out', out], nobody);
      const verified = await assay(['verify', out, '--trusted-root', join(out, 'trusted_root.json'), '--format', 'json'], nobody);

      expect(JSON.parse(run.stdout)).toMatchObject({ exit: run.exit, signer: { identity: expect.stringMatching(/\/local\/uid-54321@/) } });
      expect(JSON.parse(verified.stdout)).toMatchObject({ exit: run.exit, trust: 'lab' });
    },
  );
});

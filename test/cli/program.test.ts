import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VERBS } from '../../cli/command/catalog.ts';
import { runProgram } from '../../cli/program.ts';
import { assay, temporaryDirectory } from '../fixture/run/assay.ts';

interface Called {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function call(...args: readonly string[]): Promise<Called> {
  let [exit, stdout, stderr] = [0, '', ''];
  await runProgram(args, {
    write: (text) => void (stdout += text),
    warn: (text) => void (stderr += text),
    setExit: (status) => void (exit = status),
  });
  return { exit, stdout, stderr };
}

describe('help', () => {
  it.each([['help'], ['--help'], ['-h'], []])('of the program lists every verb (%s)', async (...args) => {
    const { exit, stdout, stderr } = await call(...args.filter((word) => word !== undefined));

    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(VERBS.filter(({ name }) => !stdout.includes(`\n  ${name} `)).map(({ name }) => name)).toEqual([]);
    expect(stdout).toContain('Exit status: 0 valid');
  });

  // Agent and collector print their own help, straight to stdout.
  const verbs = VERBS.map(({ name }) => name).filter((name) => name !== 'agent' && name !== 'collector');

  it.each(verbs)('of %s is the same behind "help" as with "--help", with an example or its operations', async (verb) => {
    const { exit, stdout } = await call('help', verb);

    expect({ exit, stdout }).toEqual({ exit: 0, stdout: (await call(verb, '--help')).stdout });
    expect(stdout).toMatch(/Examples?:|Commands:/);
  });

  it('names an operation once', async () => {
    expect((await call('recipe', 'list', '--help')).stdout).toMatch(/^Usage: assay recipe list \[options\]/);
    expect(readFileSync('docs/reference/cli.md', 'utf8')).not.toMatch(/^Usage: assay \w+ assay/m);
  });
});

describe('wrong use', () => {
  it.each([
    [['bogus'], 'unknown verb "bogus"'],
    [['help', 'bogus'], 'unknown verb "bogus"'],
    [['verify'], "missing required argument 'input'"],
    [['verify', '--bogus', 'x'], "unknown option '--bogus'"],
    [['bundle'], 'an operation is missing after "assay bundle"'],
    [['constraint'], 'an operation is missing after "assay constraint"'],
    [['recipe'], 'an operation is missing after "assay recipe"'],
    [['constraint', 'bogus'], "unknown command 'bogus'"],
    [['run', 'extra'], "too many arguments for 'run'"],
    [['run', '--lab', '--nodes', 'x'], '--nodes x is not a whole number'],
    [['run', '--lab', '--node-name', ''], '"" is no node name'],
    [['run', '--lab', '--node-name', 'a\nb'], '"a\\nb" is no node name'],
    [['run', '--lab', '--node-name', 'n'.repeat(254)], 'is no node name'],
  ])('%j ends 64 and says what to do', async (args, message) => {
    const { exit, stdout, stderr } = await call(...args);

    expect({ exit, stdout }).toEqual({ exit: 64, stdout: '' });
    expect(stderr.split('\n')[0]).toMatch(/^USAGE: /);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/\n {2}\S/);
  });

  it('is one JSON document when JSON was asked for', async () => {
    const { exit, stdout } = await call('verify', '--format', 'json');

    expect({ exit, document: JSON.parse(stdout) as unknown }).toMatchObject({ exit: 64, document: { exit: 64, error: { code: 'USAGE' } } });
  });

  it('of a format is told before a run begins', async () => {
    const out = join(temporaryDirectory(), 'out');

    const { exit, stderr } = await call('run', '--lab', '--out', out, '--format', 'xml');

    expect({ exit, stderr }).toEqual({
      exit: 64,
      stderr: 'USAGE: this verb has no output format "xml"\n  Use one of: markdown, json.\n',
    });
    expect(() => readFileSync(out)).toThrow('ENOENT');
  });
});

describe('the place it runs in', () => {
  it('says in one line that the current directory is gone', () => {
    const directory = mkdtempSync(join(tmpdir(), 'assay-gone-'));
    const script = `process.chdir(${JSON.stringify(directory)});require('node:fs').rmdirSync(${JSON.stringify(directory)});process.argv.splice(1,1);import(${JSON.stringify(join(process.cwd(), 'cli/main.ts'))})`;

    const { status, stderr } = spawnSync(process.execPath, ['-e', script, 'node', 'assay', 'probe'], { encoding: 'utf8' });

    expect({ status, stderr }).toEqual({
      status: 3,
      stderr:
        'PROGRAM_FAILED: the current directory does not exist any more\n  Change to a directory that exists, and run the same command again.\n',
    });
    rmSync(directory, { recursive: true, force: true });
  });

  it('does not end 0 or 1 when stdout cannot take the result', () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, ['cli/main.ts', 'recipe', 'list'], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);

    expect(status).toBe(3);
    expect(stderr).toMatch(/^OUTPUT_UNWRITABLE: cannot write the result to stdout: ENOSPC[^\n]*\n {2}Free some space[^\n]*\n$/);
  });

  it('is content with a reader that stops reading', () => {
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', `"$0" cli/main.ts recipe list | true; "$0" cli/main.ts --help | head -1`, process.execPath],
      {
        encoding: 'utf8',
      },
    );

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('cannot be written to: exit 3 with the path, also as JSON', async () => {
    const directory = temporaryDirectory();
    const ended = await assay(['recipe', 'list', '--format', 'json', '--output', directory]);

    expect([ended.exit, JSON.parse(ended.stdout)]).toMatchObject([3, { exit: 3, error: { code: 'OUTPUT_UNWRITABLE' } }]);
  });
});

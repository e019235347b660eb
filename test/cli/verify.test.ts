import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../../cli/program.ts';
import { honestEvidence, scratch, signEvidence, writeFiles } from '../fixture/verify/evidence.ts';

interface Run {
  readonly exit: number | undefined;
  readonly out: string;
  readonly err: string;
}

async function assay(...args: readonly string[]): Promise<Run> {
  const [out, err]: [string[], string[]] = [[], []];
  let exit: number | undefined;
  await runProgram(args, { write: (text) => void out.push(text), warn: (text) => void err.push(text), setExit: (code) => (exit = code) });
  return { exit, out: out.join(''), err: err.join('') };
}

interface Report {
  readonly exit: number;
  readonly verdict: string;
  readonly pending?: boolean;
  readonly trust: string;
}

describe('assay verify', () => {
  it('ends with the same number in its status, its JSON and the first line of its text', async () => {
    using directory = scratch();
    const { files, trustedRoot } = await signEvidence(honestEvidence());
    const bundle = writeFiles(join(directory.path, 'summary-bundle'), files);
    const root = join(directory.path, 'root.json');
    writeFileSync(root, JSON.stringify(trustedRoot));
    const cases: readonly (readonly [number, readonly string[]])[] = [
      [0, [directory.path, '--trusted-root', root]],
      [2, [bundle]],
      [3, [bundle, '--trusted-root', join(directory.path, 'none.json')]],
    ];
    rmSignature(join(directory.path, 'unsigned'), files);
    for (const [exit, args] of [...cases, [1, [join(directory.path, 'unsigned')]] as const]) {
      const json = await assay('verify', ...args, '--format', 'json');
      const text = await assay('verify', ...args);
      const markdown = await assay('verify', ...args, '--format', 'markdown');

      expect([
        json.exit,
        (JSON.parse(json.out) as Report).exit,
        text.exit,
        /\(exit (\d)\)/.exec(text.out.split('\n')[0] ?? '')?.[1],
        /\*\*Verdict:\*\* .*\(exit (\d)\)/.exec(markdown.out)?.[1],
      ]).toEqual([exit, exit, exit, String(exit), String(exit)]);
    }
  });

  it('begins every report of a lab signature with LAB TRUST', async () => {
    using directory = scratch();
    const { files, trustedRoot } = await signEvidence(honestEvidence());
    writeFiles(directory.path, files);
    writeFileSync(`${directory.path}.root.json`, JSON.stringify(trustedRoot));

    for (const format of ['text', 'markdown', 'html']) {
      const { out } = await assay('verify', directory.path, '--trusted-root', `${directory.path}.root.json`, '--format', format);
      const first = format === 'html' ? (/<h1>(.*)<\/h1>/.exec(out)?.[1] ?? '') : (out.split('\n')[0] ?? '');
      expect(first).toContain('LAB TRUST');
    }
  });

  it('calls unsigned evidence pending, and invalid when a signature is required', async () => {
    using directory = scratch();
    writeFiles(directory.path, honestEvidence().files);

    const pending = JSON.parse((await assay('verify', directory.path, '--format', 'json')).out) as Report;
    const upstream = JSON.parse((await assay('verify', directory.path, '--format', 'json', '--upstream')).out) as Report;
    const required = await assay('verify', directory.path, '--require-signature');

    expect([pending.exit, pending.pending, upstream.exit, upstream.pending, required.exit, required.out.split('\n')[0]]).toEqual([
      1,
      true,
      0,
      true,
      2,
      'invalid (exit 2)',
    ]);
  });

  it('says in one line that the steps after a failed signature were not done; in full when asked to', async () => {
    using directory = scratch();
    const { files } = await signEvidence(honestEvidence());
    writeFiles(directory.path, files);

    const short = await assay('verify', directory.path, '--offline');
    const long = await assay('verify', directory.path, '--offline', '--verbose');
    const notDone = (text: string): number => text.split('\n').filter((line) => line.includes('not done: ')).length;

    expect([short.exit, notDone(short.out), notDone(long.out) > 3]).toEqual([2, 1, true]);
    expect(short.out).toMatch(/^ *\d+ to \d+ .*not done: the step "signature"/m);
  });

  it('writes the report to a file', async () => {
    using directory = scratch();
    writeFiles(join(directory.path, 'b'), honestEvidence().files);
    const target = join(directory.path, 'report.md');

    const { out, exit } = await assay('verify', join(directory.path, 'b'), '--format', 'markdown', '--output', target);

    expect([out, exit, readFileSync(target, 'utf8').startsWith('## Evidence verification — ')]).toEqual(['', 1, true]);
  });

  it.each([
    [['verify']],
    [['verify', 'a', 'b']],
    [['verify', '.', '--max-age', 'old']],
    [['verify', '.', '--max-age', '-1d']],
    [['verify', '.', '--timeout', 'soon']],
    [['verify', '.', '--unknown']],
    [['verify', '.', '--expected-identity', 'a', '--expected-identity-regexp', 'b']],
    [['verify', '.', '--format', 'yaml']],
  ])('answers %j with usage', async (args) => {
    expect((await assay(...args)).exit).toBe(64);
  });

  it('says on one JSON document that an input is not there', async () => {
    const { out, exit } = await assay('verify', '/does/not/exist', '--format', 'json');

    expect([(JSON.parse(out) as Report & { findings: { code: string }[] }).findings.map(({ code }) => code), exit]).toEqual([
      ['INPUT_NOT_FOUND'],
      2,
    ]);
  });

  it('has an example in its help', async () => {
    expect((await assay('verify', '--help')).out).toContain('assay verify assay-out/summary-bundle');
  });
});

function rmSignature(target: string, files: ReadonlyMap<string, Uint8Array>): void {
  mkdirSync(target, { recursive: true });
  writeFiles(target, new Map([...files].filter(([path]) => path !== 'attestation.intoto.jsonl')));
}

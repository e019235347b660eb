import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyEvidence } from '#core/verify/verify-evidence.ts';
import { assay, temporaryDirectory } from '../fixture/run/assay.ts';

interface RunDocument {
  readonly exit: number;
  readonly bundle: string;
  readonly pointer: string;
  readonly oci: string;
  readonly digest: string;
  readonly signer: { readonly identity: string; readonly issuer: string };
  readonly phases: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly coverage: unknown;
  readonly timingsMs: Readonly<Record<string, number>>;
  readonly notPassed: readonly { readonly check: string; readonly status: string; readonly reason: string }[];
}

const canCutNetwork = spawnSync('unshare', ['-n', 'true']).status === 0;
let out: string;
let run: RunDocument;

beforeAll(async () => {
  out = mkdtempSync(join(tmpdir(), 'assay-run-'));
  const ended = await assay(['run', '--lab', '--out', out, '--format', 'json']);
  run = JSON.parse(ended.stdout) as RunDocument;
  expect(ended.exit, ended.stderr).toBe(run.exit);
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

describe('assay run --lab', () => {
  it('prints the one JSON document that scripts rely on', () => {
    expect([0, 1]).toContain(run.exit);
    expect(run).toMatchObject({
      bundle: join(out, 'summary-bundle'),
      pointer: join(out, 'pointer.yaml'),
      oci: expect.stringMatching(/^oci-layout:/),
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      signer: { issuer: 'https://lab.assay.invalid' },
      coverage: { expected: 1, reported: 1, missing: [] },
      timingsMs: { verified: expect.any(Number) },
    });
    expect(Object.values(run.phases['deployment'] ?? {}).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(3);
  });

  it('leaves bundle, layout, pointer and trusted root, and nothing of the run besides', () => {
    expect(readdirSync(out).sort()).toEqual(['oci', 'pointer.yaml', 'summary-bundle', 'trusted_root.json']);
  });

  it('gives a reason for every check that did not pass', () => {
    expect(run.notPassed.filter(({ reason }) => reason === '')).toEqual([]);
  });

  it('says LAB TRUST in the first line of its summary and progress on stderr only', async () => {
    const ended = await assay(['run', '--lab', '--out', temporaryDirectory()]);

    expect(ended.stdout.split('\n')[0]).toMatch(/^LAB TRUST/);
    expect(ended.stderr).toContain('sealed: 1 of 1 nodes');
    expect(ended.stdout).not.toContain('sealed: 1 of 1 nodes');
  });

  it('is verified by directory and by layout with its root', async () => {
    const root = ['--trusted-root', join(out, 'trusted_root.json'), '--format', 'json'];
    for (const input of [run.bundle, run.oci]) {
      const ended = await assay(['verify', input, ...root]);

      expect([input, ended.exit, JSON.parse(ended.stdout)]).toMatchObject([
        input,
        run.exit,
        { exit: run.exit, signer: { identity: run.signer.identity }, trust: 'lab' },
      ]);
    }
  });

  it('is not accepted without its root', async () => {
    const ended = await assay(['verify', run.bundle, '--format', 'json', '--offline']);

    expect([2, 3]).toContain(ended.exit);
    expect((JSON.parse(ended.stdout) as { exit: number }).exit).toBe(ended.exit);
  });

  it('differs from another run on this computer only in times, nonce and what is derived from them', async () => {
    const other = temporaryDirectory();
    await assay(['run', '--lab', '--out', other, '--quiet']);

    for (const file of ['recipe.yaml', 'coverage.json', 'snapshot.yaml', 'ctrf/deployment.json']) {
      expect([file, timeless(join(other, 'summary-bundle', file))]).toEqual([file, timeless(join(run.bundle, file))]);
    }
  });

  it.skipIf(!canCutNetwork)('works with no network at all, loopback included (needs the right to make a network namespace)', async () => {
    const ended = await assay(['run', '--lab', '--out', temporaryDirectory(), '--format', 'json'], ['unshare', '-n']);

    expect(ended.exit, ended.stderr).toBe(run.exit);
  });
});

describe('a bundle with one flipped bit', () => {
  it('is invalid, whichever bit of whichever file it is', async () => {
    const options = { trustedRoot: join(out, 'trusted_root.json'), requireSignature: true, offline: true };
    const files = readdirSync(run.bundle, { recursive: true, encoding: 'utf8' }).filter((name) => !['ctrf'].includes(name));
    const accepted: string[] = [];
    for (const file of files) {
      const original = readFileSync(join(run.bundle, file));
      for (let round = 0; round < 12; round += 1) {
        const bit = Math.floor(((round + 0.5) / 12) * original.length * 8 + round) % (original.length * 8);
        const copy = temporaryDirectory();
        cpSync(run.bundle, copy, { recursive: true });
        const spoiled = Buffer.from(original);
        spoiled[bit >> 3] = (spoiled[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        writeFileSync(join(copy, file), spoiled);
        const { exit } = await verifyEvidence(copy, options);
        if (exit !== 2) accepted.push(`${file} bit ${bit} -> ${exit}`);
      }
    }

    expect(accepted).toEqual([]);
  });
});

describe('assay run without identity', () => {
  it('seals the bundle unsigned, ends 1 and says that it is pending', async () => {
    const directory = temporaryDirectory();
    const ended = await assay(['run', '--out', directory, '--format', 'json']);

    expect([ended.exit, JSON.parse(ended.stdout)]).toMatchObject([
      1,
      { exit: 1, signer: null, trust: 'none', findings: expect.arrayContaining([expect.objectContaining({ code: 'SIGNATURE_PENDING' })]) },
    ]);
    expect(existsSync(join(directory, 'summary-bundle', 'attestation.intoto.jsonl'))).toBe(false);
  });
});

describe('vendor tools', () => {
  it('are reported as missing, not as failed, when they are not on the path', async () => {
    const empty = temporaryDirectory();
    const ended = await assay(['run', '--lab', '--out', temporaryDirectory(), '--tool-path', empty, '--format', 'json']);

    const { notPassed } = JSON.parse(ended.stdout) as RunDocument;
    expect(notPassed.filter(({ check }) => check === 'gpu-response')).toMatchObject([{ status: 'skipped' }]);
  });

  it('that print garbage become a recorded outcome of the run, which goes on', async () => {
    const tools = temporaryDirectory();
    writeFileSync(join(tools, 'nvidia-smi'), '#!/bin/sh\necho broken; exit 9\n');
    chmodSync(join(tools, 'nvidia-smi'), 0o755);
    const ended = await assay(['run', '--lab', '--out', temporaryDirectory(), '--tool-path', tools, '--format', 'json']);

    const document = JSON.parse(ended.stdout) as RunDocument;
    expect(document.phases['deployment']?.['passed']).toBeGreaterThan(3);
    expect([0, 1]).toContain(ended.exit);
  });
});

describe('wrong use', () => {
  it.each([
    ['an unknown phase', ['run', '--lab', '--phase', 'lunch'], 64, 'USAGE'],
    ['lab and identity together', ['run', '--lab', '--identity-token-file', 'x'], 64, 'USAGE'],
    ['a recipe that is not there', ['run', '--lab', '--recipe', 'no/such.yaml'], 2, 'FILE_NOT_FOUND'],
    ['an unknown option', ['run', '--labb'], 64, 'USAGE'],
  ])('%s ends with its own exit and code', async (_, args, exit, code) => {
    const ended = await assay([...args, '--format', 'json']);

    expect([ended.exit, JSON.parse(ended.stdout)]).toMatchObject([exit, { exit, error: { code } }]);
  });

  it('an output directory that cannot be written to leaves nothing behind', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'file'), '');
    const ended = await assay(['run', '--lab', '--out', join(directory, 'file', 'below'), '--format', 'json']);

    expect([ended.exit, JSON.parse(ended.stdout)]).toMatchObject([3, { error: { code: 'OUTPUT_UNWRITABLE' } }]);
  });
});

/** A file's text without what a clock or chance wrote: times, durations, the digest of records. */
function timeless(path: string): string {
  return readFileSync(path, 'utf8')
    .replaceAll(/"(start|stop|duration)": \d+/g, '"$1": 0')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
}

import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '#core/digest/sha256.ts';
import { verifyEvidence } from '#core/verify/verify-evidence.ts';
import { call, createBundle, INPUT, type Options } from '../fixture/bundle/create.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
let out: string;
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'assay-bundle-'));
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

/** Path to digest of every file below a directory. */
function contents(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(directory.length + 1), sha256(readFileSync(path))]));
}

function predicateIn(directory: string): any {
  return (JSON.parse(readFileSync(join(directory, 'summary-bundle/statement.intoto.json'), 'utf8')) as { predicate: unknown }).predicate;
}

/** A copy of the inputs that a test may spoil. */
function inputs(): string {
  const copy = join(out, 'input');
  cpSync(INPUT, copy, { recursive: true });
  return copy;
}

describe('assay bundle create', () => {
  it('writes the same bytes twice from the same inputs, archive and logs included', async () => {
    const all: Options = { log: join(INPUT, 'log'), bom: join(INPUT, 'bom.cdx.json'), 'expires-in': '6mo', previous: DIGEST };
    for (const name of ['one', 'two']) await createBundle(join(out, name), { ...all, archive: join(out, name, 'evidence.tar.gz') });

    const one = contents(join(out, 'one'));

    expect(contents(join(out, 'two'))).toEqual(one);
    expect(Object.keys(one)).toEqual([
      'evidence.tar.gz',
      'logs-bundle/phases/conformance/logs/device-plugin.log',
      'logs-bundle/phases/conformance/report.md',
      'logs-bundle/phases/deployment/logs/nodes.txt',
      'logs-bundle/phases/deployment/logs/operator-health.log',
      'logs-bundle/phases/deployment/report.md',
      'logs-manifest.json',
      'pointer.yaml',
      'summary-bundle/bom.cdx.json',
      'summary-bundle/ctrf/conformance.json',
      'summary-bundle/ctrf/deployment.json',
      'summary-bundle/manifest.json',
      'summary-bundle/recipe.yaml',
      'summary-bundle/snapshot.yaml',
      'summary-bundle/statement.intoto.json',
    ]);
  });

  it('replaces an earlier bundle whole', async () => {
    await createBundle(out);
    writeFileSync(join(out, 'summary-bundle/ctrf/performance.json'), '{}');
    writeFileSync(join(out, 'summary-bundle/attestation.intoto.jsonl'), '{}');

    await createBundle(out);

    expect(readdirSync(join(out, 'summary-bundle'), { recursive: true, encoding: 'utf8' }).sort()).toEqual([
      'bom.cdx.json',
      'ctrf',
      'ctrf/conformance.json',
      'ctrf/deployment.json',
      'manifest.json',
      'recipe.yaml',
      'snapshot.yaml',
      'statement.intoto.json',
    ]);
  });

  it('says in one JSON document what was written', async () => {
    const { exit, stdout } = await createBundle(out, { archive: join(out, 'e.tgz') });
    const { recipe, manifest } = predicateIn(out);

    expect({ exit, ...(JSON.parse(stdout) as object) }).toEqual({
      exit: 0,
      bundle: join(out, 'summary-bundle'),
      pointer: join(out, 'pointer.yaml'),
      archive: join(out, 'e.tgz'),
      recipe,
      manifest,
      additions: { toolVersion: expect.any(String) },
      files: [
        'bom.cdx.json',
        'ctrf/conformance.json',
        'ctrf/deployment.json',
        'manifest.json',
        'recipe.yaml',
        'snapshot.yaml',
        'statement.intoto.json',
      ],
    });
  });

  it('writes a pointer that says nothing was pushed', async () => {
    await createBundle(out);

    expect(readFileSync(join(out, 'pointer.yaml'), 'utf8')).toBe(
      `attestations:\n  - attestedAt: 2026-11-21T08:00:00Z\n    bundle:\n      digest: ""\n      oci: ""\n      predicateType: https://aicr.run/recipe-evidence/v1\nrecipe: h100-eks-ubuntu-training\nschemaVersion: 1.0.0\n`,
    );
  });

  it.each(['directory', 'archive'])('makes a %s that our verifier finds unsigned and otherwise consistent', async (kind) => {
    await createBundle(out, { archive: join(out, 'e.tar.gz') });

    const verdict = await verifyEvidence(kind === 'directory' ? out : join(out, 'e.tar.gz'), {
      offline: true,
      nowMs: Date.UTC(2026, 10, 22),
    });

    expect(verdict).toMatchObject({ exit: 1, pending: true, recipeName: 'h100-eks-ubuntu-training' });
    expect(verdict.findings.filter(({ severity }) => severity !== 'info').map(({ code }) => code)).toEqual([
      'SIGNATURE_PENDING',
      'PHASE_FAILED',
      'TESTS_INCONCLUSIVE',
    ]);
  });

  it('shows of the inputs only what the minimal policy keeps', async () => {
    await createBundle(out);
    const everything = Object.keys(contents(join(out, 'summary-bundle'))).map((path) =>
      readFileSync(join(out, 'summary-bundle', path), 'utf8'),
    );

    expect(everything.join('\n')).not.toContain('secret');
    expect(JSON.parse(readFileSync(join(out, 'summary-bundle/ctrf/deployment.json'), 'utf8'))).toMatchObject({
      results: {
        summary: { tests: 4, passed: 1, failed: 1, skipped: 1, pending: 0, other: 1 },
        tests: [
          { name: 'operator-health', status: 'passed', duration: 1200, suite: ['deployment'] },
          { name: 'expected-resources', status: 'failed', duration: 800, suite: ['deployment'] },
          {
            name: 'gpu-driver',
            status: 'skipped',
            duration: 0,
            suite: ['deployment'],
            extra: { origin: 'node', outcome: 'skip', reason: 'no GPU on the PCI bus', count: 0 },
          },
          { name: 'gpu-response', status: 'other', duration: 30, suite: ['deployment'], extra: { origin: 'node', outcome: 'unknown' } },
        ],
        environment: { appName: 'cluster' },
      },
    });
    expect(predicateIn(out).redaction).toEqual({
      policy: 'minimal',
      version: 'v1',
      applied: ['ctrf.tests.omit:message', 'ctrf.tests.omit:stdout', 'snapshot.header.allowlist', 'snapshot.measurements.allowlist'],
    });
  });

  it('keeps everything, and claims no redaction, with --full', async () => {
    await createBundle(out, {}, ['--full']);
    const [report, snapshot] = ['ctrf/deployment.json', 'snapshot.yaml'].map((path) =>
      readFileSync(join(out, 'summary-bundle', path), 'utf8'),
    );

    expect(JSON.parse(report ?? '').results).toEqual(JSON.parse(readFileSync(join(INPUT, 'ctrf/deployment.json'), 'utf8')).results);
    expect(snapshot).toContain('secret-serial');
    expect(predicateIn(out)).not.toHaveProperty('redaction');
  });

  it('takes the fingerprint from the raw snapshot, and records what it was told', async () => {
    await createBundle(out, {
      'validator-image': [`b.example/v:1@${DIGEST}`, `a.example/v:1@${DIGEST}`, `b.example/v:1@${DIGEST}`],
      'validator-catalog-version': '1.0.0',
      previous: DIGEST,
      'expires-in': '1d',
    });

    expect(predicateIn(out)).toMatchObject({
      attestedAt: '2026-11-21T08:00:00Z',
      validatorCatalogVersion: '1.0.0',
      validatorImages: [
        { image: 'a.example/v:1', digest: DIGEST },
        { image: 'b.example/v:1', digest: DIGEST },
      ],
      fingerprint: { region: { value: 'us-west-2' }, accelerator: { value: 'h100' }, nodeCount: { value: 3 } },
      'x-assay': { expiresAt: '2026-11-22T08:00:00Z', previousBundle: DIGEST },
    });
  });

  it('copies a supplied BOM byte for byte and counts its components', async () => {
    await createBundle(out, { bom: join(INPUT, 'bom.cdx.json') });

    expect(readFileSync(join(out, 'summary-bundle/bom.cdx.json'))).toEqual(readFileSync(join(INPUT, 'bom.cdx.json')));
    expect(predicateIn(out).bom).toEqual({
      format: 'CycloneDX',
      version: '1.6',
      digest: sha256(readFileSync(join(INPUT, 'bom.cdx.json'))),
      imageCount: 2,
    });
  });

  it('keeps logs as they are, beside the bundle and bound by digest, with a page per phase', async () => {
    await createBundle(out, { log: join(INPUT, 'log') });

    expect(readFileSync(join(out, 'logs-bundle/phases/deployment/logs/operator-health.log'), 'utf8')).toBe('operator ready\nsecret line\n');
    expect(readFileSync(join(out, 'logs-bundle/phases/deployment/report.md'), 'utf8')).toContain(
      '| expected-resources |  | failed | secret-node-7: pod \\| not ready |',
    );
    expect(predicateIn(out)['x-assay'].logs).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(Object.keys(contents(join(out, 'summary-bundle')))).not.toContainEqual(expect.stringMatching(/\.log$/));
  });

  it('binds other logs by another digest', async () => {
    const copy = inputs();
    await createBundle(join(out, 'a'), { log: join(copy, 'log') });
    writeFileSync(join(copy, 'log/deployment/operator-health.log'), 'operator ready\n');
    await createBundle(join(out, 'b'), { log: join(copy, 'log') });

    expect(predicateIn(join(out, 'b'))['x-assay'].logs).not.toBe(predicateIn(join(out, 'a'))['x-assay'].logs);
  });

  it('carries the material slice of a recipe of the embedded catalog, and only of such a recipe', async () => {
    const recipe = join(out, 'recipe.yaml');
    await call(['recipe', 'resolve', '--service=eks', '--accelerator=h100', '--intent=training', '--os=ubuntu', '-o', recipe]);
    const slice = JSON.parse((await call(['recipe', 'digest', '-r', recipe, '--material', '--format=json'])).stdout) as { digest: string };

    await createBundle(join(out, 'own'), { recipe });
    await createBundle(join(out, 'foreign'));

    expect(predicateIn(join(out, 'own'))['x-assay'].materialSlice).toBe(`sha256:${slice.digest}`);
    expect(predicateIn(join(out, 'foreign'))['x-assay']).not.toHaveProperty('materialSlice');
  });

  it('names the recipe by the digest rule of the predicate type', async () => {
    const digests: string[] = [];
    for (const version of ['v1', 'v3']) {
      await createBundle(join(out, version), { 'predicate-type': `https://aicr.run/recipe-evidence/${version}` });
      digests.push(predicateIn(join(out, version)).recipe.digest);
      expect(
        (await verifyEvidence(join(out, version), { offline: true, nowMs: Date.UTC(2026, 10, 22) })).findings.filter(
          ({ severity }) => severity === 'error',
        ),
      ).toEqual([]);
    }

    expect(digests[0]).toBe(sha256(readFileSync(join(out, 'v1/summary-bundle/recipe.yaml'))).slice('sha256:'.length));
    expect(digests[1]).not.toBe(digests[0]);
  });

  it('carries the profile that predicate type v2 needs', async () => {
    const profile = join(out, 'profile.json');
    writeFileSync(profile, '{"selection":"a","policyDescriptorIdentity":"b"}');
    await createBundle(out, { 'predicate-type': 'https://aicr.run/recipe-evidence/v2', profile });

    expect(predicateIn(out).profile).toEqual({ selection: 'a', policyDescriptorIdentity: 'b' });
  });

  it('ends the process with the status of its document', async () => {
    const args = [
      'cli/main.ts',
      'bundle',
      'create',
      '--recipe=none.yaml',
      '--snapshot=x',
      '--ctrf=x',
      '--attested-at=2026-11-21T08:00:00Z',
      '--format=json',
    ];
    const ended = await promisify(execFile)(process.execPath, args).catch(
      (error: unknown) => error as { code: number; stdout: string; stderr: string },
    );

    expect(ended).toMatchObject({ code: 2, stderr: expect.stringMatching(/^FILE_NOT_FOUND: /) });
    expect(JSON.parse(ended.stdout)).toMatchObject({ exit: 2, error: { code: 'FILE_NOT_FOUND' } });
  });
});

describe('assay bundle create refuses', () => {
  const name = 'summary-bundle';

  it.each<[string, Options, string, number]>([
    ['a recipe that is not there', { recipe: 'none.yaml' }, 'FILE_NOT_FOUND', 2],
    ['a snapshot that is not there', { snapshot: 'none.yaml' }, 'FILE_NOT_FOUND', 2],
    ['a snapshot that is a directory', { snapshot: INPUT }, 'FILE_UNREADABLE', 2],
    ['a recipe as snapshot', { snapshot: join(INPUT, 'recipe.yaml') }, 'SNAPSHOT_INVALID', 2],
    ['a snapshot as recipe', { recipe: join(INPUT, 'snapshot.yaml') }, 'RECIPE_INVALID', 2],
    ['a directory of reports that is not there', { ctrf: 'none' }, 'FILE_NOT_FOUND', 2],
    ['a file as directory of reports', { ctrf: join(INPUT, 'recipe.yaml') }, 'FILE_UNREADABLE', 2],
    ['a directory without reports', { ctrf: join(INPUT, 'log') }, 'FILE_NOT_FOUND', 2],
    ['a BOM that is not there', { bom: 'none.json' }, 'FILE_NOT_FOUND', 2],
    ['a BOM that is no BOM', { bom: join(INPUT, 'ctrf/deployment.json') }, 'BOM_INVALID', 2],
    ['a BOM that is no JSON', { bom: join(INPUT, 'recipe.yaml') }, 'BOM_INVALID', 2],
    ['logs that are not there', { log: 'none' }, 'FILE_NOT_FOUND', 2],
    ['logs without folders for the phases', { log: join(INPUT, 'log/deployment') }, 'FILE_UNREADABLE', 2],
    ['a time without zone', { 'attested-at': '2026-11-21T08:00:00' }, 'USAGE', 64],
    ['a date', { 'attested-at': '2026-11-21' }, 'USAGE', 64],
    ['a day that no month has', { 'attested-at': '2026-11-41T08:00:00Z' }, 'USAGE', 64],
    ['31 February', { 'attested-at': '2026-02-31T08:00:00Z' }, 'USAGE', 64],
    ['no time', { 'attested-at': undefined }, 'USAGE', 64],
    ['no recipe', { recipe: undefined }, 'USAGE', 64],
    ['a validator image without digest', { 'validator-image': 'registry.example/v:1' }, 'USAGE', 64],
    ['a validator image with an empty digest', { 'validator-image': 'registry.example/v:1@' }, 'USAGE', 64],
    ['a validator image with a short digest', { 'validator-image': 'registry.example/v:1@sha256:abcd' }, 'USAGE', 64],
    ['a validator image that is a digest only', { 'validator-image': `@${DIGEST}` }, 'USAGE', 64],
    ['an unknown predicate type', { 'predicate-type': 'https://aicr.run/recipe-evidence/v4' }, 'USAGE', 64],
    ['predicate type v2 without profile', { 'predicate-type': 'https://aicr.run/recipe-evidence/v2' }, 'USAGE', 64],
    [
      'a profile that is none',
      { 'predicate-type': 'https://aicr.run/recipe-evidence/v2', profile: join(INPUT, 'bom.cdx.json') },
      'USAGE',
      64,
    ],
    ['an age without unit', { 'expires-in': '90' }, 'USAGE', 64],
    ['a previous bundle without prefix', { previous: 'ab'.repeat(32) }, 'USAGE', 64],
    ['an archive that is no .tar.gz', { archive: 'evidence.zip' }, 'USAGE', 64],
    ['a catalog that is none', { catalog: INPUT }, 'CATALOG_INVALID', 2],
    ['a place that is a file', { out: join(INPUT, 'recipe.yaml') }, 'OUTPUT_UNWRITABLE', 3],
    ['an unknown format', { format: 'yaml' }, 'USAGE', 64],
  ])('%s', async (_, options, code, exit) => {
    const called = await createBundle(out, options);

    expect([called.exit, called.stderr.split(':')[0]]).toEqual([exit, code]);
    if (code !== 'USAGE' || options['format'] === undefined) expect(existsSync(join(out, name))).toBe(false);
  });

  it.each<[string, (report: any) => unknown]>([
    ['is no list of tests', (report) => delete report.results.tests],
    ['counts wrong', (report) => (report.results.summary.passed = 2)],
    ['has a test of an unknown state', (report) => (report.results.tests[0].status = 'fine')],
    ['has a test without name', (report) => delete report.results.tests[0].name],
    ['has a duration with a fraction', (report) => (report.results.tests[0].duration = 1.5)],
    ['has no tool', (report) => delete report.results.tool],
    ['has another format', (report) => (report.reportFormat = 'JUnit')],
    ['has a stop that is no time', (report) => (report.results.summary.stop = 'now')],
  ])('a report that %s', async (_, spoil) => {
    const copy = inputs();
    const path = join(copy, 'ctrf/deployment.json');
    const report: unknown = JSON.parse(readFileSync(path, 'utf8'));
    spoil(report);
    writeFileSync(path, JSON.stringify(report));

    const called = await createBundle(out, { ctrf: join(copy, 'ctrf') });

    expect([called.exit, JSON.parse(called.stdout).error.code]).toEqual([2, 'CTRF_INVALID']);
    expect(called.stderr).toContain(path);
  });

  it.each<[string, string]>([
    ['repeats a key', '{"bomFormat":"CycloneDX","bomFormat":"CycloneDX","specVersion":"1.6"}'],
    ['is of another version', '{"bomFormat":"CycloneDX","specVersion":"1.5"}'],
    ['has components that are no list', '{"bomFormat":"CycloneDX","specVersion":"1.6","components":{}}'],
    ['has a nameless component', '{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"container"}]}'],
    ['is a list', '[]'],
    ['is empty', ''],
    ['goes on after its end', '{"bomFormat":"CycloneDX","specVersion":"1.6"} x'],
  ])('a BOM that %s', async (_, text) => {
    writeFileSync(join(out, 'bom.json'), text);

    const called = await createBundle(out, { bom: join(out, 'bom.json') });

    expect([called.exit, called.stderr.split(':')[0]]).toEqual([2, 'BOM_INVALID']);
  });

  it('a BOM, a report or a snapshot over its size limit, without reading on', async () => {
    writeFileSync(join(out, 'big.json'), Buffer.alloc((8 << 20) + 1, ' '));
    const copy = inputs();
    writeFileSync(join(copy, 'ctrf/deployment.json'), Buffer.alloc((10 << 20) + 1, ' '));

    const codes = [await createBundle(out, { bom: join(out, 'big.json') }), await createBundle(out, { ctrf: join(copy, 'ctrf') })].map(
      ({ exit, stderr }) => [exit, stderr.split(':')[0]],
    );

    expect(codes).toEqual([
      [2, 'FILE_TOO_LARGE'],
      [2, 'FILE_TOO_LARGE'],
    ]);
  });

  it('a recipe without criteria, which has no name', async () => {
    writeFileSync(join(out, 'r.yaml'), 'kind: RecipeResult\n');

    expect(await createBundle(out, { recipe: join(out, 'r.yaml') })).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(/^RECIPE_INVALID/),
    });
  });

  it.each<[string, string, (folder: string) => void]>([
    ['a link', 'FILE_UNREADABLE', (folder) => symlinkSync('/etc/hostname', join(folder, 'x.log'))],
    ['a folder', 'FILE_UNREADABLE', (folder) => mkdirSync(join(folder, 'deeper'))],
    ['a hidden file', 'ARTIFACT_INVALID', (folder) => writeFileSync(join(folder, '.x.log'), '')],
    ['a name that is not plain ASCII', 'ARTIFACT_INVALID', (folder) => writeFileSync(join(folder, 'ü.log'), '')],
  ])('%s among the logs', async (_, code, spoil) => {
    const copy = inputs();
    spoil(join(copy, 'log/deployment'));

    expect(await createBundle(out, { log: join(copy, 'log') })).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(new RegExp(`^${code}`)),
    });
  });
});

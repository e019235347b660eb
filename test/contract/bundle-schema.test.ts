import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { assembleBundle } from '#core/assemble/assemble-bundle.ts';
import { RECIPE, sealedRun } from '../core/assemble/sealed-run.ts';
import { VECTOR } from '../fixture/bundle/vector.ts';

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
const INPUT = { run: sealedRun(), recipe: RECIPE, toolVersion: '0.1.0', scope: 'cluster', redaction: 'minimal' } as const;
const { files, statement } = assembleBundle(INPUT);

const vectorText = (path: string): string => readFileSync(join(VECTOR, path), 'utf8');
const vectorJson = (path: string): any => JSON.parse(vectorText(path));
const signedStatement = (): any =>
  JSON.parse(Buffer.from(vectorJson('summary-bundle/attestation.intoto.jsonl').dsseEnvelope.payload, 'base64').toString());

/** A fresh, whole example of each document. */
const EXAMPLE: Readonly<Record<string, () => any>> = {
  manifest: () => vectorJson('summary-bundle/manifest.json'),
  coverage: () => vectorJson('summary-bundle/coverage.json'),
  nodes: () => vectorJson('summary-bundle/nodes.json'),
  predicate: () => signedStatement().predicate,
  statement: signedStatement,
  pointer: () => parseYaml(vectorText('pointer.yaml')),
};

function problemsOf(name: string, value: unknown): readonly string[] {
  const validate = ajv.compile(JSON.parse(readFileSync(`docs/reference/schema/${name}.schema.json`, 'utf8')) as object);
  return validate(value) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ''}`);
}

describe('published JSON Schemas', () => {
  it('are there for every document of the page, and no other', () => {
    expect(readdirSync('docs/reference/schema').sort()).toEqual(
      Object.keys(EXAMPLE)
        .map((name) => `${name}.schema.json`)
        .sort(),
    );
  });

  it.each(Object.keys(EXAMPLE))('accept the %s of the test vector', (name) => {
    expect(problemsOf(name, EXAMPLE[name]?.())).toEqual([]);
  });

  it.each(['manifest', 'coverage', 'nodes'])('accept the %s of an assembled bundle', (name) => {
    expect(problemsOf(name, JSON.parse(Buffer.from(files.get(`${name}.json`) ?? []).toString()))).toEqual([]);
  });

  it('accept the predicate of an assembled bundle, of a full one, and one without facts of a run', () => {
    const full = assembleBundle({ ...INPUT, redaction: 'full' });

    expect(problemsOf('predicate', statement.predicate)).toEqual([]);
    expect(problemsOf('predicate', full.statement.predicate)).toEqual([]);
    expect(problemsOf('coverage', JSON.parse(Buffer.from(full.files.get('coverage.json') ?? []).toString()))).toEqual([]);
    expect(problemsOf('predicate', { ...statement.predicate, 'x-assay': { toolVersion: '1' } })).toEqual([]);
  });

  it('accept an unsigned pointer', () => {
    expect(
      problemsOf('pointer', {
        schemaVersion: '1.0.0',
        recipe: 'x',
        attestations: [{ bundle: { oci: '', digest: '', predicateType: 'https://aicr.run/recipe-evidence/v1' } }],
      }),
    ).toEqual([]);
  });

  it.each<[string, string, (value: any) => unknown]>([
    ['manifest', 'a digest in capitals', (v) => (v.files[0].sha256 = v.files[0].sha256.toUpperCase())],
    ['manifest', 'a path that climbs', (v) => (v.files[0].path = '../x')],
    ['manifest', 'an absolute path', (v) => (v.files[0].path = '/x')],
    ['manifest', 'no files', (v) => (v.files = [])],
    ['manifest', 'another version', (v) => (v.schemaVersion = '1.1.0')],
    ['coverage', 'an unknown state', (v) => (v.nodes[0].state = 'fine')],
    ['coverage', 'a real name', (v) => (v.nodes[0].node = 'gpu-a')],
    ['nodes', 'no digest of records', (v) => delete v.nodes[0].recordsDigest],
    ['nodes', 'an additional key in a leaf', (v) => (v.nodes[0].address = 'x')],
    ['predicate', 'a recipe digest with prefix', (v) => (v.recipe.digest = `sha256:${v.recipe.digest}`)],
    ['predicate', 'a count with a fraction', (v) => (v.phases.deployment.passed = 1.5)],
    ['predicate', 'an unknown phase', (v) => (v.phases.readiness = v.phases.deployment)],
    ['predicate', 'dimensions that are no list', (v) => (v.criteriaMatch.perDimension = {})],
    ['predicate', 'a nonce without run', (v) => delete v['x-assay'].runId],
    ['predicate', 'an expiry that is a date', (v) => (v['x-assay'].expiresAt = '2027-01-01')],
    ['predicate', 'logs without digest', (v) => (v['x-assay'].logs = 'x')],
    ['predicate', 'an unknown addition of ours', (v) => (v['x-assay'].more = 1)],
    ['statement', 'a fifth key', (v) => (v.extra = 1)],
    ['statement', 'no subject', (v) => (v.subject = [])],
    ['statement', 'a subject with prefix', (v) => (v.subject[0].digest.sha256 = `sha256:${v.subject[0].digest.sha256}`)],
    ['statement', 'an unknown predicate type', (v) => (v.predicateType = 'https://aicr.run/recipe-evidence/v9')],
    ['pointer', 'two attestations', (v) => v.attestations.push(v.attestations[0])],
    ['pointer', 'a short digest', (v) => (v.attestations[0].bundle.digest = 'sha256:ab')],
    ['pointer', 'a signer without issuer', (v) => delete v.attestations[0].signer.issuer],
  ])('refuse a %s with %s', (name, _, spoil) => {
    const value: unknown = EXAMPLE[name]?.();
    spoil(value);

    expect(problemsOf(name, value)).not.toEqual([]);
  });
});

const upstream = '../shared/data/bundles/all-pass';

describe.skipIf(!existsSync(upstream))("published JSON Schemas, on upstream's own bundle (skipped where it is not checked out)", () => {
  it('accept its manifest, statement, predicate and pointer', () => {
    const json = (path: string): any => JSON.parse(readFileSync(join(upstream, 'summary-bundle', path), 'utf8'));
    const theirs = json('statement.intoto.json');

    expect(problemsOf('manifest', json('manifest.json'))).toEqual([]);
    expect(problemsOf('statement', theirs)).toEqual([]);
    expect(problemsOf('predicate', theirs.predicate)).toEqual([]);
    expect(problemsOf('pointer', parseYaml(readFileSync(join(upstream, 'pointer.yaml'), 'utf8')))).toEqual([]);
  });
});

import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { assembleBundle } from '#core/assemble/assemble-bundle.ts';
import { RECIPE, sealedRun } from '../core/assemble/sealed-run.ts';

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
const { files, statement } = assembleBundle({
  run: sealedRun(),
  recipe: RECIPE,
  toolVersion: '0.1.0',
  scope: 'cluster',
  redaction: 'minimal',
});
const parse = (path: string): any => JSON.parse(Buffer.from(files.get(path) ?? []).toString());

function validatorOf(name: string): (value: unknown) => readonly string[] {
  const validate = ajv.compile(JSON.parse(readFileSync(`docs/reference/schema/${name}.schema.json`, 'utf8')) as object);
  return (value) => (validate(value) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ''}`));
}

describe('published JSON Schemas', () => {
  it.each([
    ['manifest', parse('manifest.json')],
    ['coverage', parse('coverage.json')],
    ['nodes', parse('nodes.json')],
    ['predicate', JSON.parse(JSON.stringify(statement.predicate))],
  ])('accept the %s of an assembled bundle', (name, value) => {
    expect(validatorOf(name)(value)).toEqual([]);
  });

  it.each([
    ['manifest', (v: any) => void (v.files[0].sha256 = v.files[0].sha256.toUpperCase())],
    ['manifest', (v: any) => void (v.files[0].path = '../x')],
    ['coverage', (v: any) => void (v.nodes[0].state = 'fine')],
    ['nodes', (v: any) => void delete v.nodes[0].recordsDigest],
    ['predicate', (v: any) => void (v.recipe.digest = `sha256:${v.recipe.digest}`)],
    ['predicate', (v: any) => void (v.phases.deployment.passed = 1.5)],
    ['predicate', (v: any) => void (v.criteriaMatch.perDimension = {})],
  ])('refuse a spoiled %s', (name, spoil) => {
    const value = name === 'predicate' ? JSON.parse(JSON.stringify(statement.predicate)) : parse(`${name}.json`);
    spoil(value);

    expect(validatorOf(name)(value)).not.toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import type { Predicate } from '#core/attestation/predicate.ts';
import type { FindingCode } from '#core/verify/finding.ts';
import type { StepName } from '#core/verify/verdict.ts';
import { honestEvidence, readJson, resealed, TOOL_VERSION, type Evidence, type Lie } from '../../fixture/verify/evidence.ts';
import { outcomeOfFiles, refused } from '../../fixture/verify/outcome.ts';

/* eslint-disable typescript/no-explicit-any -- cases break arbitrary places */
type Tree = Record<string, any>;
/** Name, code, lie, and codes that the same lie brings up after it. */
type Case = readonly [string, FindingCode, (honest: Evidence) => Lie, ...FindingCode[]];

const text = (evidence: Evidence, path: string): string => Buffer.from(evidence.files.get(path) ?? []).toString();

/** A change of one JSON file. */
function edit(path: string, change: (document: Tree) => void): (honest: Evidence) => Lie {
  return ({ files }) => {
    const document = structuredClone(readJson<Tree>(files, path));
    change(document);
    return { files: { [path]: JSON.stringify(document) } };
  };
}

/** A change of the predicate. */
function claim(change: (predicate: Tree) => void): (honest: Evidence) => Lie {
  return () => ({
    predicate: (honest: Predicate) => {
      const copy = structuredClone(honest) as unknown as Tree;
      change(copy);
      return copy;
    },
  });
}

const file =
  (path: string, content: string | Uint8Array): ((honest: Evidence) => Lie) =>
  () => ({ files: { [path]: content } });
const replace =
  (path: string, from: string | RegExp, to: string): ((honest: Evidence) => Lie) =>
  (honest) => {
    const changed = text(honest, path).replace(from, to);
    if (changed === text(honest, path)) throw new Error(`the case does not change ${path}`);
    return { files: { [path]: changed } };
  };
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const BOMB = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
  .split('')
  .map((name, index) => `${name}: &${name} [${Array.from({ length: 10 }, () => `*${'abcdefghi'.charAt(index)}`).join(',')}]`)
  .join('\n')}\n`;

const DEPLOYMENT = 'ctrf/deployment.json';

const RECIPE_CASES: readonly Case[] = [
  ['that is no YAML', 'RECIPE_INVALID', file('recipe.yaml', '{{{')],
  ['that is a text', 'RECIPE_INVALID', file('recipe.yaml', 'recipe')],
  ['with an alias bomb', 'RECIPE_INVALID', (honest) => ({ files: { 'recipe.yaml': BOMB + text(honest, 'recipe.yaml') } })],
  [
    'with a repeated key',
    'RECIPE_INVALID',
    (honest) => ({ files: { 'recipe.yaml': `${text(honest, 'recipe.yaml')}kind: RecipeResult\n` } }),
  ],
  ['of another kind', 'RECIPE_INVALID', replace('recipe.yaml', 'kind: RecipeResult', 'kind: RecipeMetadata')],
  ['of another API version', 'RECIPE_INVALID', replace('recipe.yaml', 'aicr.run/v1alpha2', 'aicr.run/v9')],
  [
    'with two documents',
    'RECIPE_INVALID',
    (honest) => ({ files: { 'recipe.yaml': `${text(honest, 'recipe.yaml')}---\n${text(honest, 'recipe.yaml')}` } }),
  ],
  ['with ten thousand levels', 'RECIPE_INVALID', file('recipe.yaml', `overrides: ${deep(10_000)}`)],
  ['that is not UTF-8', 'RECIPE_INVALID', file('recipe.yaml', Buffer.of(0x61, 0x3a, 0xff, 0xfe))],
  ['of five megabytes', 'RECIPE_INVALID', file('recipe.yaml', `a: ${'x'.repeat(5 << 20)}`)],
  ['without criteria', 'RECIPE_INVALID', replace('recipe.yaml', /criteria:\n(?: {4}.*\n)+/, '')],
  ['with a component twice', 'RECIPE_INVALID', replace('recipe.yaml', 'name: cert-manager', 'name: gpu-operator')],
  ['whose component is of an unknown type', 'RECIPE_INVALID', replace('recipe.yaml', 'type: Helm', 'type: Script')],
  ['edited after it was certified', 'RECIPE_DIGEST_MISMATCH', replace('recipe.yaml', 'v25.1.0', 'v25.2.0')],
  ['with a constraint weakened', 'RECIPE_DIGEST_MISMATCH', replace('recipe.yaml', '>= 1.30', '>= 1.10')],
  [
    'with a comment that its digest does not cover',
    'RECIPE_DIGEST_MISMATCH',
    (honest) => ({
      files: { 'recipe.yaml': `# approved\n${text(honest, 'recipe.yaml')}` },
      predicate: (honestly) => ({ ...honestly, recipe: { ...honestly.recipe, digest: 'c'.repeat(64) } }),
    }),
  ],
  ['under a stale digest', 'RECIPE_DIGEST_MISMATCH', claim((predicate) => (predicate['recipe'].digest = 'b'.repeat(64)))],
  ['under another name', 'RECIPE_NAME_MISMATCH', claim((predicate) => (predicate['recipe'].name = 'b200-eks-ubuntu-training'))],
];

const BINDING_CASES: readonly Case[] = [
  ['of a snapshot that is no YAML', 'SNAPSHOT_INVALID', file('snapshot.yaml', '}{')],
  ['of a snapshot of another kind', 'SNAPSHOT_INVALID', replace('snapshot.yaml', 'kind: Snapshot', 'kind: Recipe')],
  ['of a snapshot without kind', 'SNAPSHOT_INVALID', file('snapshot.yaml', 'measurements: []\n')],
  [
    'of a snapshot with an alias bomb',
    'SNAPSHOT_INVALID',
    (honest) => ({ files: { 'snapshot.yaml': BOMB + text(honest, 'snapshot.yaml') } }),
  ],
  ['of a snapshot whose measurements are a text', 'SNAPSHOT_INVALID', file('snapshot.yaml', 'kind: Snapshot\nmeasurements: none\n')],
  ['of a snapshot of five megabytes', 'SNAPSHOT_INVALID', file('snapshot.yaml', `kind: Snapshot\nmetadata: {a: ${'x'.repeat(5 << 20)}}\n`)],
  ['of another service', 'FINGERPRINT_CONTRADICTED', replace('snapshot.yaml', 'provider: eks', 'provider: gke')],
  ['of another operating system', 'FINGERPRINT_CONTRADICTED', replace('snapshot.yaml', 'ID: ubuntu', 'ID: rhel')],
  ['of another release', 'FINGERPRINT_CONTRADICTED', replace('snapshot.yaml', '"24.04"', '"22.04"')],
  ['of another Kubernetes', 'FINGERPRINT_CONTRADICTED', replace('snapshot.yaml', 'v1.33.4', 'v1.31.0')],
  ['of another number of nodes', 'FINGERPRINT_CONTRADICTED', replace('snapshot.yaml', 'node-count: 3', 'node-count: 2')],
  ['of another GPU', 'FINGERPRINT_CONTRADICTED', replace('snapshot.yaml', 'model: h100', 'model: a100')],
  [
    'of a claimed accelerator',
    'FINGERPRINT_CONTRADICTED',
    claim((predicate) => (predicate['fingerprint'].accelerator.value = 'gb200')),
    'MATCH_WRONG',
  ],
  [
    'of a mismatch called match',
    'MATCH_WRONG',
    claim(
      (predicate) => (predicate['criteriaMatch'].perDimension[3] = { dimension: 'intent', match: 'matched', recipeRequires: 'training' }),
    ),
  ],
  ['of a match without a dimension', 'MATCH_WRONG', claim((predicate) => predicate['criteriaMatch'].perDimension.pop())],
  [
    'of a match with a dimension twice',
    'MATCH_WRONG',
    claim((predicate) => predicate['criteriaMatch'].perDimension.push(predicate['criteriaMatch'].perDimension[0])),
  ],
  ['of a match that says no', 'MATCH_WRONG', claim((predicate) => (predicate['criteriaMatch'].matched = false))],
  ['of another requirement', 'MATCH_WRONG', claim((predicate) => (predicate['criteriaMatch'].perDimension[0].recipeRequires = 'gke'))],
];

const RESULT_CASES: readonly Case[] = [
  ['that are no JSON', 'REPORT_INVALID', file(DEPLOYMENT, 'ok')],
  ['that are an empty file', 'REPORT_INVALID', file(DEPLOYMENT, '')],
  ['without tests', 'REPORT_INVALID', edit(DEPLOYMENT, (report) => delete report['results'].tests)],
  ['whose tests are an object', 'REPORT_INVALID', edit(DEPLOYMENT, (report) => (report['results'].tests = {}))],
  ['of another format', 'REPORT_INVALID', edit(DEPLOYMENT, (report) => (report['reportFormat'] = 'JUnit'))],
  ['with an unknown state', 'REPORT_INVALID', edit(DEPLOYMENT, (report) => (report['results'].tests[0].status = 'flaky'))],
  ['with a test without name', 'REPORT_INVALID', edit(DEPLOYMENT, (report) => (report['results'].tests[0].name = ''))],
  ['with a fractional duration', 'REPORT_INVALID', edit(DEPLOYMENT, (report) => (report['results'].tests[0].duration = 1.5))],
  ['with a suite that is a text', 'REPORT_INVALID', edit(DEPLOYMENT, (report) => (report['results'].tests[0].suite = 'deployment'))],
  ['with a test that is null', 'REPORT_INVALID', edit(DEPLOYMENT, (report) => (report['results'].tests[0] = null))],
  ['with a repeated key', 'REPORT_INVALID', replace(DEPLOYMENT, '"status": "passed"', '"status": "failed", "status": "passed"')],
  ['with a hundred thousand levels', 'REPORT_INVALID', replace(DEPLOYMENT, '"generatedBy": "assay"', `"x": ${deep(100_000)}`)],
  ['over ten megabytes', 'REPORT_INVALID', replace(DEPLOYMENT, '"generatedBy": "assay"', `"generatedBy": "${'x'.repeat(11 << 20)}"`)],
  ['whose own summary is wrong', 'COUNTS_WRONG', edit(DEPLOYMENT, (report) => (report['results'].summary.passed = 99))],
  [
    'whose summary hides a failure',
    'COUNTS_WRONG',
    edit(DEPLOYMENT, (report) => (report['results'].tests[1].status = 'failed')),
    'RESULT_WRONG',
    'COVERAGE_WRONG',
  ],
  ['that the predicate counts up', 'COUNTS_WRONG', claim((predicate) => (predicate['phases'].deployment.passed = 30))],
  [
    'whose failures the predicate leaves out',
    'COUNTS_WRONG',
    edit(DEPLOYMENT, (report) =>
      Object.assign(report['results'], {
        tests: report['results'].tests.map((test: Tree) => ({ ...test, status: 'failed', extra: {} })),
        summary: { ...report['results'].summary, passed: 0, failed: 3 },
      }),
    ),
    'COVERAGE_WRONG',
  ],
  ['whose skips the predicate leaves out', 'COUNTS_WRONG', claim((predicate) => (predicate['phases'].conformance.skipped = 4))],
  ['that contradict a recorded outcome', 'RESULT_WRONG', edit(DEPLOYMENT, (report) => (report['results'].tests[0].extra.outcome = 'fail'))],
  [
    'that pass below their threshold',
    'RESULT_WRONG',
    edit('ctrf/conformance.json', (report) => (report['results'].tests[1].extra.measured = 7)),
  ],
  [
    'that pass above their threshold',
    'RESULT_WRONG',
    edit('ctrf/conformance.json', (report) => (report['results'].tests[1].extra.bounds = { atMost: 4 })),
  ],
];

const BOM_CASES: readonly Case[] = [
  ['that is no JSON', 'BOM_INVALID', file('bom.cdx.json', '<bom/>')],
  ['that is null', 'BOM_INVALID', file('bom.cdx.json', 'null')],
  ['of another version', 'BOM_INVALID', edit('bom.cdx.json', (bom) => (bom['specVersion'] = '1.4'))],
  ['of another format', 'BOM_INVALID', edit('bom.cdx.json', (bom) => (bom['bomFormat'] = 'SPDX'))],
  ['whose components are an object', 'BOM_INVALID', edit('bom.cdx.json', (bom) => (bom['components'] = {}))],
  ['with a component without name', 'BOM_INVALID', edit('bom.cdx.json', (bom) => delete bom['components'][0].name)],
  ['with a repeated key', 'BOM_INVALID', replace('bom.cdx.json', '"specVersion": "1.6"', '"specVersion": "1.5", "specVersion": "1.6"')],
  ['with a thousand levels', 'BOM_INVALID', replace('bom.cdx.json', '"specVersion": "1.6"', `"specVersion": "1.6", "x": ${deep(1000)}`)],
  ['with another digest', 'BOM_DIGEST_MISMATCH', claim((predicate) => (predicate['bom'].digest = `sha256:${'e'.repeat(64)}`))],
  ['with another count', 'BOM_COUNT_WRONG', claim((predicate) => (predicate['bom'].imageCount = 40))],
];

const COVERAGE_CASES: readonly Case[] = [
  ['without its file', 'COVERAGE_WRONG', () => ({ files: { 'coverage.json': undefined } })],
  ['whose file is no JSON', 'COVERAGE_WRONG', file('coverage.json', 'all')],
  ['that lists a node twice', 'COVERAGE_WRONG', edit('coverage.json', (coverage) => coverage['nodes'].push(coverage['nodes'][0]))],
  ['that counts more than expected', 'COVERAGE_WRONG', claim((predicate) => (predicate['x-assay'].coverage.reported = 4))],
  ['that hides an absence', 'COVERAGE_WRONG', edit('coverage.json', (coverage) => (coverage['nodes'][2].state = 'lost'))],
  [
    'that invents an absence',
    'COVERAGE_WRONG',
    claim((predicate) => Object.assign(predicate['x-assay'].coverage, { reported: 2, missing: [{ node: 'node-0003', reason: 'lost' }] })),
  ],
  ['that leaves out a node with results', 'COVERAGE_WRONG', edit('coverage.json', (coverage) => (coverage['nodes'][2].node = 'node-0009'))],
  ['without the tree of nodes', 'COVERAGE_WRONG', () => ({ files: { 'nodes.json': undefined } }), 'NODES_ROOT_MISMATCH'],
  [
    'whose counts of a node are not in the reports',
    'COVERAGE_WRONG',
    edit('nodes.json', (nodes) => (nodes['nodes'][1].checks.passed = 99)),
    'NODES_ROOT_MISMATCH',
  ],
  [
    'whose node did not finish',
    'COVERAGE_WRONG',
    edit('nodes.json', (nodes) => (nodes['nodes'][1].complete = false)),
    'NODES_ROOT_MISMATCH',
  ],
  ['over another tree', 'NODES_ROOT_MISMATCH', claim((predicate) => (predicate['x-assay'].nodesRoot = `sha256:${'d'.repeat(64)}`))],
  ['over a leaf that was changed', 'NODES_ROOT_MISMATCH', edit('nodes.json', (nodes) => (nodes['nodes'][0].records = 1))],
  ['over leaves in another order', 'NODES_ROOT_MISMATCH', edit('nodes.json', (nodes) => nodes['nodes'].reverse())],
  ['without a root', 'NODES_ROOT_MISMATCH', claim((predicate) => delete predicate['x-assay'].nodesRoot)],
];

const REDACTION_CASES: readonly Case[] = [
  ['and a message', 'REDACTION_VIOLATED', edit(DEPLOYMENT, (report) => (report['results'].tests[0].message = 'token=abc'))],
  ['and output', 'REDACTION_VIOLATED', edit(DEPLOYMENT, (report) => (report['results'].tests[0].stdout = ['10.0.0.1']))],
  ['and a node name', 'REDACTION_VIOLATED', replace('snapshot.yaml', 'metadata:\n', 'metadata:\n  source-node: gpu-a.internal\n')],
  [
    'and another fact',
    'REDACTION_VIOLATED',
    replace('snapshot.yaml', '          model: h100\n', '          model: h100\n          serial: "123"\n'),
  ],
  [
    'and another measurement',
    'REDACTION_VIOLATED',
    replace(
      'snapshot.yaml',
      'measurements:\n',
      'measurements:\n  - subtypes:\n      - data:\n          sshd: running\n        subtype: services\n    type: SystemD\n',
    ),
  ],
];

const AGE_CASES: readonly Case[] = [
  ['from the future', 'TIME_IMPOSSIBLE', claim((predicate) => (predicate['attestedAt'] = '2027-01-01T00:00:00Z'))],
  ['of a day that does not exist', 'TIME_IMPOSSIBLE', claim((predicate) => (predicate['attestedAt'] = '2026-13-41T00:00:00Z'))],
  ['that has expired', 'EVIDENCE_EXPIRED', claim((predicate) => (predicate['x-assay'].expiresAt = '2026-11-21T12:30:00Z'))],
  ['that expires on no day', 'TIME_IMPOSSIBLE', claim((predicate) => (predicate['x-assay'].expiresAt = '2026-99-99T00:00:00Z'))],
];

const ALL: readonly (readonly [string, StepName, readonly Case[]])[] = [
  ['a recipe', 'recipe', RECIPE_CASES],
  ['a fingerprint', 'binding', BINDING_CASES],
  ['results', 'results', RESULT_CASES],
  ['a BOM', 'bom', BOM_CASES],
  ['coverage', 'coverage', COVERAGE_CASES],
  ['a claim of redaction', 'redaction', REDACTION_CASES],
  ['evidence', 'age', AGE_CASES],
];

describe.each(ALL)('lying about %s', (subject, step, cases) => {
  it.each(cases.map(([name, code, lie, ...also]) => ({ name, code, lie, also })))(
    `${subject} $name is invalid: $code`,
    async ({ code, lie, also }) => {
      const honest = honestEvidence();

      expect(await outcomeOfFiles(resealed(honest, lie(honest)).files)).toEqual({ ...refused(step, code), codes: [code, ...also] });
    },
  );
});

describe('the tool version', () => {
  it('is the one that seals', () => {
    expect(honestEvidence().statement.predicate['x-assay']?.toolVersion).toBe(TOOL_VERSION);
  });
});

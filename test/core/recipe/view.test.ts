import { describe, expect, it } from 'vitest';
import { loadCatalog } from '#core/catalog/load-catalog.ts';
import type { CanonicalValue } from '#core/digest/yaml-value.ts';
import { diffRecipes } from '#core/recipe/diff.ts';
import { listRecipes, listValue } from '#core/recipe/list.ts';
import { queryJson, queryRecipe, queryYaml } from '#core/recipe/query.ts';
import { catalogCopy, overlayText } from '../catalog/tree-copy.ts';
import { CATALOG, LEAF, recipeOf } from './fixture-catalog.ts';

const query = (selector: string): CanonicalValue => queryRecipe(recipeOf(LEAF), selector, CATALOG);

describe('query', () => {
  it('has final Helm values: base file, then the named file, then overrides; null removes', () => {
    expect(query('components.driver.values')).toEqual({
      driver: {
        version: '570.1.2',
        image: 'registry.example.test/driver@sha256:0000000000000000000000000000000000000000000000000000000000000001',
        modules: ['core', 'fabric'],
      },
      operator: { replicas: 2, nodeSelector: {} },
      mig: false,
    });
  });

  it('shows every criterion, a chart for every source, and leaves out what is empty', () => {
    expect([query('criteria'), query('components.certs'), query('.metadata.version')]).toEqual([
      { service: 'eks', accelerator: 'h100', intent: 'training', os: 'ubuntu', platform: 'any', nodes: 0 },
      {
        name: 'certs',
        type: 'Helm',
        source: 'https://charts.example.test/certs',
        namespace: 'certs',
        chart: 'certs',
        version: '1.10',
        values: {},
      },
      'v1',
    ]);
  });

  it('is everything for the empty selector', () => {
    expect(Object.keys(query('') as object)).toEqual([
      'kind',
      'apiVersion',
      'metadata',
      'deploymentOrder',
      'criteria',
      'constraints',
      'components',
    ]);
  });

  it('prints scalars bare and the rest as sorted YAML or JSON', () => {
    expect([
      queryYaml('1.10'),
      queryYaml(3),
      queryYaml(null),
      queryYaml({ b: '1', a: ['x'] }),
      queryJson('<'),
      queryJson({ b: 1, a: 2 }),
    ]).toEqual(['1.10\n', '3\n', 'null\n', 'a:\n  - x\nb: "1"\n', '"\\u003c"\n', '{\n  "a": 2,\n  "b": 1\n}\n']);
  });

  it.each([
    ['components.nope', 'selector "components.nope": key "nope" not found, available keys: certs, driver, scheduler, tuning'],
    ['constraints.0', 'selector "constraints.0": cannot descend into non-map value at "0"'],
    ['criteria.service.x', 'selector "criteria.service.x": cannot descend into non-map value at "x"'],
    [
      'criteria.__proto__',
      'selector "criteria.__proto__": key "__proto__" not found, available keys: accelerator, intent, nodes, os, platform, service',
    ],
  ])('%s is refused', (selector, message) => {
    expect(() => query(selector)).toThrowError(expect.objectContaining({ code: 'SELECTOR_NOT_FOUND', message }));
  });

  it('refuses a values file that the catalog lacks, and one that is no mapping', async () => {
    const component = (file: string): string =>
      overlayText('a', `{criteria: {service: acme}, componentRefs: [{name: certs, valuesFile: ${file}}]}`);
    const lacks = await loadCatalog({ catalogDir: catalogCopy({ 'overlays/a.yaml': component('components/none.yaml') }) });
    const list = await loadCatalog({
      catalogDir: catalogCopy({ 'overlays/a.yaml': component('components/list.yaml'), 'components/list.yaml': '[1]\n' }),
    });

    expect(() => queryRecipe(recipeOf({ service: 'acme' }, lacks), '', lacks)).toThrowError(
      expect.objectContaining({ code: 'RECIPE_NOT_FOUND' }),
    );
    expect(() => queryRecipe(recipeOf({ service: 'acme' }, list), '', list)).toThrowError(
      expect.objectContaining({ code: 'RECIPE_INVALID' }),
    );
  });
});

describe('list', () => {
  it('names every overlay, tells leaves from parts and resolves the leaves', () => {
    expect(listRecipes(CATALOG).map(({ name, isLeaf, source, health }) => [name, isLeaf, source, health?.status])).toEqual([
      ['eks', false, 'embedded', undefined],
      ['h100-any', true, 'embedded', 'pass'],
      ['h100-eks-ubuntu-training', true, 'embedded', 'pass'],
    ]);
  });

  it('filters by literal values', () => {
    expect([listRecipes(CATALOG, { service: 'eks' }).map(({ name }) => name), listRecipes(CATALOG, { nodes: 2 })]).toEqual([
      ['eks', 'h100-eks-ubuntu-training'],
      [],
    ]);
  });

  it('has the shape that upstream prints', () => {
    expect(listValue(listRecipes(CATALOG, { intent: 'training' }))).toEqual([
      {
        name: 'h100-eks-ubuntu-training',
        criteria: { Service: 'eks', Accelerator: 'h100', Intent: 'training', OS: 'ubuntu', Platform: '', Nodes: 0 },
        is_leaf: true,
        source: 'embedded',
        health: {
          status: 'pass',
          dimensions: { chart_pinned: 'pass', constraints_wellformed: 'pass', resolves: 'pass' },
          coverage: {
            readiness: { declared: false, constraints: 0 },
            deployment: { declared: true, checks: ['node-tools', 'operator-health'], constraints: 1 },
            performance: { declared: true, checks: ['all-reduce'], constraints: 1 },
            conformance: { declared: false, constraints: 0 },
          },
        },
      },
    ]);
  });

  it('says what is wrong with a leaf', async () => {
    const catalog = await loadCatalog({
      catalogDir: catalogCopy({
        'overlays/broken.yaml': overlayText('broken', '{criteria: {service: acme}, mixins: [none]}'),
        'overlays/odd.yaml': overlayText('odd', '{criteria: {service: other}, constraints: [{name: Bogus.a.b, value: ">= x"}]}'),
      }),
    });
    const statuses = listRecipes(catalog)
      .filter(({ name }) => ['broken', 'odd'].includes(name))
      .map(({ health }) => [health?.status, health?.dimensions]);

    expect(statuses).toEqual([
      ['fail', { chart_pinned: 'unknown', constraints_wellformed: 'unknown', resolves: 'fail' }],
      ['fail', { chart_pinned: 'pass', constraints_wellformed: 'fail', resolves: 'pass' }],
    ]);
  });
});

describe('diff', () => {
  it('of a recipe with itself is empty', () => {
    expect(diffRecipes(recipeOf(LEAF), recipeOf(LEAF))).toEqual([]);
  });

  it('names components and constraints, not positions', () => {
    expect(diffRecipes(recipeOf({ accelerator: 'h100' }), recipeOf({ service: 'eks' }))).toEqual([
      { path: 'componentRefs[driver].overrides', before: { driver: { version: '570.1.2', modules: ['core'] }, mig: false } },
      { path: 'constraints[K8s.server.version].severity', after: 'error' },
      { path: 'constraints[K8s.server.version].value', before: '>= 1.28', after: '>= 1.30' },
      { path: 'criteria.accelerator', before: 'h100', after: 'any' },
      { path: 'criteria.service', before: 'any', after: 'eks' },
      { path: 'metadata.appliedOverlays', before: ['base', 'h100-any'], after: ['base', 'eks'] },
      {
        path: 'validation.deployment.constraints',
        before: [{ name: 'Deployment.driver.version', value: '>= v2.0' }],
      },
      { path: 'validation.deployment.timeout', before: '10m' },
    ]);
  });
});

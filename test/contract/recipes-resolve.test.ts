import { basename } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { loadCatalog } from '#core/catalog/load-catalog.ts';
import { hydrateValues } from '#core/recipe/merge-values.ts';
import { parseRecipe } from '#core/recipe/parse-recipe.ts';
import { resolveRecipe } from '#core/recipe/resolve.ts';
import type { ComponentRef, Recipe, ValueMap } from '#core/recipe/document.ts';
import { CATALOG, catalogPaths, exemptions, leaves, overlays, readText, readYaml } from './recipe-tree.ts';

const VERSION = '1.0.0';
const catalog = await loadCatalog({ catalogDir: CATALOG });

function resolved(criteria: Readonly<Record<string, string>>): Recipe {
  return resolveRecipe(catalog, criteria, { version: VERSION });
}

function isOff({ overrides }: ComponentRef): boolean {
  return overrides?.['enabled'] === false;
}

function component(recipe: Recipe, name: string): ComponentRef | undefined {
  return recipe.componentRefs.find((candidate) => candidate.name === name);
}

const schemas = new Ajv2020({ allErrors: true });
formats.default(schemas);
for (const name of ['part', 'criteria', 'recipe'])
  schemas.addSchema(JSON.parse(readText(`schema/${name}.schema.json`)) as object, `${name}.schema.json`);

const recipes = leaves().map(({ metadata: { name }, spec: { criteria = {} } }) => [name, criteria] as const);

describe('every leaf', () => {
  test('the loader finds every overlay and mixin, and has nothing to warn about', () => {
    expect([...catalog.overlays.keys()].sort()).toEqual(
      overlays()
        .map(({ metadata }) => metadata.name)
        .filter((name) => name !== 'base')
        .sort(),
    );
    expect([...catalog.mixins.keys()].sort()).toEqual(catalogPaths('mixins/*.yaml').map((path) => basename(path, '.yaml')));
    expect(catalog.warnings).toEqual([]);
  });

  test.each(recipes)('%s resolves from its own criteria, with itself merged last', (name, criteria) => {
    expect(resolved(criteria).metadata.appliedOverlays?.at(-1)).toBe(name);
  });

  test.each(recipes)('%s has an exact chart version or a known exemption for every component it deploys', (_name, criteria) => {
    const exempt = new Set(exemptions().flatMap(({ scope, match }) => (scope === 'chart-version' ? [match] : [])));
    const unpinned = resolved(criteria).componentRefs.filter((ref) => {
      if (isOff(ref) || ref.source === '') return false;
      return !/^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(ref.version ?? '');
    });
    expect(
      unpinned.filter(({ name, version, source }) => !(exempt.has(name) && version === 'unresolved' && source === 'unresolved')),
    ).toEqual([]);
  });

  test.each(recipes)('%s deploys every enabled component once, after what it depends on', (_name, criteria) => {
    const { componentRefs, deploymentOrder } = resolved(criteria);
    const enabled = componentRefs.filter((ref) => !isOff(ref));
    expect([...deploymentOrder].sort()).toEqual(enabled.map(({ name }) => name).sort());
    const late = enabled.flatMap(({ name, dependencyRefs = [] }) =>
      dependencyRefs
        .filter((dependency) => deploymentOrder.indexOf(dependency) > deploymentOrder.indexOf(name))
        .map((dependency) => [name, dependency]),
    );
    expect(late).toEqual([]);
  });

  test.each(recipes)('%s carries a health check for every component and follows the recipe schema', (_name, criteria) => {
    const recipe = resolved(criteria);
    expect(recipe.componentRefs.filter(({ healthCheckAsserts }) => healthCheckAsserts === undefined)).toEqual([]);
    expect(schemas.validate('recipe.schema.json', recipe), schemas.errorsText()).toBe(true);
  });
});

/** Helm values of a component as they are deployed: its base file, its own file, its overrides. */
function valuesOf(recipe: Recipe, name: string): ValueMap {
  const ref = component(recipe, name);
  const files = [`components/${name}/values.yaml`, ref?.valuesFile].filter((path) => path !== undefined);
  const layers = [...new Set(files)].map((path) => readYaml<ValueMap>(path));
  return [...layers, ref?.overrides ?? {}].reduce(hydrateValues, {});
}

describe('what a recipe contains', () => {
  test.each([
    ['gke', { os: 'cos' }],
    ['oke', {}],
    ['kind', {}],
  ])('on %s no driver is installed: it comes with the node', (service, more) => {
    const recipe = resolved({ service, accelerator: 'b200', intent: 'inference', ...more });
    expect(valuesOf(recipe, 'gpu-operator')).toMatchObject({
      fullnameOverride: 'gpu-operator',
      driver: { enabled: false },
      gdrcopy: { enabled: false },
    });
    expect(valuesOf(recipe, 'nvidia-dra-driver-gpu')['nvidiaDriverRoot']).not.toBe('/run/nvidia/driver');
  });

  test('where the operator installs the driver, the DRA driver looks for it there and the modules are the open ones', () => {
    const recipe = resolved({ service: 'onprem', accelerator: 'b200', intent: 'training' });
    expect(valuesOf(recipe, 'gpu-operator')).toMatchObject({
      driver: { enabled: true, version: '580.126.20', useOpenKernelModules: true },
    });
    expect(valuesOf(recipe, 'nvidia-dra-driver-gpu')).toMatchObject({
      nvidiaDriverRoot: '/run/nvidia/driver',
      resources: { gpus: { enabled: false } },
    });
  });

  test('the host recipe is one that the recipe reader accepts', () => {
    const { componentRefs, criteria } = parseRecipe(readText('host/linux.yaml'), 'linux.yaml');
    expect([componentRefs, criteria]).toEqual([[], { service: 'any', accelerator: 'any', intent: 'any', os: 'any', platform: 'any' }]);
  });

  test('an AMD recipe has the AMD operator and nothing of the NVIDIA stack', () => {
    const names = recipes
      .filter(([, { accelerator }]) => accelerator === 'mi300')
      .flatMap(([, criteria]) => resolved(criteria).componentRefs.map(({ name }) => name));
    expect(new Set(names)).toContain('amd-gpu-operator');
    expect(names.filter((name) => ['gpu-operator', 'nvidia-dra-driver-gpu', 'kai-scheduler', 'aws-efa'].includes(name))).toEqual([]);
  });

  test('an NVIDIA recipe has no AMD operator', () => {
    const names = recipes
      .filter(([, { accelerator }]) => accelerator !== 'mi300')
      .flatMap(([, criteria]) => resolved(criteria).componentRefs.map(({ name }) => name));
    expect(names).not.toContain('amd-gpu-operator');
  });

  test('a CoreWeave recipe switches the GPU stack of the provider off and asks for no check of it', () => {
    const recipe = resolved({ service: 'coreweave', accelerator: 'h100', intent: 'training' });
    expect(['nfd', 'gpu-operator', 'nvidia-dra-driver-gpu'].filter((name) => recipe.deploymentOrder.includes(name))).toEqual([]);
    expect(recipe.validation).toEqual({
      deployment: { checks: ['expected-resources', 'check-nvidia-smi'], constraints: [] },
      conformance: { checks: ['platform-health', 'gang-scheduling', 'secure-accelerator-access'] },
    });
  });

  test('a GB200 recipe asks for the later Kubernetes floor, whatever the service', () => {
    const floors = recipes
      .filter(([, { accelerator }]) => accelerator === 'gb200')
      .map(([, criteria]) => resolved(criteria).constraints?.find(({ name }) => name === 'K8s.server.version')?.value);
    expect(new Set(floors)).toEqual(new Set(['>= 1.34']));
  });

  test('MI300X training lists the RCCL check without a floor', () => {
    const { validation } = resolved({ service: 'onprem', accelerator: 'mi300', intent: 'training' });
    expect(validation?.performance).toEqual({ checks: ['rccl-all-reduce-bw'] });
  });

  test('an Ubuntu recipe adds its release to the constraints', () => {
    const { constraints } = resolved({ service: 'eks', accelerator: 'h200', os: 'ubuntu', intent: 'inference' });
    expect(constraints?.map(({ name, value }) => [name, value])).toEqual([
      ['K8s.server.version', '>= 1.32'],
      ['OS.release.ID', 'ubuntu'],
      ['OS.release.VERSION_ID', '24.04'],
      ['OS.sysctl./proc/sys/kernel/osrelease', '>= 6.8'],
    ]);
  });

  test('GKE without an operating system is refused, because only one image is known', () => {
    expect(() => resolved({ service: 'gke', accelerator: 'h100', intent: 'training' })).toThrow(/specify an OS \(valid: cos\)/);
  });

  test('the unresolved operator says so in the recipe itself', () => {
    const operator = component(resolved({ service: 'oke', accelerator: 'mi300', intent: 'inference' }), 'amd-gpu-operator');
    expect([operator?.source, operator?.version, operator?.chart]).toEqual(['unresolved', 'unresolved', undefined]);
  });
});

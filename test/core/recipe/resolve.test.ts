import { describe, expect, it } from 'vitest';
import { loadCatalog } from '#core/catalog/load-catalog.ts';
import { canonicalRecipe } from '#core/recipe/canonical-recipe.ts';
import type { Catalog } from '#core/recipe/catalog.ts';
import { recipeNotices } from '#core/recipe/notices.ts';
import { resolveRecipe } from '#core/recipe/resolve.ts';
import { parseSnapshot } from '#core/snapshot/document.ts';
import { catalogCopy, overlayText } from '../catalog/tree-copy.ts';
import { CATALOG, criteriaOf, LEAF, recipeOf, SNAPSHOT } from './fixture-catalog.ts';

function catalogWith(files: Readonly<Record<string, string>>): Promise<Catalog> {
  return loadCatalog({ catalogDir: catalogCopy(files) });
}

describe('selection', () => {
  it.each([
    [{ service: 'eks' }, ['base', 'eks']],
    [{ accelerator: 'h100' }, ['base', 'h100-any']],
    [{ service: 'eks', accelerator: 'h100' }, ['base', 'eks', 'h100-any']],
    [LEAF, ['base', 'h100-any', 'eks', 'h100-eks-ubuntu-training']],
    [{ ...LEAF, platform: 'slurm', nodes: 4 }, ['base', 'h100-any', 'eks', 'h100-eks-ubuntu-training']],
    [{ service: 'gke' }, ['base']],
  ])('%j applies %j', (input, applied) => {
    expect(recipeOf(input).metadata.appliedOverlays).toEqual(applied);
  });

  it('asks for an OS when every overlay of the service has one', async () => {
    const catalog = await catalogWith({
      'overlays/oke-a.yaml': overlayText('oke-a', '{criteria: {service: oke, os: ubuntu}}'),
      'overlays/oke-b.yaml': overlayText('oke-b', '{criteria: {service: oke, os: ol}}'),
    });

    expect(() => recipeOf({ service: 'oke' }, catalog)).toThrowError(
      expect.objectContaining({
        code: 'CRITERIA_INVALID',
        message: "service 'oke' has no OS-agnostic recipe for accelerator ''; specify an OS (valid: ol, ubuntu)",
        details: { service: 'oke', validOs: ['ol', 'ubuntu'] },
      }),
    );
  });

  it('matches a number of nodes exactly', async () => {
    const catalog = await catalogWith({ 'overlays/four.yaml': overlayText('four', '{criteria: {nodes: 4}}') });

    expect([4, 5].map((nodes) => recipeOf({ nodes }, catalog).metadata.appliedOverlays)).toEqual([['base', 'four'], ['base']]);
  });

  it.each([
    ['two overlays', { a: 'b', b: 'a' }, 'overlays inherit in a circle: a -> b -> a'],
    ['an overlay and itself', { a: 'a', b: 'base' }, 'overlays inherit in a circle: a -> a'],
  ])('refuses a circle of %s instead of losing them', async (_, bases, message) => {
    const files = Object.entries(bases).map(([name, base]) => [
      `overlays/${name}.yaml`,
      overlayText(name, `{base: ${base}, criteria: {service: acme}}`),
    ]);
    const catalog = await catalogWith(Object.fromEntries(files) as Record<string, string>);

    expect(() => recipeOf({ service: 'acme' }, catalog)).toThrowError(expect.objectContaining({ code: 'RECIPE_CYCLE', message }));
  });

  it('refuses a parent that does not exist', async () => {
    const catalog = await catalogWith({ 'overlays/a.yaml': overlayText('a', '{base: ghost, criteria: {service: acme}}') });

    expect(() => recipeOf({ service: 'acme' }, catalog)).toThrowError(expect.objectContaining({ code: 'RECIPE_NOT_FOUND' }));
  });
});

describe('a resolved leaf', () => {
  it('is exactly this', () => {
    const recipe = recipeOf(LEAF);

    expect({
      ...recipe,
      componentRefs: recipe.componentRefs.map(({ healthCheckAsserts = '', ...component }) => ({
        ...component,
        health: healthCheckAsserts.split('\n')[0],
      })),
    }).toEqual({
      kind: 'RecipeResult',
      apiVersion: 'aicr.run/v1alpha2',
      metadata: { version: 'v1', appliedOverlays: ['base', 'h100-any', 'eks', 'h100-eks-ubuntu-training'] },
      criteria: { service: 'eks', accelerator: 'h100', intent: 'training', os: 'ubuntu', platform: 'any' },
      constraints: [
        { name: 'K8s.server.version', value: '>= 1.32.4' },
        { name: 'OS.release.ID', value: 'ubuntu' },
        { name: 'OS.release.VERSION_ID', value: '24.04' },
      ],
      componentRefs: [
        {
          name: 'certs',
          type: 'Helm',
          source: 'https://charts.example.test/certs',
          chart: 'certs',
          version: '1.10',
          namespace: 'certs',
          health: '',
        },
        {
          name: 'driver',
          type: 'Helm',
          source: 'https://charts.example.test/driver',
          chart: 'driver-operator',
          version: 'v2.0.1',
          namespace: 'driver',
          valuesFile: 'components/driver/values-eks.yaml',
          overrides: { driver: { version: '570.1.2', modules: ['core', 'fabric'] }, mig: false },
          dependencyRefs: ['certs'],
          manifestFiles: ['components/driver/manifests/params.yaml'],
          health: '# The driver operator is up.',
        },
        {
          name: 'scheduler',
          type: 'Helm',
          source: 'oci://registry.example.test/scheduler',
          chart: 'scheduler',
          version: '0.9.0',
          namespace: 'scheduler',
          dependencyRefs: ['driver'],
          health: '',
        },
        {
          name: 'tuning',
          type: 'Kustomize',
          source: 'https://git.example.test/tuning',
          path: 'deploy/default',
          tag: 'v3',
          overrides: { enabled: false },
          health: '',
        },
      ],
      deploymentOrder: ['certs', 'driver', 'scheduler'],
      validation: {
        deployment: {
          timeout: '10m',
          checks: ['operator-health', 'node-tools'],
          constraints: [{ name: 'Deployment.driver.version', value: '>= v2.0' }],
        },
        performance: {
          timeout: '30m',
          checks: ['all-reduce'],
          constraints: [{ name: 'all-reduce', value: '>= 300' }],
          nodeSelection: { selector: { pool: 'gpu' }, maxNodes: 2 },
        },
      },
    });
  });

  it('is the same every time and leaves the catalog as it was', () => {
    const before = recipeOf({ accelerator: 'h100' });
    const digests = [1, 2].map(() => canonicalRecipe(recipeOf(LEAF)).digest);

    expect([digests[0] === digests[1], recipeOf({ accelerator: 'h100' })]).toEqual([true, before]);
  });
});

describe('merging', () => {
  async function merged(first: string, second: string): Promise<ReturnType<typeof recipeOf>> {
    const catalog = await catalogWith({
      'overlays/base.yaml': overlayText('base', '{}'),
      'overlays/a.yaml': overlayText('a', `{criteria: {service: acme}, ${first}}`),
      'overlays/b.yaml': overlayText('b', `{base: a, criteria: {service: acme, intent: training}, ${second}}`),
    });
    return recipeOf({ service: 'acme', intent: 'training' }, catalog);
  }

  it.each([
    ['maps merge', '{x: {a: 1, b: 2}}', '{x: {b: 3, c: 4}}', { x: { a: 1, b: 3, c: 4 } }],
    ['null is kept as a value', '{x: {a: 1}}', '{x: {a: null}}', { x: { a: null } }],
    ['a list replaces', '{x: [1, 2]}', '{x: [3]}', { x: [3] }],
    ['a scalar replaces a map', '{x: {a: 1}}', '{x: 2}', { x: 2 }],
    ['a map replaces a scalar', '{x: 2}', '{x: {a: 1}}', { x: { a: 1 } }],
    ['nothing keeps', '{x: 1}', '{}', { x: 1 }],
  ])('overrides: %s', async (...[, first, second, overrides]) => {
    const component = (values: string): string => `componentRefs: [{name: c, type: Helm, source: s, version: v1, overrides: ${values}}]`;
    const recipe = await merged(component(first), component(second));

    expect(recipe.componentRefs[0]?.overrides).toEqual(overrides);
  });

  it('texts replace when they say something, lists of references grow, flags stay set', async () => {
    const recipe = await merged(
      'componentRefs: [{name: c, type: Helm, source: s, version: "1", namespace: n, dependencyRefs: [d], cleanup: true, expectedResources: [{kind: A, name: a}]}, {name: d, source: s, type: Helm, version: v1}, {name: e, type: helm, source: s, version: v1}]',
      'componentRefs: [{name: c, version: "2", namespace: "", dependencyRefs: [e, d], cleanup: false, expectedResources: [{kind: B, name: b}]}]',
    );

    expect(recipe.componentRefs[0]).toEqual({
      name: 'c',
      type: 'Helm',
      source: 's',
      version: '2',
      namespace: 'n',
      dependencyRefs: ['d', 'e'],
      cleanup: true,
      expectedResources: [{ kind: 'B', name: 'b' }],
    });
  });

  it('a constraint is replaced as a whole', async () => {
    const recipe = await merged(
      'constraints: [{name: K8s.server.version, value: "1", severity: error}]',
      'constraints: [{name: K8s.server.version, value: "2"}, {name: A.b.c, value: d}]',
    );

    expect(recipe.constraints).toEqual([
      { name: 'A.b.c', value: 'd' },
      { name: 'K8s.server.version', value: '2' },
    ]);
  });

  it.each([
    ['an absent list inherits', '{checks: [a]}', '{timeout: 5m}', { checks: ['a'], timeout: '5m' }],
    ['a null list inherits', '{checks: [a]}', '{checks: null}', { checks: ['a'] }],
    [
      'an empty list clears',
      '{checks: [a], constraints: [{name: x, value: "1"}]}',
      '{checks: [], constraints: []}',
      { checks: [], constraints: [] },
    ],
    ['a list adds what is new', '{checks: [b, a]}', '{checks: [a, c]}', { checks: ['b', 'a', 'c'] }],
    [
      'constraints keep their places',
      '{constraints: [{name: z, value: "1"}, {name: y, value: "1"}]}',
      '{constraints: [{name: x, value: "2"}, {name: z, value: "2"}]}',
      {
        constraints: [
          { name: 'z', value: '2' },
          { name: 'y', value: '1' },
          { name: 'x', value: '2' },
        ],
      },
    ],
    [
      'node selection is replaced as a whole',
      '{nodeSelection: {maxNodes: 2, excludeNodes: [a]}}',
      '{nodeSelection: {selector: {k: 1}}}',
      { nodeSelection: { selector: { k: '1' } } },
    ],
  ])('a phase: %s', async (...[, first, second, phase]) => {
    const recipe = await merged(`validation: {deployment: ${first}}`, `validation: {deployment: ${second}}`);

    expect(recipe.validation).toEqual({ deployment: phase });
  });
});

describe('mixins', () => {
  const mixin = (spec: string): string => `kind: RecipeMixin\nmetadata: {name: m}\nspec: ${spec}\n`;
  const user = overlayText('a', '{criteria: {service: acme}, mixins: [m]}');

  it('add manifests and a namespace to a component that is there', async () => {
    const catalog = await catalogWith({
      'mixins/m.yaml': mixin('{componentRefs: [{name: driver, namespace: other, manifestFiles: [m.yaml]}]}'),
      'overlays/a.yaml': user,
    });
    const driver = recipeOf({ service: 'acme' }, catalog).componentRefs.find(({ name }) => name === 'driver');

    expect([driver?.namespace, driver?.manifestFiles]).toEqual(['other', ['m.yaml']]);
  });

  it.each([
    ['version: v9', 'version'],
    ['source: s, chart: c', 'chart'],
    ['overrides: {a: 1}', 'overrides'],
    ['dependencyRefs: [certs]', 'dependencyRefs'],
    ['healthCheckSkip: true', 'healthCheckSkip'],
  ])('may not set { %s } of a component that is there', async (fields, field) => {
    const catalog = await catalogWith({ 'mixins/m.yaml': mixin(`{componentRefs: [{name: driver, ${fields}}]}`), 'overlays/a.yaml': user });

    expect(() => recipeOf({ service: 'acme' }, catalog)).toThrowError(
      expect.objectContaining({
        code: 'RECIPE_CONFLICT',
        message: expect.stringContaining(`mixin "m" sets "${field}" of component "driver"`),
      }),
    );
  });

  it('may not set a constraint that an overlay has', async () => {
    const catalog = await catalogWith({
      'mixins/m.yaml': mixin('{constraints: [{name: K8s.server.version, value: "1"}]}'),
      'overlays/a.yaml': user,
    });

    expect(() => recipeOf({ service: 'acme' }, catalog)).toThrowError(expect.objectContaining({ code: 'RECIPE_CONFLICT' }));
  });

  it('must exist', async () => {
    const catalog = await catalogWith({ 'overlays/a.yaml': user });

    expect(() => recipeOf({ service: 'acme' }, catalog)).toThrowError(
      expect.objectContaining({ code: 'RECIPE_NOT_FOUND', message: 'mixin "m" is not in the catalog' }),
    );
  });
});

describe('components that contradict themselves', () => {
  it.each([
    ['{name: c, type: Jsonnet}', 'component "c" has type "Jsonnet"; Helm and Kustomize exist'],
    ['{name: c, type: Helm}', 'component "c" has neither source, chart nor manifestFiles'],
    ['{name: c, type: Helm, source: s}', 'component "c" has a source but no version'],
    ['{name: c, type: Helm, chart: c, version: v1}', 'component "c" has a chart but no source'],
    ['{name: c, type: Helm, source: s, version: v}', 'component "c" has version "v", which deployers take for none'],
    ['{name: c, type: Helm, source: " s", version: v1}', 'component "c" has a source with surrounding space'],
    [
      '{name: c, type: Helm, source: s, version: v1, tag: t, path: p}',
      'component "c" is Helm and sets tag; component "c" is Helm and sets path',
    ],
    ['{name: c, type: Helm, source: s, version: v1, patches: [p]}', 'component "c" sets patches, which nothing applies'],
    [
      '{name: c, type: Kustomize, tag: t}',
      'component "c" is Kustomize and has no path; component "c" is Kustomize and has a tag but no source',
    ],
    ['{name: c, type: Kustomize, path: p, manifestFiles: [m]}', 'component "c" is Kustomize and sets manifestFiles'],
    ['{name: c, type: Helm, source: s, version: v1, dependencyRefs: [ghost]}', 'component "c" references unknown dependency "ghost"'],
  ])('%s', async (component, message) => {
    const catalog = await catalogWith({
      'overlays/a.yaml': overlayText('a', `{criteria: {service: acme}, componentRefs: [${component}]}`),
    });

    expect(() => recipeOf({ service: 'acme' }, catalog)).toThrowError(
      expect.objectContaining({ code: 'RECIPE_INVALID', message: expect.stringContaining(message) }),
    );
  });

  it('are not looked at when they are disabled by the boolean, and only by it', async () => {
    const overlay = (enabled: string): string =>
      overlayText('a', `{criteria: {service: acme}, componentRefs: [{name: c, type: Jsonnet, overrides: {enabled: ${enabled}}}]}`);
    const off = await catalogWith({ 'overlays/a.yaml': overlay('false') });
    const text = await catalogWith({ 'overlays/a.yaml': overlay('"false"') });

    expect(recipeOf({ service: 'acme' }, off).deploymentOrder).toEqual(['certs', 'driver']);
    expect(() => recipeOf({ service: 'acme' }, text)).toThrowError(expect.objectContaining({ code: 'RECIPE_INVALID' }));
  });

  it('or have a health check that is not there', async () => {
    const catalog = await catalogWith({
      'registry.yaml':
        'components: [{name: driver, healthCheck: {assertFile: checks/none.yaml}, helm: {defaultRepository: s, defaultVersion: v1}}, {name: certs, helm: {defaultRepository: s, defaultVersion: v1}}]\n',
    });

    expect(() => recipeOf({ service: 'eks' }, catalog)).toThrowError(expect.objectContaining({ code: 'RECIPE_NOT_FOUND' }));
  });
});

describe('resolving with a snapshot', () => {
  const older = parseSnapshot(
    'kind: Snapshot\nmeasurements: [{type: K8s, subtypes: [{subtype: server, data: {version: v1.31.0}}]}]\n',
    's',
  );

  it('keeps what the facts allow', () => {
    expect(recipeOf(LEAF, CATALOG, SNAPSHOT).metadata).toEqual({
      version: 'v1',
      appliedOverlays: ['base', 'h100-any', 'eks', 'h100-eks-ubuntu-training'],
    });
  });

  it('leaves out a leaf with its whole chain when its own constraint fails, and says so', () => {
    const recipe = recipeOf(LEAF, CATALOG, older);

    expect([recipe.metadata, recipeNotices(recipe, CATALOG).at(-1)]).toEqual([
      {
        version: 'v1',
        appliedOverlays: ['base', 'h100-any'],
        excludedOverlays: [{ name: 'h100-eks-ubuntu-training', reason: 'constraint-failed' }],
        constraintWarnings: [
          {
            overlay: 'h100-eks-ubuntu-training',
            constraint: 'K8s.server.version',
            expected: '>= 1.32.4',
            actual: 'v1.31.0',
            reason: 'expected >= 1.32.4, got v1.31.0',
          },
        ],
      },
      'overlay h100-eks-ubuntu-training and its whole chain are left out: K8s.server.version: expected >= 1.32.4, got v1.31.0',
    ]);
  });

  it("does not evaluate an ancestor's constraint", async () => {
    const catalog = await catalogWith({
      'overlays/a.yaml': overlayText('a', '{criteria: {service: acme}, constraints: [{name: K8s.server.version, value: ">= 9"}]}'),
      'overlays/b.yaml': overlayText('b', '{base: a, criteria: {service: acme, intent: training}}'),
    });

    expect(recipeOf({ service: 'acme', intent: 'training' }, catalog, SNAPSHOT).metadata.appliedOverlays).toEqual(['base', 'a', 'b']);
  });

  it("leaves out a leaf whose mixin's constraint fails, and none of its values stay behind", async () => {
    const catalog = await catalogWith({
      'mixins/rhel.yaml': 'kind: RecipeMixin\nmetadata: {name: rhel}\nspec: {constraints: [{name: OS.release.ID, value: rhel}]}\n',
      'overlays/x.yaml': overlayText(
        'x',
        '{criteria: {service: acme}, componentRefs: [{name: foo, type: Helm, source: s, version: v1, overrides: {a: 1}}]}',
      ),
      'overlays/y.yaml': overlayText(
        'y',
        '{criteria: {service: acme, intent: training}, mixins: [rhel], componentRefs: [{name: foo, overrides: {a: 2, b: 3}}]}',
      ),
    });
    const recipe = recipeOf({ service: 'acme', intent: 'training' }, catalog, SNAPSHOT);

    expect([recipe.componentRefs.find(({ name }) => name === 'foo')?.overrides, recipe.metadata]).toEqual([
      { a: 1 },
      {
        version: 'v1',
        appliedOverlays: ['base', 'x'],
        excludedOverlays: [{ name: 'y', reason: 'mixin-constraint-failed' }],
        constraintWarnings: [
          {
            overlay: 'y',
            constraint: 'OS.release.ID',
            expected: 'rhel',
            actual: 'ubuntu',
            reason: 'mixin-constraint-failed: expected rhel, got ubuntu',
          },
        ],
      },
    ]);
  });
});

describe('notices', () => {
  it('name a value that no overlay of the recipe is for', () => {
    const criteria = criteriaOf({ service: 'eks', accelerator: 'l40s' });

    expect(recipeNotices(resolveRecipe(CATALOG, criteria, { version: 'v1' }), CATALOG)).toEqual([
      'nothing in this recipe is specific to accelerator l40s: no overlay for it matches the other criteria',
    ]);
  });
});

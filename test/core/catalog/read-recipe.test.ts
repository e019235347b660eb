import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultRecipeVersion, readRecipeFile } from '#core/catalog/read-recipe.ts';
import { packageVersion } from '#core/version.ts';
import { CATALOG, overlayText, treeWith } from './tree-copy.ts';

const options = { catalogDir: CATALOG };

describe('a recipe file', () => {
  it('is taken as it is when it is resolved', async () => {
    const dir = treeWith({ 'r.yml': 'kind: RecipeResult\ncriteria: {service: eks}\n' });

    expect(await readRecipeFile(join(dir, 'r.yml'))).toEqual({
      kind: 'RecipeResult',
      apiVersion: '',
      metadata: {},
      criteria: { service: 'eks' },
      componentRefs: [],
      deploymentOrder: [],
    });
  });

  it('gets missing component types from the registry, and nothing else', async () => {
    const dir = treeWith({ 'r.yaml': 'componentRefs: [{name: tuning, path: p}, {name: certs, source: s, version: v}]\n' });
    const recipe = await readRecipeFile(join(dir, 'r.yaml'), options);

    expect(recipe.componentRefs).toEqual([
      { name: 'tuning', type: 'Kustomize', source: '', path: 'p' },
      { name: 'certs', type: 'Helm', source: 's', version: 'v' },
    ]);
  });

  it('is resolved through its criteria when it is an overlay', async () => {
    const recipe = await readRecipeFile(join(CATALOG, 'overlays/eks.yaml'), { ...options, version: 'dev' });

    expect([recipe.criteria, recipe.metadata]).toEqual([{ service: 'eks' }, { version: 'dev', appliedOverlays: ['base', 'eks'] }]);
  });

  it('carries the version of this tool when no other is given', async () => {
    const recipe = await readRecipeFile(join(CATALOG, 'overlays/eks.yaml'), options);

    expect([recipe.metadata.version, defaultRecipeVersion()]).toEqual([`v${packageVersion()}`, `v${packageVersion()}`]);
  });

  it('is read as JSON when its name says nothing', async () => {
    const dir = treeWith({ recipe: '{"kind": "RecipeResult"}' });

    expect((await readRecipeFile(join(dir, 'recipe'))).kind).toBe('RecipeResult');
  });
});

describe('a recipe file is refused', () => {
  it.each([
    ['r.yaml', 'a: [', 'YAML_INVALID'],
    ['r.json', 'a: 1', 'JSON_INVALID'],
    ['recipe', 'kind: RecipeResult', 'JSON_INVALID'],
    ['r.yaml', overlayText('x', '{base: eks}'), 'RECIPE_INVALID'],
    ['r.yaml', overlayText('x', '{criteria: {service: ../x}}'), 'RECIPE_INVALID'],
    ['r.yaml', 'componentRefs: [{name: unheard-of}]', 'RECIPE_INVALID'],
  ])('%s with %j: %s', async (name, text, code) => {
    const dir = treeWith({ [name]: text });

    await expect(readRecipeFile(join(dir, name), options)).rejects.toMatchObject({ code });
  });

  it('when there is none', async () => {
    await expect(readRecipeFile('nowhere.yaml')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('when it is a directory', async () => {
    await expect(readRecipeFile(treeWith({}))).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });

  it('when it has more than 10 MiB', async () => {
    const dir = treeWith({ 'r.yaml': `# ${'x'.repeat(10 * 1024 * 1024)}` });

    await expect(readRecipeFile(join(dir, 'r.yaml'))).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' });
  });
});

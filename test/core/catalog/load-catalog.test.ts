import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCatalog } from '#core/catalog/load-catalog.ts';
import { CATALOG, catalogCopy, LAYER, overlayText, treeWith } from './tree-copy.ts';

describe('a catalog', () => {
  it('has its overlays, mixins and components by name', async () => {
    const catalog = await loadCatalog({ catalogDir: CATALOG });

    expect({
      base: catalog.base.name,
      overlays: [...catalog.overlays.keys()],
      mixins: [...catalog.mixins.keys()],
      registry: [...catalog.registry.keys()],
      warnings: catalog.warnings,
    }).toEqual({
      base: 'base',
      overlays: ['eks', 'h100-any', 'h100-eks-ubuntu-training'],
      mixins: ['gang', 'os-ubuntu'],
      registry: ['certs', 'driver', 'scheduler', 'tuning'],
      warnings: [],
    });
  });

  it('is found beside the program when no directory is named', async () => {
    const catalog = await loadCatalog();

    expect(catalog.base.path).toBe('overlays/base.yaml');
  });

  it('gives texts of its own files only', async () => {
    const { files } = await loadCatalog({ catalogDir: CATALOG });

    expect([
      files.text('mixins/gang.yaml')?.split('\n')[0],
      files.text('nope.yaml'),
      files.text('../snapshot.yaml'),
      files.text('/etc/passwd'),
    ]).toEqual(['kind: RecipeMixin', undefined, undefined, undefined]);
  });

  it('ignores documents of other kinds, files that are no YAML, and folders that hold no overlays', async () => {
    const catalogDir = catalogCopy({
      'notes.md': '# notes',
      'validators/catalog.yaml': 'kind: ValidatorCatalog\nvalidators: []\n',
      'evidence/x/pointer.yaml': 'schemaVersion: 1.0.0\n',
      'other.yaml': 'kind: ImageList\n',
    });

    expect([...(await loadCatalog({ catalogDir })).overlays.keys()]).toEqual(['eks', 'h100-any', 'h100-eks-ubuntu-training']);
  });
});

describe('a directory laid over the catalog', () => {
  it('hides files of the same path, adds others and merges the registry by component', async () => {
    const catalog = await loadCatalog({ catalogDir: CATALOG, dataDir: LAYER });

    expect({
      origins: [...catalog.overlays.values()].map(({ name, origin }) => [name, origin]),
      registry: [...catalog.registry.values()].map(({ name, helm }) => [name, helm.version]),
      eks: catalog.overlays.get('eks')?.componentRefs.map(({ name }) => name),
    }).toEqual({
      origins: [
        ['acme', 'external'],
        ['eks', 'external'],
        ['h100-any', 'embedded'],
        ['h100-eks-ubuntu-training', 'embedded'],
      ],
      registry: [
        ['certs', '1.11'],
        ['driver', 'v2.0.1'],
        ['scheduler', '0.9.0'],
        ['tuning', undefined],
        ['extra', '1.0.0'],
      ],
      eks: ['extra'],
    });
  });

  it('warns when an overlay of the same name in another file hides nothing', async () => {
    const dataDir = treeWith({
      'registry.yaml': 'components: []\n',
      'overlays/mine.yaml': overlayText('eks', '{criteria: {service: eks}, mixins: [x]}'),
    });
    const catalog = await loadCatalog({ catalogDir: CATALOG, dataDir });

    expect([catalog.overlays.get('eks')?.mixins, catalog.warnings]).toEqual([
      [],
      ['overlay "eks" of external overlays/mine.yaml is replaced by embedded overlays/eks.yaml'],
    ]);
  });

  it('needs a registry of its own', async () => {
    const dataDir = treeWith({ 'overlays/a.yaml': overlayText('a', '{}') });

    await expect(loadCatalog({ catalogDir: CATALOG, dataDir })).rejects.toMatchObject({ code: 'CATALOG_INVALID' });
  });
});

describe('what is no catalog', () => {
  it('is a directory that does not exist', async () => {
    await expect(loadCatalog({ catalogDir: 'test/fixture/recipe/nope' })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('is a directory without registry', async () => {
    const catalogDir = catalogCopy();
    rmSync(join(catalogDir, 'registry.yaml'));

    await expect(loadCatalog({ catalogDir })).rejects.toMatchObject({ code: 'CATALOG_INVALID' });
  });

  it('is a directory without base', async () => {
    const catalogDir = catalogCopy();
    rmSync(join(catalogDir, 'overlays/base.yaml'));

    await expect(loadCatalog({ catalogDir })).rejects.toMatchObject({
      code: 'CATALOG_INVALID',
      message: 'the catalog has no overlays/base.yaml',
    });
  });

  it.each([
    ['file', 'overlays/link.yaml', '/etc/hostname'],
    ['file inside the tree', 'overlays/link.yaml', 'eks.yaml'],
    ['directory', 'more', '/etc'],
    ['dangling', 'components/x.yaml', 'nowhere'],
  ])('has a symbolic link: %s', async (_, path, target) => {
    const catalogDir = catalogCopy();
    symlinkSync(target, join(catalogDir, path));

    await expect(loadCatalog({ catalogDir })).rejects.toMatchObject({ code: 'CATALOG_INVALID', details: { path: join(catalogDir, path) } });
  });

  it('has a file that became a link after it was listed', async () => {
    const catalogDir = catalogCopy();
    const { files } = await loadCatalog({ catalogDir });
    const path = join(catalogDir, 'components/driver/values.yaml');
    rmSync(path);
    symlinkSync('/etc/hostname', path);

    expect(() => files.text('components/driver/values.yaml')).toThrowError(expect.objectContaining({ code: 'CATALOG_INVALID' }));
  });

  it('has a file over 10 MiB', async () => {
    const catalogDir = catalogCopy();
    writeFileSync(join(catalogDir, 'overlays/big.yaml'), '');
    truncateSync(join(catalogDir, 'overlays/big.yaml'), 10 * 1024 * 1024 + 1);

    await expect(loadCatalog({ catalogDir })).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' });
  });

  it('has more levels of folders than any catalog', async () => {
    const catalogDir = catalogCopy();
    mkdirSync(join(catalogDir, 'd/'.repeat(33)), { recursive: true });

    await expect(loadCatalog({ catalogDir })).rejects.toMatchObject({ code: 'CATALOG_INVALID' });
  });

  it('has bytes that are no text', async () => {
    const catalogDir = catalogCopy();
    writeFileSync(join(catalogDir, 'overlays/eks.yaml'), Uint8Array.of(0xff, 0xfe));

    await expect(loadCatalog({ catalogDir })).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});

describe('files that spoil a catalog', () => {
  it.each([
    [
      'an overlay without name',
      'overlays/x.yaml',
      'kind: RecipeMetadata\nspec: {}\n',
      'RECIPE_INVALID',
      'overlays/x.yaml: metadata.name: a name is missing',
    ],
    [
      'an overlay with a climbing name',
      'overlays/x.yaml',
      overlayText('../x', '{}'),
      'RECIPE_INVALID',
      'overlays/x.yaml: metadata.name: "../x" is not a name',
    ],
    ['a document of no kind', 'x.yaml', 'a: 1\n', 'RECIPE_INVALID', 'x.yaml: metadata.name: a name is missing'],
    [
      'a duplicate key',
      'overlays/x.yaml',
      'kind: RecipeMetadata\nkind: RecipeMetadata\n',
      'YAML_INVALID',
      'overlays/x.yaml:2:1: the key "kind" appears twice in one mapping',
    ],
    [
      'a mixin of another kind',
      'mixins/x.yaml',
      'kind: RecipeMetadata\n',
      'RECIPE_INVALID',
      'mixins/x.yaml: kind: "RecipeMetadata" is not RecipeMixin',
    ],
    [
      'an unknown key of a mixin',
      'mixins/x.yaml',
      'kind: RecipeMixin\nmetadata: {name: x}\nspec: {validation: {}}\n',
      'RECIPE_INVALID',
      'mixins/x.yaml: spec.validation: unknown key; allowed here: constraints, componentRefs',
    ],
    [
      "an unknown key of a mixin's constraint",
      'mixins/x.yaml',
      'kind: RecipeMixin\nmetadata: {name: x}\nspec: {constraints: [{name: a, value: b, note: c}]}\n',
      'RECIPE_INVALID',
      'mixins/x.yaml: spec.constraints[0].note: unknown key; allowed here: name, value, severity, remediation, unit',
    ],
    [
      'a mixin name twice',
      'mixins/x.yaml',
      'kind: RecipeMixin\nmetadata: {name: gang}\n',
      'CATALOG_INVALID',
      'mixin "gang" is in mixins/gang.yaml and in mixins/x.yaml',
    ],
    [
      'a component twice in the registry',
      'registry.yaml',
      'components: [{name: a}, {name: a}]\n',
      'CATALOG_INVALID',
      'registry.yaml: components[1]: component "a" appears twice',
    ],
    [
      'a registry of another kind',
      'registry.yaml',
      'kind: Snapshot\n',
      'CATALOG_INVALID',
      'registry.yaml: kind: "Snapshot" is not ComponentRegistry',
    ],
    [
      'a health check above the catalog',
      'registry.yaml',
      'components: [{name: a, healthCheck: {assertFile: ../../x}}]\n',
      'CATALOG_INVALID',
      'registry.yaml: components[0].healthCheck.assertFile: "../../x" leaves the catalog',
    ],
    [
      'a base that depends on what is not there',
      'overlays/base.yaml',
      overlayText('base', '{componentRefs: [{name: a, dependencyRefs: [b]}]}'),
      'RECIPE_INVALID',
      'component "a" references unknown dependency "b"',
    ],
    [
      'a base that depends on itself',
      'overlays/base.yaml',
      overlayText('base', '{componentRefs: [{name: a, dependencyRefs: [b]}, {name: b, dependencyRefs: [a]}]}'),
      'RECIPE_CYCLE',
      'components depend on each other in a circle: a -> b -> a',
    ],
  ])('%s', async (...[, path, text, code, message]) => {
    await expect(loadCatalog({ catalogDir: catalogCopy({ [path]: text }) })).rejects.toMatchObject({ code, message });
  });
});

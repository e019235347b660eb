import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCatalog } from '#core/catalog/load-catalog.ts';
import { readRecipeFile } from '#core/catalog/read-recipe.ts';
import { canonicalJson } from '#core/digest/canonical-json.ts';
import { bareHex, sha256Hex } from '#core/digest/sha256.ts';
import { parseRecipe } from '#core/recipe/parse-recipe.ts';
import { recipeYaml } from '#core/recipe/canonical-recipe.ts';
import type { CriteriaInput } from '#core/recipe/criteria.ts';
import { materialSlice, materialSliceDigest } from '#core/recipe/material-slice.ts';
import { catalogCopy } from '../catalog/tree-copy.ts';
import { CATALOG, LEAF, recipeOf } from './fixture-catalog.ts';

const PAGE = readFileSync('docs/reference/material-slice.md', 'utf8');

const fixture = (path: string): string => readFileSync(join('test/fixture/recipe/catalog', path), 'utf8');
const digestIn = async (files: Readonly<Record<string, string>>): Promise<string> => {
  const catalog = await loadCatalog({ catalogDir: catalogCopy(files) });
  return bareHex(materialSliceDigest(recipeOf(LEAF, catalog), catalog));
};
const edited = (path: string, from: string | RegExp, to: string): Promise<string> => {
  const text = fixture(path);
  expect(text).toMatch(from);
  return digestIn({ [path]: text.replace(from, to) });
};

describe('the vectors of the reference page', () => {
  const vectors = [...PAGE.matchAll(/^`(?<flags>--[^`]*)`: `(?<digest>[0-9a-f]{64})`\n\n```json\n(?<slice>.*)\n```$/gm)].map(
    ({ groups }) => groups as Record<string, string>,
  );

  it('are two', () => {
    expect(vectors).toHaveLength(2);
  });

  it.each(vectors)('$flags: the digest is that of the line', ({ slice = '', digest }) => {
    expect(sha256Hex(slice)).toBe(digest);
  });

  it.each(vectors)('$flags: the line is what this program computes', ({ flags = '', slice }) => {
    const input = Object.fromEntries([...flags.matchAll(/--(\w+) (\w+)/g)].map(([, name = '', value]) => [name, value])) as CriteriaInput;

    expect(canonicalJson(materialSlice(recipeOf(input), CATALOG))).toBe(slice);
  });
});

describe('the digest does not depend on', () => {
  const expected = bareHex(materialSliceDigest(recipeOf(LEAF), CATALOG));

  it('the version of the tool, and on the way from overlay file, flags or recipe file', async () => {
    const path = 'test/fixture/recipe/catalog/overlays/h100-eks-ubuntu-training.yaml';
    const overlay = await readRecipeFile(path, { catalogDir: 'test/fixture/recipe/catalog', version: 'v99' });
    const file = parseRecipe(recipeYaml(recipeOf(LEAF)), 'r.yaml');

    expect([overlay, file].map((recipe) => bareHex(materialSliceDigest(recipe, CATALOG)))).toEqual([expected, expected]);
  });

  it.each([
    ['a comment in a values file', 'components/driver/values.yaml', '# Values every', '# Some'],
    ['a trailing comment', 'components/driver/values.yaml', '# raised', '# lowered'],
    ['key order and flow style', 'components/driver/values-eks.yaml', /^[^]*$/, 'probe: null\noperator: {replicas: 2}\n'],
    ['a comment in a manifest', 'components/driver/manifests/params.yaml', '# Kernel', '# Some kernel'],
    ['a comment in a health check', 'checks/driver/health-check.yaml', '# The driver', '# A driver'],
    ['a comment in an overlay', 'overlays/eks.yaml', 'spec:', 'spec: # what it adds'],
    ['a description in an overlay', 'overlays/eks.yaml', 'spec:', 'spec:\n  description: EKS'],
    ['a display name', 'registry.yaml', 'Accelerator driver', 'Driver'],
    ['a description in the registry', 'registry.yaml', 'displayName: Certificates', 'description: Issues certificates'],
    ['advice on a constraint', 'overlays/h100-eks-ubuntu-training.yaml', 'value: ">= 1.32.4"', 'value: ">= 1.32.4", remediation: upgrade'],
    ['the order of checks', 'overlays/h100-eks-ubuntu-training.yaml', '[node-tools, operator-health]', '[operator-health, node-tools]'],
    ['a value that an override replaces', 'components/driver/values.yaml', 'version: 570.0.0', 'version: 569.0.0'],
  ])('%s', async (...[, path, from, to]) => {
    expect(await edited(path, from, to)).toBe(expected);
  });

  it('the Unicode form of a text', async () => {
    const composed = await edited('components/driver/values-eks.yaml', 'replicas: 2', 'label: \u00e9');
    const decomposed = await edited('components/driver/values-eks.yaml', 'replicas: 2', 'label: e\u0301');

    expect(composed).toBe(decomposed);
  });
});

describe('the digest depends on', () => {
  const original = bareHex(materialSliceDigest(recipeOf(LEAF), CATALOG));

  it.each([
    ['an image digest in a values file', 'components/driver/values.yaml', '0000001', '0000002'],
    ['a value', 'components/driver/values-eks.yaml', 'replicas: 2', 'replicas: 3'],
    ['the type of a value', 'components/driver/values-eks.yaml', 'replicas: 2', 'replicas: "2"'],
    ['a line of a manifest', 'components/driver/manifests/params.yaml', 'fabric=1', 'fabric=0'],
    ['a line of a manifest that only looks like a comment', 'components/driver/manifests/params.yaml', 'content, not', 'content and not'],
    ['a health check', 'checks/driver/health-check.yaml', '> `0`', '> `1`'],
    ['a chart version', 'registry.yaml', 'v2.0.1', 'v2.0.2'],
    ['a repository', 'registry.yaml', 'oci://registry', 'oci://mirror'],
    ['where node selectors go', 'registry.yaml', 'operator.nodeSelector', 'nodeSelector'],
    ['an override', 'overlays/h100-any.yaml', '570.1.2', '570.1.3'],
    ['a constraint', 'overlays/h100-eks-ubuntu-training.yaml', '1.32.4', '1.32.5'],
    ['a constraint of a mixin', 'mixins/os-ubuntu.yaml', '24.04', '26.04'],
    ['a threshold', 'overlays/h100-eks-ubuntu-training.yaml', '>= 300', '>= 301'],
    ['a check', 'overlays/h100-eks-ubuntu-training.yaml', 'all-reduce]', 'all-gather]'],
    ['node selection', 'overlays/h100-eks-ubuntu-training.yaml', 'maxNodes: 2', 'maxNodes: 3'],
    ['a maintainer', 'overlays/h100-any.yaml', 'hopper@', 'ada@'],
  ])('%s', async (...[, path, from, to]) => {
    expect(await edited(path, from, to)).not.toBe(original);
  });
});

describe('a template that is no YAML', () => {
  const manifest = 'components/driver/manifests/params.yaml';
  const template =
    '# licence\n{{- if .Values.on }}\nkind: ConfigMap\ndata:\n  # why\n  a.conf: |\n    # kept\n\n    image: x:1\n{{- end }}\n';

  it('counts without its comment lines, blank lines and trailing spaces', async () => {
    const bare = await digestIn({
      [manifest]: '{{- if .Values.on }}\nkind: ConfigMap   \ndata:\n\n  a.conf: |\n    # kept\n\n    image: x:1\n{{- end }}\n',
    });

    expect(await digestIn({ [manifest]: template })).toBe(bare);
  });

  it.each([
    ['an image', 'x:1', 'x:2'],
    ['a comment line inside a block text', '# kept', '# changed'],
    ['a condition', '.on', '.off'],
  ])('changes with %s', async (_, from, to) => {
    expect(await digestIn({ [manifest]: template.replace(from, to) })).not.toBe(await digestIn({ [manifest]: template }));
  });
});

describe('a catalog that is not the one of the recipe', () => {
  it.each([
    ['lacks an overlay', { metadata: { appliedOverlays: ['base', 'ghost'] } }],
    ['lacks a manifest', { componentRefs: [{ name: 'driver', type: 'Helm', source: '', manifestFiles: ['components/none.yaml'] }] }],
    ['lacks a values file', { componentRefs: [{ name: 'driver', type: 'Helm', source: '', valuesFile: 'components/none.yaml' }] }],
  ])('%s', (_, change) => {
    expect(() => materialSlice({ ...recipeOf(LEAF), ...change }, CATALOG)).toThrowError(
      expect.objectContaining({ code: 'RECIPE_NOT_FOUND' }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { recipeDigest } from '#core/digest/recipe-digest.ts';
import { bareHex } from '#core/digest/sha256.ts';
import { canonicalRecipe, recipeYaml } from '#core/recipe/canonical-recipe.ts';
import { recipeName } from '#core/recipe/document.ts';
import { parseRecipe } from '#core/recipe/parse-recipe.ts';

const digestOf = (text: string, name = 'recipe.yaml'): string => bareHex(canonicalRecipe(parseRecipe(text, name)).digest);
const textOf = (text: string, name = 'recipe.yaml'): string => Buffer.from(canonicalRecipe(parseRecipe(text, name)).bytes).toString();

const MINIMAL = `
os: ignored
criteria: {os: ubuntu, intent: training,
  accelerator: h100, service: eks}   # a comment
kind: RecipeResult
apiVersion: "aicr.run/v1alpha2"
`;

const FROM_JSON = JSON.stringify({
  apiVersion: 'aicr.run/v1alpha2',
  kind: 'RecipeResult',
  metadata: { version: 'v0.14.0' },
  criteria: { service: 'gke', accelerator: 'h100', os: 'cos', intent: 'training', platform: 'kubeflow' },
  validation: {
    performance: { timeout: '10m' },
    deployment: { constraints: [{ value: '>= v1.0', name: 'Deployment.b.version' }], checks: ['operator-health'] },
  },
  componentRefs: [
    {
      name: 'b',
      chart: 'b',
      type: 'Helm',
      version: '1.0',
      source: 'oci://example.test/charts',
      overrides: { n: 3, f: 1.5, s: '1.0', l: [{ z: 1, a: 2 }] },
    },
  ],
  deploymentOrder: ['b'],
});

const RICH = `
kind: RecipeResult
apiVersion: aicr.run/v1alpha2
metadata: {appliedOverlays: [base, eks], version: v0.14.0}
criteria: {nodes: 4, platform: any, intent: inference, os: ubuntu, accelerator: h100, service: eks}
constraints:
  - {name: K8s.server.version, value: '>= 1.32.4'}
  - {name: OS.release.VERSION_ID, severity: error, value: "24.04"}
componentRefs:
  - name: gpu-operator
    chart: gpu-operator
    type: Helm
    source: https://charts.example/nvidia
    version: v25.10.1
    dependencyRefs: [cert-manager]
    overrides:
      tail: "no final newline\\nhere"
      script: |
        set -e
        echo "hi"
      nested: [[1, two], {a: [], b: null}]
      args: [--log=info, "- x", 'a: b', "{{ .Values.x }}", '12:30', '2026-01-02', '']
      "n": 'off'
      driver: {mode: 0644, ratio: 1.5, big: 12_000_000, whole: 2., enabled: on, version: '580'}
deploymentOrder: [gpu-operator]
`;

const RICH_TEXT = `apiVersion: aicr.run/v1alpha2
componentRefs:
    - chart: gpu-operator
      dependencyRefs:
        - cert-manager
      name: gpu-operator
      overrides:
        args:
            - --log=info
            - '- x'
            - 'a: b'
            - '{{ .Values.x }}'
            - "12:30"
            - "2026-01-02"
            - ""
        driver:
            big: 12000000
            enabled: "on"
            mode: 420
            ratio: 1.5
            version: "580"
            whole: 2
        "n": "off"
        nested:
            - - 1
              - two
            - a: []
              b: null
        script: |
            set -e
            echo "hi"
        tail: |-
            no final newline
            here
      source: https://charts.example/nvidia
      type: Helm
      version: v25.10.1
constraints:
    - name: K8s.server.version
      value: '>= 1.32.4'
    - name: OS.release.VERSION_ID
      severity: error
      value: "24.04"
criteria:
    accelerator: h100
    intent: inference
    nodes: 4
    os: ubuntu
    platform: any
    service: eks
deploymentOrder:
    - gpu-operator
kind: RecipeResult
metadata:
    appliedOverlays:
        - base
        - eks
    version: v0.14.0
`;

describe('digests that the upstream tool gives', () => {
  it.each([
    ['a minimal recipe', MINIMAL, 'recipe.yaml', '567adeb0ae81fae7136f6a7dcf3df61fd5f5e36466878014017cf90cc62dee66'],
    ['a recipe from JSON', FROM_JSON, 'recipe.json', 'ace45f82ec65bf7e80a9359a9c2d596cfc7ddf67f2c8633b44771b16d36bca30'],
    ['a recipe with every kind of scalar', RICH, 'recipe.yaml', '3f67bea1fdc8b7eb235001f4e57ebc43f638c2cf9df3ae5eff3751588190dbb3'],
  ])('%s', (_, text, name, digest) => {
    expect(digestOf(text, name)).toBe(digest);
  });

  it.each([
    ['json', '1a9358d7ad357c224623ffa03f454a9a6b6f8c42b9105744b00f103854bc17ec'],
    ['yaml', '101c23615f7a04ccbbb3d0e9819f0ef6dccae4e9a506dcb2a87d8d0840b55e00'],
  ])('numbers of one and the same document read as %s', (suffix, digest) => {
    const document = {
      kind: 'RecipeResult',
      criteria: { service: 'eks' },
      componentRefs: [
        {
          name: 'b',
          type: 'Helm',
          source: 'oci://e.test/c',
          chart: 'b',
          version: '1.0',
          overrides: { n: 2000000, id: 12345678, x: 100000 },
        },
      ],
    };

    expect(digestOf(JSON.stringify(document), `recipe.${suffix}`)).toBe(digest);
  });

  it.each([
    ['a minimal recipe', MINIMAL, '567adeb0ae81fae7136f6a7dcf3df61fd5f5e36466878014017cf90cc62dee66'],
    ['a recipe whose metadata is only a version', FROM_JSON, 'd9b6a85cc280ea99eec7251d3a3dad0e50405d9c132ac312740fcb644aacf2cd'],
    ['a recipe with more metadata', RICH, '4bbf88eadc8649aa666de70d0b592130bf06c18921a2993a579a991a421eb16a'],
  ])('%s without the tool version, as the third predicate version has it', (_, text, digest) => {
    const recipe = parseRecipe(text, text.startsWith('{') ? 'r.json' : 'r.yaml');

    expect([bareHex(recipeDigest(recipe, 3)), bareHex(recipeDigest(recipe, 1)) === digest]).toEqual([digest, text === MINIMAL]);
  });
});

describe('canonical text', () => {
  it('has sorted keys, four columns and the quoting of the upstream emitter', () => {
    expect(textOf(RICH)).toBe(RICH_TEXT);
  });

  it('is a fixed point', () => {
    expect(textOf(textOf(RICH))).toBe(RICH_TEXT);
  });

  it('does not depend on the indent that it was read with', () => {
    expect(digestOf(recipeYaml(parseRecipe(RICH, 'r.yaml')))).toBe(digestOf(RICH));
  });

  it('keeps the spelling of unquoted versions', () => {
    expect(textOf('componentRefs: [{name: a, type: Helm, source: s, version: 1.10, tag: 010}]')).toContain(
      '      tag: "010"\n      type: Helm\n      version: "1.10"\n',
    );
  });

  it('has null for absent criteria and writes every required field', () => {
    expect(textOf('{}')).toBe('apiVersion: ""\ncomponentRefs: []\ncriteria: null\ndeploymentOrder: []\nkind: ""\nmetadata: {}\n');
  });

  it('writes a phase and a node selection that say nothing as empty mappings', () => {
    expect(textOf('validation: {readiness: {checks: []}, deployment: {nodeSelection: {unknown: 1}}}')).toContain(
      'validation:\n    deployment:\n        nodeSelection: {}\n    readiness: {}\n',
    );
  });

  it('reads excluded overlays in the old form', () => {
    expect(textOf('metadata: {excludedOverlays: [a, {name: b, reason: r}]}')).toContain(
      '    excludedOverlays:\n        - name: a\n        - name: b\n          reason: r\n',
    );
  });

  it.each([
    ['comments and key order', 'kind: RecipeResult\ncriteria: {a: 1}\n', '# x\ncriteria: {}\nkind: RecipeResult\n'],
    [
      'empty optional fields',
      'componentRefs: [{name: a, type: Helm}]',
      'componentRefs: [{name: a, type: helm, source: "", overrides: {}, cleanup: false, patches: []}]',
    ],
  ])('does not depend on %s', (_, left, right) => {
    expect(textOf(left)).toBe(textOf(right));
  });
});

describe('documents that are no recipe', () => {
  it.each([
    ['another kind', 'kind: Snapshot', 'kind: "Snapshot" is not RecipeResult'],
    ['an overlay', 'kind: RecipeMetadata', 'kind: "RecipeMetadata" is not RecipeResult'],
    ['the old group', 'apiVersion: aicr.nvidia.com/v1alpha1', 'apiVersion: "aicr.nvidia.com/v1alpha1" is not aicr.run/v1alpha2'],
    ['a list', '[]', 'document: expected a mapping, found a list'],
    ['a list of texts for components', 'componentRefs: [a]', 'componentRefs[0]: expected a mapping, found the text "a"'],
    ['a mapping for a text', 'componentRefs: [{name: {a: 1}}]', 'componentRefs[0].name: expected text, found a mapping'],
    ['a number of nodes that is none', 'criteria: {nodes: 1.5}', 'criteria.nodes: expected a whole number, found 1.5'],
    ['a number in quotes', 'criteria: {nodes: "4"}', 'criteria.nodes: expected a whole number, found the text "4"'],
    [
      'a text for a flag',
      'componentRefs: [{name: a, type: Helm, cleanup: maybe}]',
      'componentRefs[0].cleanup: expected true or false, found the text "maybe"',
    ],
    ['a component without name', 'componentRefs: [{type: Helm}]', 'componentRefs[0].name: a name is missing'],
    ['a component with a climbing name', 'componentRefs: [{name: ../../x}]', 'componentRefs[0].name: "../../x" is not a name'],
    [
      'a component that appears twice',
      'componentRefs: [{name: a, type: Helm}, {name: a, type: Helm}]',
      'componentRefs: component "a" appears twice',
    ],
    [
      'a component of unknown type',
      'componentRefs: [{name: a, type: Jsonnet}]',
      'componentRefs: component "a" has type "Jsonnet"; Helm and Kustomize exist',
    ],
    ['a component without type', 'componentRefs: [{name: a}]', 'componentRefs: component "a" has type ""; Helm and Kustomize exist'],
    [
      'a chart without version',
      'componentRefs: [{name: a, type: Helm, source: s}]',
      'componentRefs: component "a" is a Helm chart without version',
    ],
    [
      'the reserved name',
      'componentRefs: [{name: deployer, type: Helm}]',
      'componentRefs: component "deployer" has a name that is reserved for deployer options',
    ],
    [
      'a values file above the catalog',
      'componentRefs: [{name: a, valuesFile: a/../../b}]',
      'componentRefs[0].valuesFile: "a/../../b" leaves the catalog',
    ],
    [
      'an absolute manifest',
      'componentRefs: [{name: a, manifestFiles: [/etc/passwd]}]',
      'componentRefs[0].manifestFiles[0]: "/etc/passwd" leaves the catalog',
    ],
    ['criteria that would climb', 'criteria: {service: "../x"}', 'criteria.service: "../x" is not a name'],
  ])('%s', (_, text, message) => {
    expect(() => parseRecipe(text, 'r.yaml')).toThrowError(
      expect.objectContaining({ code: 'RECIPE_INVALID', message: `r.yaml: ${message}` }),
    );
  });

  it('refuses a number where JSON should have text', () => {
    expect(() => parseRecipe('{"componentRefs": [{"name": "a", "type": "Helm", "source": "s", "version": 1.0}]}', 'r.json')).toThrowError(
      expect.objectContaining({
        code: 'RECIPE_INVALID',
        message: 'r.json: componentRefs[0].version: expected text, found a JSON number or boolean',
      }),
    );
  });
});

describe('recipe name', () => {
  it.each([
    [{ service: 'eks', accelerator: 'h100', os: 'ubuntu', intent: 'training', platform: 'any' }, 'h100-eks-ubuntu-training'],
    [
      { service: 'gke', accelerator: 'h100', os: 'cos', intent: 'training', platform: 'kubeflow', nodes: 4 },
      'h100-gke-cos-training-kubeflow',
    ],
    [{ service: 'any', os: '' }, 'recipe'],
    [{}, 'recipe'],
  ])('%j is called %s', (criteria, name) => {
    expect(recipeName(criteria)).toBe(name);
  });

  it('refuses a recipe without criteria', () => {
    expect(() => recipeName(null)).toThrowError(expect.objectContaining({ code: 'RECIPE_INVALID' }));
  });
});

import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import {
  CATALOG,
  catalogPaths,
  exemptions,
  imageList,
  leafTable,
  leaves,
  mixins,
  overlays,
  readText,
  readYaml,
  registry,
} from './recipe-tree.ts';
import type { ComponentRef, Layer, ListedImage, Mapping } from './recipe-tree.ts';

const EXACT_VERSION = /^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
const ACCELERATORS = ['h100', 'h200', 'b200', 'gb200', 'mi300'];
const INTENTS = ['training', 'inference'];
const SERVICES = ['aks', 'coreweave', 'eks', 'gke', 'kind', 'oke', 'onprem'];
/** CoreWeave and GKE offer no AMD boards, and their GPU stack is not ours to replace. */
const WITHOUT_AMD = new Set(['coreweave', 'gke']);

const schemaOf: readonly (readonly [pattern: string, schema: string])[] = [
  ['overlays/*.yaml', 'overlay'],
  ['mixins/*.yaml', 'mixin'],
  ['registry.yaml', 'registry'],
  ['validators/catalog.yaml', 'validator-catalog'],
  ['host/*.yaml', 'recipe'],
  ['images.yaml', 'images'],
  ['exemptions.yaml', 'exemptions'],
];

function compileSchemas(): Ajv2020 {
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true, strictRequired: false });
  formats.default(ajv);
  for (const path of catalogPaths('schema/*.schema.json')) ajv.addSchema(JSON.parse(readText(path)) as object, basename(path));
  return ajv;
}

function refsOf(layers: readonly Layer[]): readonly (ComponentRef & { readonly layer: string })[] {
  return layers.flatMap(({ path, spec }) => (spec.componentRefs ?? []).map((ref) => ({ ...ref, layer: path })));
}

function listedImages(): readonly ListedImage[] {
  const { components, validators } = imageList();
  return [...components.flatMap(({ images }) => images ?? []), ...validators];
}

function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}

function tagOf(image: string): string {
  return image.slice(image.lastIndexOf(':') + 1);
}

function nameOf(image: string): string {
  return image.slice(0, image.lastIndexOf(':'));
}

const schemas = compileSchemas();

describe('files', () => {
  test.each(schemaOf.flatMap(([pattern, schema]) => catalogPaths(pattern).map((path) => [path, schema] as const)))(
    '%s follows the %s schema',
    (path, schema) => {
      expect(schemas.validate(`${schema}.schema.json`, readYaml(path)), schemas.errorsText()).toBe(true);
    },
  );

  test.each([
    [
      'a key that no layer has',
      'overlay',
      { kind: 'RecipeMetadata', apiVersion: 'aicr.run/v1alpha2', metadata: { name: 'x' }, spec: { componentrefs: [] } },
    ],
    [
      'an overlay of the old API group',
      'overlay',
      { kind: 'RecipeMetadata', apiVersion: 'aicr.nvidia.com/v1alpha1', metadata: { name: 'x' }, spec: {} },
    ],
    [
      'a validation in a mixin',
      'mixin',
      { kind: 'RecipeMixin', apiVersion: 'aicr.run/v1alpha2', metadata: { name: 'x' }, spec: { validation: {} } },
    ],
    [
      'a path that leaves the catalog',
      'mixin',
      {
        kind: 'RecipeMixin',
        apiVersion: 'aicr.run/v1alpha2',
        metadata: { name: 'x' },
        spec: { componentRefs: [{ name: 'y', valuesFile: 'components/../../x.yaml' }] },
      },
    ],
    [
      'a version range',
      'registry',
      {
        kind: 'ComponentRegistry',
        apiVersion: 'aicr.run/v1alpha2',
        components: [{ name: 'x', displayName: 'X', helm: { defaultRepository: 'https://x.invalid', defaultVersion: '^1.2.0' } }],
      },
    ],
    [
      'a chart over plain HTTP',
      'registry',
      {
        kind: 'ComponentRegistry',
        apiVersion: 'aicr.run/v1alpha2',
        components: [{ name: 'x', displayName: 'X', helm: { defaultRepository: 'http://x.invalid', defaultVersion: '1.2.0' } }],
      },
    ],
    [
      'an image with neither digest nor exemption',
      'images',
      {
        kind: 'ImageList',
        apiVersion: 'assay/v1alpha1',
        validators: [],
        components: [{ component: 'x', images: [{ image: 'x:1', usedIn: 'a.yaml' }] }],
      },
    ],
    [
      'an exemption with a short reason',
      'exemptions',
      {
        kind: 'ExemptionList',
        apiVersion: 'assay/v1alpha1',
        exemptions: [
          { id: 'x', scope: 'image-digest', match: 'x', reason: 'later', owner: 'x', since: '2026-01-01', expires: '2026-02-01' },
        ],
      },
    ],
    ['criteria in upper case', 'criteria', { service: 'EKS' }],
  ])('%s is refused by the %s schema', (_what, schema, document) => {
    expect(schemas.validate(`${schema}.schema.json`, document)).toBe(false);
  });

  test('every schema is named by the first line of the files it is for', () => {
    const named = schemaOf.flatMap(([pattern, schema]) =>
      catalogPaths(pattern).map((path) => [path, readText(path).split('\n', 1)[0], schema] as const),
    );
    const depth = (path: string): string => '../'.repeat(path.split('/').length - 1);
    expect(named.map(([path, line]) => [path, line])).toEqual(
      named.map(([path, , schema]) => [path, `# yaml-language-server: $schema=${depth(path)}schema/${schema}.schema.json`]),
    );
  });

  test('an overlay or mixin is stored under its name', () => {
    const layers = [...overlays(), ...mixins()];
    expect(layers.map(({ metadata }) => metadata.name)).toEqual(layers.map(({ path }) => basename(path, '.yaml')));
  });

  test('every file that a layer or the registry names exists', () => {
    const named = [
      ...refsOf([...overlays(), ...mixins()]).flatMap(({ valuesFile, manifestFiles = [], preManifestFiles = [] }) => [
        ...(valuesFile === undefined ? [] : [valuesFile]),
        ...manifestFiles,
        ...preManifestFiles,
      ]),
      ...registry().flatMap(({ healthCheck }) => healthCheck?.assertFile ?? []),
      ...listedImages().map(({ usedIn }) => usedIn),
    ];
    expect(named.filter((path) => !existsSync(`${CATALOG}/${path}`))).toEqual([]);
  });

  test('every values file, manifest, health check and mixin is named by something', () => {
    const layers = [...overlays(), ...mixins()];
    const text = [...layers.map(({ path }) => readText(path)), readText('registry.yaml')].join('\n');
    const files = [
      ...catalogPaths('components/*/manifests/*'),
      ...catalogPaths('components/*/values*.yaml'),
      ...catalogPaths('checks/*/*'),
    ];
    const used = new Set(layers.flatMap(({ spec }) => spec.mixins ?? []));
    expect([
      ...files.filter((path) => !text.includes(path)),
      ...mixins()
        .map(({ metadata }) => metadata.name)
        .filter((name) => !used.has(name)),
    ]).toEqual([]);
  });
});

interface HealthCheck {
  readonly kind: string;
  readonly spec: { readonly steps: readonly { readonly try: readonly Readonly<Record<string, { readonly resource: Mapping }>>[] }[] };
}

describe('health checks', () => {
  test.each(catalogPaths('checks/*/health-check.yaml'))('%s keeps to assert and error, and asserts that something exists', (path) => {
    const check = readYaml<HealthCheck>(path);
    const steps = check.spec.steps.flatMap((step) => step.try.flatMap((operation) => Object.entries(operation)));
    expect(check.kind).toBe('Test');
    expect([...new Set(steps.map(([operation]) => operation))].filter((operation) => !['assert', 'error'].includes(operation))).toEqual([]);
    expect(steps.filter(([, { resource }]) => !['apiVersion', 'kind', 'metadata', 'status'].every((key) => key in resource))).toEqual([]);
    expect(steps.filter(([operation]) => operation === 'assert').length).toBeGreaterThan(0);
  });
});

describe('pins', () => {
  test('a chart has one exact version and an https or OCI repository, or is unresolved under an exemption', () => {
    const exempt = new Set(
      exemptions()
        .filter(({ scope }) => scope === 'chart-version')
        .map(({ match }) => match),
    );
    const wrong = registry().filter(({ name, helm }) => {
      if (helm?.defaultRepository === undefined) return helm?.defaultChart !== undefined || helm?.defaultVersion !== undefined;
      if (helm.defaultVersion === 'unresolved' || helm.defaultRepository === 'unresolved')
        return !exempt.has(name) || helm.defaultVersion !== helm.defaultRepository;
      return !EXACT_VERSION.test(helm.defaultVersion ?? '') || !/^(https|oci):\/\//.test(helm.defaultRepository);
    });
    expect(wrong).toEqual([]);
  });

  test('only the registry pins charts', () => {
    expect(refsOf([...overlays(), ...mixins()]).filter(({ version, source }) => version !== undefined || source !== undefined)).toEqual([]);
  });

  test('every component has an entry in the image list, and every chart says how its images are dealt with', () => {
    const { components } = imageList();
    expect(components.map(({ component }) => component)).toEqual(registry().map(({ name }) => name));
    const charts = registry()
      .filter(({ helm }) => helm?.defaultRepository !== undefined)
      .map(({ name }) => name);
    expect(components.filter(({ chartImages }) => chartImages !== undefined).map(({ component }) => component)).toEqual(charts);
  });

  test('an exemption an image names exists, is of the right kind and matches it', () => {
    const byId = new Map(exemptions().map((entry) => [entry.id, entry]));
    const images = listedImages().flatMap(({ image, exemption }) =>
      exemption === undefined ? [] : [{ subject: nameOf(image), scope: 'image-digest', exemption }],
    );
    const charts = imageList().components.flatMap(({ component, chartImages }) =>
      chartImages === undefined ? [] : [{ subject: component, scope: 'chart-images', exemption: chartImages.exemption }],
    );
    const fits = (match: string, subject: string): boolean =>
      match.endsWith('*') ? subject.startsWith(match.slice(0, -1)) : match === subject;
    const wrong = [...images, ...charts].filter(
      ({ subject, scope, exemption }) => byId.get(exemption)?.scope !== scope || !fits(byId.get(exemption)?.match ?? '', subject),
    );
    expect(wrong).toEqual([]);
  });

  test('every exemption is used, and lasts at most a year', () => {
    const named = new Set([
      ...listedImages().map(({ exemption }) => exemption),
      ...imageList().components.map(({ chartImages }) => chartImages?.exemption),
    ]);
    const unresolved = new Set(
      registry()
        .filter(({ helm }) => helm?.defaultVersion === 'unresolved')
        .map(({ name }) => name),
    );
    expect(exemptions().filter(({ id, scope, match }) => !(scope === 'chart-version' ? unresolved.has(match) : named.has(id)))).toEqual([]);
    const days = exemptions().map(({ since, expires }) => (Date.parse(expires) - Date.parse(since)) / 86_400_000);
    expect(days.filter((length) => !(length > 0 && length <= 366))).toEqual([]);
  });

  test('every image a manifest names is in the list with the same tag and digest', () => {
    const images = listedImages();
    const seen = catalogPaths('components/*/manifests/*').flatMap((path) =>
      [...readText(path).matchAll(/^[ -]*image: *"?([^\s"]+)/gm)].map(([, image = '']) => ({ path, image })),
    );
    const listed = images.filter(({ usedIn }) => usedIn.includes('/manifests/'));
    expect(seen.map(({ path }) => path).sort()).toEqual(listed.map(({ usedIn }) => usedIn).sort());
    const missing = listed.filter(({ image, digest, usedIn }) => {
      const text = readText(usedIn);
      return !text.includes(tagOf(image)) || !text.includes(basename(nameOf(image))) || (digest !== undefined && !text.includes(digest));
    });
    expect(missing).toEqual([]);
  });

  test('no values file names an image; a driver version is listed as one', () => {
    const keys = catalogPaths('components/*/values*.yaml').flatMap((path) =>
      [...readText(path).matchAll(/^ *(image|repository|tag|version|digest):.*$/gm)].map(([line]) => `${path}:${line.trim()}`),
    );
    expect(keys).toEqual(['components/gpu-operator/values.yaml:version: 580.126.20']);
    expect(
      listedImages()
        .filter(({ usedIn }) => usedIn === 'components/gpu-operator/values.yaml')
        .map(({ image }) => tagOf(image)),
    ).toEqual(['580.126.20']);
  });

  test('a digest written anywhere in the catalog is in the image list', () => {
    const written = catalogPaths('**/*.yaml').flatMap((path) => readText(path).match(/sha256:[0-9a-f]{64}/g) ?? []);
    expect([...new Set(written)].sort()).toEqual([...new Set(listedImages().flatMap(({ digest }) => digest ?? []))].sort());
  });
});

const UPSTREAM = '../shared/data/aicr-catalog';

describe.skipIf(!existsSync(UPSTREAM))('provenance of pins (skipped where the reference catalog is not at hand)', () => {
  const reference = (): string =>
    globSync('**/*.yaml', { cwd: UPSTREAM })
      .map((path) => readFileSync(`${UPSTREAM}/${path}`, 'utf8'))
      .join('\n');

  test('every chart pin is one of the reference catalog, for the same component', () => {
    const upstream = readFileSync(`${UPSTREAM}/registry.yaml`, 'utf8');
    const blocks = new Map(
      upstream
        .split(/^ {2}- name: /m)
        .slice(1)
        .map((block) => [block.split('\n', 1)[0], block]),
    );
    const invented = registry().filter(({ name, helm }) => {
      if (helm?.defaultVersion === undefined || helm.defaultVersion === 'unresolved') return false;
      const block = (blocks.get(name) ?? '').replaceAll('"', '');
      return ![helm.defaultRepository, helm.defaultChart, helm.defaultVersion].every(
        (pin) => pin !== undefined && new RegExp(`: ${literally(pin)}$`, 'm').test(block),
      );
    });
    expect(invented).toEqual([]);
  });

  test('every image tag and digest of the list is one of the reference catalog', () => {
    const text = reference();
    const invented = imageList()
      .components.flatMap(({ images }) => images ?? [])
      .filter(({ image, digest }) => !text.includes(tagOf(image)) || (digest !== undefined && !text.includes(digest)));
    expect(invented).toEqual([]);
  });

  test('every bandwidth or throughput floor is one of the reference catalog', () => {
    const text = reference();
    const floors = overlays().flatMap(({ spec }) => Object.values(spec.validation ?? {}).flatMap(({ constraints }) => constraints ?? []));
    expect(
      floors.filter(({ name, value }) => !new RegExp(`- name: ${literally(name)}\\n\\s+value: "?${literally(value)}"?$`, 'm').test(text)),
    ).toEqual([]);
  });
});

describe('coverage', () => {
  test('every service has a training and an inference recipe for every accelerator it can have', () => {
    const have = leaves().map(({ spec: { criteria = {} } }) => `${criteria['service']} ${criteria['accelerator']} ${criteria['intent']}`);
    const want = SERVICES.flatMap((service) =>
      ACCELERATORS.filter((accelerator) => accelerator !== 'mi300' || !WITHOUT_AMD.has(service)).flatMap((accelerator) =>
        INTENTS.map((intent) => `${service} ${accelerator} ${intent}`),
      ),
    );
    expect([...new Set(have)].sort()).toEqual([...want].sort());
  });

  test('every check a layer names is in the validator catalog, in the phase it is named in', () => {
    const { validators } = readYaml<{ validators: readonly { name: string; phase: string }[] }>('validators/catalog.yaml');
    const known = new Set(validators.map(({ name, phase }) => `${phase} ${name}`));
    const documents = [
      ...overlays().map(({ path, spec }) => ({ path, validation: spec.validation })),
      ...catalogPaths('host/*.yaml').map((path) => ({ path, validation: readYaml<Layer['spec']>(path).validation })),
    ];
    const named = documents.flatMap(({ path, validation = {} }) =>
      Object.entries(validation).flatMap(([phase, { checks = [] }]) => checks.map((check) => ({ path, check: `${phase} ${check}` }))),
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter(({ check }) => !known.has(check))).toEqual([]);
  });

  test('every component a layer names is in the registry, and every registry entry is named', () => {
    const named = new Set(refsOf([...overlays(), ...mixins()]).map(({ name }) => name));
    expect([...named].sort()).toEqual(
      registry()
        .map(({ name }) => name)
        .sort(),
    );
  });

  test('a layer that is never the last of a chain holds each version floor', () => {
    const floors = overlays()
      .filter(({ path }) => (readYaml<{ spec: Mapping }>(path).spec['constraints'] as readonly unknown[] | undefined) !== undefined)
      .map(({ metadata, spec }) => [metadata.name, spec.criteria] as const);
    expect(new Map(floors)).toEqual(
      new Map([
        ['base', undefined],
        ['nvidia', undefined],
        ['nvidia-nvl', undefined],
      ]),
    );
  });

  test('the table in docs/reference/catalog.md lists exactly the leaves of the catalog', () => {
    const page = readFileSync('docs/reference/catalog.md', 'utf8');
    expect(page.slice(page.indexOf('| recipe | service |'))).toBe(`${leafTable()}\n`);
  });

  test('docs/reference/catalog.md names every component without a pin, and until when', () => {
    const page = readFileSync('docs/reference/catalog.md', 'utf8');
    const rows = page.match(/^\| `[a-z0-9-]+` \| no trusted source .* \| \d{4}-\d{2}-\d{2} \|$/gm) ?? [];
    const unpinned = exemptions().filter(({ scope }) => scope === 'chart-version');
    expect(rows.map((row) => [row.split('`')[1], row.slice(-12, -2)])).toEqual(unpinned.map(({ match, expires }) => [match, expires]));
  });

  test('the host recipe asks for nothing and deploys nothing', () => {
    expect(readYaml('host/linux.yaml')).toEqual({
      kind: 'RecipeResult',
      apiVersion: 'aicr.run/v1alpha2',
      metadata: { version: '1', appliedOverlays: [] },
      criteria: { service: 'any', accelerator: 'any', intent: 'any', os: 'any', platform: 'any' },
      constraints: [],
      componentRefs: [],
      deploymentOrder: [],
      validation: { deployment: {}, conformance: {} },
    });
  });
});

import { describe, expect, it } from 'vitest';
import { readBom } from '#core/bom/read-bom.ts';
import { recipeBom, type BomInput } from '#core/bom/recipe-bom.ts';
import type { Digest } from '#core/digest/sha256.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}` as Digest;
const INPUT: BomInput = {
  recipeName: 'h100-eks',
  recipeVersion: 'v1',
  components: [
    {
      name: 'gpu-operator',
      type: 'Helm',
      source: 'https://charts.example/gpu',
      chart: 'gpu-operator',
      version: 'v25.1.0',
      namespace: 'gpu',
    },
    { name: 'overlay', type: 'Kustomize', source: 'https://git.example/x', tag: 'v2', path: 'deploy', namespace: 'x' },
    { name: 'off', type: 'Helm', source: 'https://charts.example/off', chart: 'off', version: '1.0.0', overrides: { enabled: false } },
    { name: 'loose', type: 'Helm', source: 'https://charts.example/loose' },
  ],
  validatorImages: [{ image: 'registry.example:5000/team/validators:v1', digest: DIGEST }],
  atMs: Date.UTC(2026, 10, 21),
  toolVersion: '0.1.0',
};
const parse = (input: BomInput): any => JSON.parse(Buffer.from(recipeBom(input).bytes).toString());
const propertiesOf = (component: any): Record<string, string> =>
  Object.fromEntries(component.properties.map(({ name, value }: any) => [name, value]));

describe('the BOM of a recipe', () => {
  it('has the same bytes for the same input, and another serial number for another', () => {
    expect(recipeBom(INPUT).bytes).toEqual(recipeBom(INPUT).bytes);
    expect(parse({ ...INPUT, components: INPUT.components.slice(1) }).serialNumber).not.toBe(parse(INPUT).serialNumber);
    expect(parse(INPUT).serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('is CycloneDX 1.6 about the recipe, at the given time', () => {
    expect(parse(INPUT)).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      version: 1,
      metadata: {
        timestamp: '2026-11-21T00:00:00.000Z',
        component: { type: 'application', name: 'h100-eks', 'bom-ref': 'h100-eks', version: 'v1' },
      },
    });
  });

  it('has one application per enabled component with its coordinates', () => {
    const { components } = parse(INPUT);
    const byName = new Map<string, any>(components.map((component: any) => [component.name, component]));

    expect([...byName.keys()].sort()).toEqual(['gpu-operator', 'loose', 'overlay', 'registry.example:5000/team/validators', 'validators']);
    expect(propertiesOf(byName.get('gpu-operator'))).toEqual({
      'aicr:component:type': 'Helm',
      'aicr:helm:chart': 'gpu-operator',
      'aicr:helm:namespace': 'gpu',
      'aicr:helm:repository': 'https://charts.example/gpu',
      'aicr:helm:version': 'v25.1.0',
      'aicr:version:pinned': 'true',
    });
    expect(propertiesOf(byName.get('overlay'))).toMatchObject({
      'aicr:kustomize:tag': 'v2',
      'aicr:kustomize:path': 'deploy',
      'aicr:version:pinned': 'true',
    });
    expect(propertiesOf(byName.get('loose'))).toMatchObject({ 'aicr:version:pinned': 'false' });
  });

  it('names the images that ran the validators by digest', () => {
    const image = parse(INPUT).components.find(({ type }: any) => type === 'container');

    expect(image).toMatchObject({
      'bom-ref': `img:registry.example:5000/team/validators:v1@${DIGEST}`,
      version: DIGEST,
      hashes: [{ alg: 'SHA-256', content: 'ab'.repeat(32) }],
      purl: `pkg:oci/validators@sha256%3A${'ab'.repeat(32)}?repository_url=registry.example%3A5000/team/validators&tag=v1`,
    });
    expect(propertiesOf(image)).toEqual({
      'aicr:image:registry': 'registry.example:5000',
      'aicr:image:repository': 'team/validators',
      'aicr:image:tag': 'v1',
      'aicr:image:digest': DIGEST,
    });
  });

  it('gives an image whose registry is not named no package URL', () => {
    const image = parse({ ...INPUT, validatorImages: [{ image: 'nginx', digest: DIGEST }] }).components.find(
      ({ type }: any) => type === 'container',
    );

    expect([image.name, image.purl, propertiesOf(image)]).toEqual(['nginx', undefined, { 'aicr:image:digest': DIGEST }]);
  });

  it('links recipe, components, group and images', () => {
    const dependencies = new Map<string, string[] | undefined>(
      parse(INPUT).dependencies.map(({ ref, dependsOn }: any) => [ref, dependsOn]),
    );

    expect(dependencies.get('h100-eks')).toEqual(['h100-eks/gpu-operator', 'h100-eks/loose', 'h100-eks/overlay', 'h100-eks/validators']);
    expect(dependencies.get('h100-eks/validators')).toEqual([`img:registry.example:5000/team/validators:v1@${DIGEST}`]);
  });

  it('has no group without images', () => {
    const { validatorImages: _, ...bare } = INPUT;

    expect(parse(bare).components.map(({ name }: any) => name)).not.toContain('validators');
  });

  it('counts its components as a reader does', () => {
    const bom = recipeBom(INPUT);

    expect([bom.componentCount, readBom(bom.bytes, 'own').componentCount]).toEqual([5, 5]);
  });
});

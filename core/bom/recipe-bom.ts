import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import { sha256Hex } from '#core/digest/sha256.ts';
import { canonicalJson } from '#core/digest/canonical-json.ts';
import { imageComponent, type BomImage } from './image-component.ts';

/** What a BOM needs of one component of a recipe. */
export interface BomComponent {
  readonly name: string;
  readonly type: string;
  readonly source?: string;
  readonly chart?: string;
  readonly version?: string;
  readonly namespace?: string;
  readonly tag?: string;
  readonly path?: string;
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** What a recipe-bound BOM is made from. */
export interface BomInput {
  readonly recipeName: string;
  readonly recipeVersion?: string;
  readonly components: readonly BomComponent[];
  /** Images that ran the validators, sorted. */
  readonly validatorImages?: readonly BomImage[];
  /** Time written into the document, epoch milliseconds: the seal, so that two assemblies give the same bytes. */
  readonly atMs: number;
  readonly toolVersion: string;
}

/** A BOM's exact bytes and the length of its `components`. */
export interface RecipeBom {
  readonly bytes: Uint8Array;
  readonly componentCount: number;
}

/**
 * CycloneDX 1.6 BOM of a recipe: one application per enabled component with its chart coordinates, and a group with the
 * images that ran the validators.
 * Deterministic: the serial number is derived from the content.
 * @source CycloneDX 1.6; property names of recipe evidence v1
 */
export function recipeBom(input: BomInput): RecipeBom {
  const enabled = input.components.filter((component) => component.overrides?.['enabled'] !== false);
  const bom = new Models.Bom({ version: 1, serialNumber: `urn:uuid:${contentUuid({ ...input, components: enabled })}` });
  bom.metadata.timestamp = new Date(input.atMs);
  bom.metadata.tools.components.add(new Models.Component(Enums.ComponentType.Application, 'assay', { version: input.toolVersion }));
  const root = new Models.Component(Enums.ComponentType.Application, input.recipeName, {
    bomRef: input.recipeName,
    description: 'Components of the recipe that the evidence is bound to',
    ...(input.recipeVersion === undefined ? {} : { version: input.recipeVersion }),
  });
  bom.metadata.component = root;
  for (const component of enabled) {
    const entry = applicationOf(input.recipeName, component);
    bom.components.add(entry);
    root.dependencies.add(entry.bomRef);
  }
  addValidators(bom, root, input);
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return { bytes: Buffer.from(`${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`), componentCount: bom.components.size };
}

function addValidators(bom: Models.Bom, root: Models.Component, { recipeName, validatorImages = [] }: BomInput): void {
  if (validatorImages.length === 0) return;
  const group = new Models.Component(Enums.ComponentType.Application, 'validators', { bomRef: `${recipeName}/validators` });
  bom.components.add(group);
  root.dependencies.add(group.bomRef);
  for (const image of validatorImages) {
    const component = imageComponent(image);
    bom.components.add(component);
    group.dependencies.add(component.bomRef);
  }
}

function applicationOf(recipeName: string, component: BomComponent): Models.Component {
  const version = component.version ?? component.tag;
  const entry = new Models.Component(Enums.ComponentType.Application, component.name, {
    bomRef: `${recipeName}/${component.name}`,
    ...(version === undefined ? {} : { version }),
  });
  for (const [name, value] of propertiesOf(component))
    if (value !== undefined && value !== '') entry.properties.add(new Models.Property(name, value));
  return entry;
}

function propertiesOf(component: BomComponent): readonly (readonly [string, string | undefined])[] {
  const kustomize = component.type === 'Kustomize';
  const coordinates: readonly (readonly [string, string | undefined])[] = kustomize
    ? [
        ['aicr:kustomize:source', component.source],
        ['aicr:kustomize:tag', component.tag],
        ['aicr:kustomize:path', component.path],
        ['aicr:kustomize:namespace', component.namespace],
      ]
    : [
        ['aicr:helm:repository', component.source],
        ['aicr:helm:chart', component.chart],
        ['aicr:helm:version', component.version],
        ['aicr:helm:namespace', component.namespace],
      ];
  const pinned = (kustomize ? component.tag : component.version) !== undefined;
  return [['aicr:component:type', component.type], ...coordinates, ['aicr:version:pinned', String(pinned)]];
}

/** A version-8 UUID (RFC 9562, custom) over the canonical content. */
function contentUuid(content: object): string {
  const hex = sha256Hex(canonicalJson(content));
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

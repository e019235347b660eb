import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { Field } from '#core/digest/document-field.ts';
import { parseYamlNode } from '#core/digest/read-yaml.ts';
import type { CatalogFiles } from '#core/recipe/catalog.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import { readImageName } from '#core/cluster/image-name.ts';

/** One image that a document pins to its content. */
export interface ImagePin {
  readonly repository: string;
  /** Absent: the pin holds for every tag. */
  readonly tag: string | undefined;
  readonly digest: string;
  /** Which document says so. */
  readonly source: 'catalog' | 'bom';
}

const CATALOG_FILE = 'images.yaml';
const DIGEST = /^sha256:[\da-f]{64}$/;
const MAX_DEPTH = 8;

/**
 * Images that the recipe's documents pin: the catalog's image list and a supplied CycloneDX document.
 * @throws CATALOG_INVALID, YAML_INVALID, JSON_INVALID
 */
export function imagePins(files: CatalogFiles | undefined, bom: Uint8Array | undefined): readonly ImagePin[] {
  const list = files?.text(CATALOG_FILE);
  return [...(list === undefined ? [] : catalogPins(list)), ...(bom === undefined ? [] : bomPins(parseStrictJson(bom, 'the BOM')))];
}

function catalogPins(text: string): readonly ImagePin[] {
  const root = new Field(parseYamlNode(text, { name: CATALOG_FILE }), { name: CATALOG_FILE, code: 'CATALOG_INVALID' });
  const components = root.member('components').items() ?? [];
  return components
    .flatMap((component) => component.member('images').items() ?? [])
    .flatMap((image) => {
      const { repository, tag, digest } = readImageName(image.member('image').text() ?? '');
      const pinned = image.member('digest').text() ?? digest;
      return pinned === undefined ? [] : [{ repository, tag, digest: pinned, source: 'catalog' } as const];
    });
}

/** Container images of a BOM by their package URLs, wherever they stand in it. @source package URL type `oci` */
function bomPins(value: unknown, depth = 0): readonly ImagePin[] {
  if (depth > MAX_DEPTH) return [];
  return listAt(value, 'components').flatMap((component) => [...pinOf(textAt(component, 'purl') ?? ''), ...bomPins(component, depth + 1)]);
}

function pinOf(purl: string): readonly ImagePin[] {
  const [, version = '', query = ''] = /^pkg:oci\/[^@?]+@([^?#]+)(?:\?([^#]*))?/.exec(purl) ?? [];
  const digest = decodeOrNothing(version);
  const qualifiers = new URLSearchParams(query);
  const place = qualifiers.get('repository_url');
  if (place === null || place === '' || !DIGEST.test(digest)) return [];
  return [{ repository: readImageName(place).repository, tag: qualifiers.get('tag') ?? undefined, digest, source: 'bom' }];
}

function decodeOrNothing(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

import { Enums, Models } from '@cyclonedx/cyclonedx-library';
import { bareHex, type Digest } from '#core/digest/sha256.ts';
import { isAssayError } from '#core/error.ts';
import { parseReference, type RegistryReference } from '#core/oci/reference.ts';

/** An image by what a file or pod calls it, and by its content. */
export interface BomImage {
  readonly image: string;
  readonly digest: Digest;
}

/**
 * An image as a component: the digest as hash and in the package URL, the parts of the name as properties.
 * @source CycloneDX 1.6; package URL type `oci`; property names of recipe evidence v1
 */
export function imageComponent({ image, digest }: BomImage): Models.Component {
  const reference = referenceOf(image);
  const component = new Models.Component(
    Enums.ComponentType.Container,
    reference === undefined ? image : `${reference.registry}/${reference.repository}`,
    {
      bomRef: `img:${image}@${digest}`,
      version: digest,
      ...(reference === undefined ? {} : { purl: purlOf(reference, digest) }),
    },
  );
  component.hashes.set(Enums.HashAlgorithm['SHA-256'], bareHex(digest));
  for (const [name, value] of propertiesOf(reference, digest))
    if (value !== undefined) component.properties.add(new Models.Property(name, value));
  return component;
}

function purlOf({ registry, repository, tag }: RegistryReference, digest: Digest): string {
  const name = repository.slice(repository.lastIndexOf('/') + 1);
  const place = encodeURIComponent(`${registry}/${repository}`).replaceAll('%2F', '/');
  return `pkg:oci/${name}@${encodeURIComponent(digest)}?repository_url=${place}${tag === undefined ? '' : `&tag=${tag}`}`;
}

function propertiesOf(reference: RegistryReference | undefined, digest: Digest): readonly (readonly [string, string | undefined])[] {
  return [
    ['aicr:image:registry', reference?.registry],
    ['aicr:image:repository', reference?.repository],
    ['aicr:image:tag', reference?.tag],
    ['aicr:image:digest', digest],
  ];
}

/** The parts of a full reference; undefined for a short name, whose registry only the one who pulled it knows. */
function referenceOf(image: string): RegistryReference | undefined {
  try {
    const reference = parseReference(image);
    return reference.kind === 'registry' ? reference : undefined;
  } catch (error) {
    if (isAssayError(error)) return undefined;
    throw error;
  }
}

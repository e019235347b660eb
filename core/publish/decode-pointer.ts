import { PREDICATE_TYPES } from '#core/attestation/media-type.ts';
import type { Pointer, PointerAttestation, PointerSigner } from '#core/attestation/pointer.ts';
import { isDigest } from '#core/digest/sha256.ts';
import { YamlFloat, YamlTimestamp, type CanonicalValue } from '#core/digest/yaml-value.ts';
import { AssayError, errorText } from '#core/error.ts';
import { parseReference } from '#core/oci/reference.ts';

const SCHEMA_VERSION = /^1\.0(?:\.\d+)?$/;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

type Field = { readonly value: unknown; readonly path: string };

/**
 * Makes a pointer of a parsed YAML document.
 * @param name how messages call the file
 * @throws POINTER_INVALID naming the field
 */
export function decodePointer(node: CanonicalValue, name: string): Pointer {
  const root = { value: node, path: name };
  const attestations = field(root, 'attestations');
  if (!Array.isArray(attestations.value) || attestations.value.length !== 1) throw wrong(attestations, 'a list of exactly one attestation');
  const [attestation] = attestations.value as readonly unknown[];
  return {
    schemaVersion: schemaVersion(field(root, 'schemaVersion')),
    recipe: text(field(root, 'recipe')),
    attestations: [decodeAttestation({ value: attestation, path: `${attestations.path}[0]` })],
  };
}

function decodeAttestation(attestation: Field): PointerAttestation {
  const signer = field(attestation, 'signer');
  const attestedAt = timestamp(field(attestation, 'attestedAt'));
  return {
    ...(attestedAt === undefined ? {} : { attestedAt }),
    bundle: decodeBundle(field(attestation, 'bundle')),
    ...(isAbsent(signer) ? {} : { signer: decodeSigner(signer) }),
  };
}

function decodeBundle(bundle: Field): PointerAttestation['bundle'] {
  const oci = optionalText(field(bundle, 'oci'));
  const digest = optionalText(field(bundle, 'digest'));
  const predicateType = text(field(bundle, 'predicateType'));
  if (!PREDICATE_TYPES.some((known) => known === predicateType)) throw wrong(field(bundle, 'predicateType'), 'a known predicate type');
  if (oci !== '') checkReference(field(bundle, 'oci'), oci);
  if ((oci !== '' || digest !== '') && !isDigest(digest)) throw wrong(field(bundle, 'digest'), 'sha256 with 64 lowercase hex digits');
  return { oci, digest, predicateType };
}

function checkReference(place: Field, oci: string): void {
  try {
    const { tag, digest } = parseReference(oci);
    if (tag === undefined && digest === undefined) throw new AssayError('POINTER_INVALID', 'it has neither tag nor digest');
  } catch (cause) {
    throw new AssayError('POINTER_INVALID', `${place.path} is no usable reference: ${errorText(cause)}`, { cause });
  }
}

function decodeSigner(signer: Field): PointerSigner {
  const index = field(signer, 'rekorLogIndex');
  const rekorLogIndex = typeof index.value === 'bigint' ? Number(index.value) : index.value;
  if (!isAbsent(index) && (typeof rekorLogIndex !== 'number' || !Number.isSafeInteger(rekorLogIndex) || rekorLogIndex < 0))
    throw wrong(index, 'a whole number');
  return {
    identity: text(field(signer, 'identity')),
    issuer: text(field(signer, 'issuer')),
    ...(typeof rekorLogIndex === 'number' ? { rekorLogIndex } : {}),
  };
}

/** `1.0` without quotes is a number to YAML, and upstream takes it. */
function schemaVersion(place: Field): string {
  const version = place.value instanceof YamlFloat && place.value.value === 1 ? '1.0' : place.value;
  if (typeof version !== 'string' || !SCHEMA_VERSION.test(version)) throw wrong(place, '1.0 or 1.0.x');
  return version;
}

function timestamp(place: Field): string | undefined {
  if (isAbsent(place)) return undefined;
  const value = place.value instanceof YamlTimestamp ? place.value.text : place.value;
  if (typeof value !== 'string' || !RFC3339.test(value) || Number.isNaN(Date.parse(value))) throw wrong(place, 'an RFC 3339 time');
  return value;
}

function text(place: Field): string {
  if (typeof place.value !== 'string' || place.value === '') throw wrong(place, 'a text that is not empty');
  return place.value;
}

function optionalText(place: Field): string {
  if (isAbsent(place)) return '';
  if (typeof place.value !== 'string') throw wrong(place, 'a text');
  return place.value;
}

function field(place: Field, key: string): Field {
  if (typeof place.value !== 'object' || place.value === null || Array.isArray(place.value)) throw wrong(place, 'a mapping');
  const mapping = place.value as Readonly<Record<string, unknown>>;
  return { value: Object.hasOwn(mapping, key) ? mapping[key] : undefined, path: `${place.path}: ${key}` };
}

function isAbsent(place: Field): boolean {
  return place.value === undefined || place.value === null;
}

function wrong(place: Field, expected: string): AssayError {
  return new AssayError('POINTER_INVALID', `${place.path} must be ${expected}, not ${describe(place.value)}`);
}

function describe(value: unknown): string {
  if (value === undefined) return 'absent';
  return typeof value === 'string' || typeof value === 'number'
    ? JSON.stringify(value).slice(0, 80)
    : `a ${Array.isArray(value) ? 'list' : typeof value}`;
}

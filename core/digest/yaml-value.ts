/**
 * A whole number that was written as a float (`2.0`, `1e6`, `-0.0`) or that JSON carries, where every number is one.
 * JavaScript cannot tell it from an integer, but its canonical text differs from 1000000 upwards (`1e+06`).
 */
export class YamlFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** An unquoted date or time; `text` is its RFC 3339 form. */
export class YamlTimestamp {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * A mapping below a free-form value with at least one key that is no text (`{10: a, x: b}`). Upstream keeps the types of
 * such keys and never merges into the mapping.
 */
export class YamlMixedMap {
  readonly entries: readonly (readonly [YamlAtom | string, CanonicalValue])[];

  constructor(entries: readonly (readonly [YamlAtom | string, CanonicalValue])[]) {
    this.entries = entries;
  }
}

/** What an unquoted scalar can stand for besides text. Integers beyond 2^53 are bigints. */
export type YamlAtom = null | boolean | number | bigint | YamlFloat | YamlTimestamp;

/**
 * A value that {@link canonicalYaml} can write. A `number` that is a safe integer is an integer, any other `number` a
 * float; members that are `undefined` are left out.
 */
export type CanonicalValue =
  | YamlAtom
  | YamlMixedMap
  | string
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue | undefined };

/** A non-text scalar as it was read: typed fields take its `source`, free-form values its `value`. */
export class YamlScalar {
  /** Text as written; undefined for a JSON number or boolean, which must not become text. */
  readonly source: string | undefined;
  readonly value: Exclude<YamlAtom, null>;

  constructor(source: string | undefined, value: Exclude<YamlAtom, null>) {
    this.source = source;
    this.value = value;
  }
}

/** A mapping as read, in file order. */
export type YamlMap = ReadonlyMap<string, YamlNode>;

/** A mapping of which some keys are no text; `atoms` has those by their spelling. */
export class MixedKeyMap extends Map<string, YamlNode> {
  readonly atoms: ReadonlyMap<string, YamlAtom>;

  constructor(entries: Iterable<readonly [string, YamlNode]>, atoms: ReadonlyMap<string, YamlAtom>) {
    super(entries);
    this.atoms = atoms;
  }
}

/** A document as read: nothing is lost that typed decoding or canonical writing needs. */
export type YamlNode = null | string | YamlScalar | readonly YamlNode[] | YamlMap;

/** Plain JavaScript form of a document: integers beyond 2^53 are bigints, dates stay text. */
export type PlainValue = null | boolean | number | bigint | string | PlainValue[] | { [key: string]: PlainValue };

/** A node as plain JavaScript values. */
export function plainValue(node: YamlNode): PlainValue {
  if (node === null || typeof node === 'string') return node;
  if (node instanceof YamlScalar) return plainScalar(node);
  if (isYamlMap(node)) return Object.fromEntries([...node].map(([key, value]) => [key, plainValue(value)]));
  return node.map(plainValue);
}

/** A node as a value that canonical writing takes without loss. */
export function canonicalValue(node: YamlNode): CanonicalValue {
  if (node === null || typeof node === 'string') return node;
  if (node instanceof YamlScalar) return node.value;
  if (node instanceof MixedKeyMap) return new YamlMixedMap([...node].map(([key, value]) => [atomOr(node, key), canonicalValue(value)]));
  if (isYamlMap(node)) return Object.fromEntries([...node].map(([key, value]) => [key, canonicalValue(value)]));
  return node.map(canonicalValue);
}

/** True for a value that is a mapping: not a list, not one of the classes here. */
export function isValueMap(value: CanonicalValue | undefined): value is { readonly [key: string]: CanonicalValue | undefined } {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof YamlFloat || value instanceof YamlTimestamp)
  );
}

/** A mixed mapping with the spelling of its keys as text, for formats whose keys are always text. */
export function textKeys(map: YamlMixedMap): { readonly [key: string]: CanonicalValue } {
  return Object.fromEntries(map.entries.map(([key, value]) => [keyText(key), value]));
}

/** True for a mapping node. */
export function isYamlMap(node: YamlNode | undefined): node is YamlMap {
  return node instanceof Map;
}

function atomOr({ atoms }: MixedKeyMap, key: string): YamlAtom | string {
  const atom = atoms.get(key);
  return atom === undefined ? key : atom;
}

function keyText(key: YamlAtom | string): string {
  if (key instanceof YamlFloat) return String(key.value);
  return key instanceof YamlTimestamp ? key.text : String(key);
}

function plainScalar({ source, value }: YamlScalar): boolean | number | bigint | string {
  if (value instanceof YamlFloat) return value.value;
  return value instanceof YamlTimestamp ? (source ?? value.text) : value;
}

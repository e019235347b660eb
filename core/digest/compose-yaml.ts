import { isAlias, isCollection, isMap, isScalar, type Node, type Pair, type Scalar, type YAMLMap } from 'yaml';
import { AssayError } from '../error.ts';
import { resolveScalar } from './resolve-scalar.ts';
import { isYamlMap, MixedKeyMap, YamlFloat, YamlScalar, type YamlAtom, type YamlNode } from './yaml-value.ts';

/** What bounds one read, and what its errors name. */
export interface YamlBounds {
  readonly name: string;
  readonly text: string;
  readonly maxDepth: number;
  readonly maxNodes: number;
}

/** A value with its weight, so that sharing by alias stays cheap and is still counted in full. */
interface Composed {
  readonly node: YamlNode;
  /** Values below and including this one, aliases expanded. */
  readonly count: number;
  readonly depth: number;
}

interface Composing {
  readonly bounds: YamlBounds;
  readonly anchors: Map<string, Composed>;
}

/** A mapping while it is read. */
interface MapParts {
  readonly entries: Map<string, YamlNode>;
  readonly merged: YamlNode[];
  /** Keys that are no text. */
  readonly atoms: Map<string, YamlAtom>;
  readonly seen: Set<string>;
}

const CORE_TAG = 'tag:yaml.org,2002:';

/**
 * Turns a parsed tree into nodes: expands aliases and merge keys, resolves scalars, refuses duplicate keys.
 * @throws YAML_INVALID with line and column
 */
export function composeYaml(contents: Node | null, bounds: YamlBounds): YamlNode {
  return contents === null ? null : compose({ bounds, anchors: new Map() }, contents, 1).node;
}

/** A YAML error that says where: line and column count from 1. */
export function yamlError(bounds: YamlBounds, message: string, offset: number): AssayError {
  const before = bounds.text.slice(0, Math.max(0, offset));
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n');
  return new AssayError('YAML_INVALID', `${bounds.name}:${line}:${column}: ${message}`, {
    hint: 'Correct the document at that line and column.',
    details: { name: bounds.name, line, column },
  });
}

/** Text of the error for nesting beyond the limit. */
export function tooDeep(bounds: YamlBounds): string {
  return `collections nest deeper than ${bounds.maxDepth} levels`;
}

/** Text of the error for more values than the limit. */
export function tooMany(bounds: YamlBounds): string {
  return `more than ${bounds.maxNodes} values, counted with aliases expanded`;
}

function compose(state: Composing, node: Node, depth: number): Composed {
  const composed = composeBare(state, node, depth);
  if (composed.depth + depth - 1 > state.bounds.maxDepth) throw errorAt(state, node, tooDeep(state.bounds));
  if (composed.count > state.bounds.maxNodes) throw errorAt(state, node, tooMany(state.bounds));
  if (!isAlias(node) && (isScalar(node) || isCollection(node)) && node.anchor !== undefined) state.anchors.set(node.anchor, composed);
  return composed;
}

function composeBare(state: Composing, node: Node, depth: number): Composed {
  if (isScalar(node)) return { node: scalar(state, node), count: 1, depth: 0 };
  if (isMap(node)) return composeMap(state, node, depth);
  if (isCollection(node)) return composeList(state, node.items as readonly (Node | null)[], depth);
  if (isAlias(node)) {
    const target = state.anchors.get(node.source);
    if (target === undefined) throw errorAt(state, node, `alias *${node.source} has no anchor before it`);
    return target;
  }
  throw errorAt(state, node, 'unknown kind of node');
}

function composeList(state: Composing, items: readonly (Node | null)[], depth: number): Composed {
  const total = { count: 1, depth: 0 };
  const node = items.map((item) => (item === null ? null : add(total, compose(state, item, depth + 1))));
  return { node, count: total.count, depth: total.depth + 1 };
}

function composeMap(state: Composing, map: YAMLMap, depth: number): Composed {
  const total = { count: 1, depth: 0 };
  const parts: MapParts = { entries: new Map(), merged: [], atoms: new Map(), seen: new Set() };
  for (const pair of map.items as readonly Pair<Node, Node | null>[]) {
    const value = pair.value === null ? null : add(total, compose(state, pair.value, depth + 1));
    if (isMergeKey(pair.key)) parts.merged.push(value);
    else addEntry(state, parts, { key: pair.key, value });
  }
  const entries = parts.merged.length === 0 ? parts.entries : withMerged(state, map, parts);
  const node = parts.atoms.size === 0 ? entries : new MixedKeyMap(entries, parts.atoms);
  return { node, count: total.count, depth: total.depth + 1 };
}

/** Adds one member under its key as written; a null key is the empty text, and a text key may follow it. */
function addEntry(state: Composing, parts: MapParts, { key, value }: { readonly key: Node | null; readonly value: YamlNode }): void {
  const node = key === null ? null : compose(state, key, 1).node;
  const text = keyText(node);
  if (text === undefined) throw errorAt(state, key, 'a mapping key must be a scalar');
  const identity = node === null ? 'null' : `text ${text}`;
  if (parts.seen.has(identity)) throw errorAt(state, key, `the key "${text}" appears twice in one mapping`);
  parts.seen.add(identity);
  parts.entries.set(text, value);
  if (typeof node === 'string') parts.atoms.delete(text);
  else parts.atoms.set(text, node instanceof YamlScalar ? node.value : null);
}

function add(total: { count: number; depth: number }, part: Composed): YamlNode {
  total.count += part.count;
  total.depth = Math.max(total.depth, part.depth);
  return part.node;
}

function keyText(node: YamlNode): string | undefined {
  if (node === null) return '';
  if (typeof node === 'string') return node;
  return node instanceof YamlScalar ? node.source : undefined;
}

function isMergeKey(key: Node | null): boolean {
  return (
    key !== null && isScalar(key) && key.type === 'PLAIN' && key.value === '<<' && (key.tag === undefined || key.tag === `${CORE_TAG}merge`)
  );
}

/** Merge keys: what the mapping says itself wins, then earlier merged mappings. */
function withMerged(state: Composing, at: Node, parts: MapParts): Map<string, YamlNode> {
  const sources = parts.merged.flatMap((value) => (Array.isArray(value) ? (value as readonly YamlNode[]) : [value]));
  const result = new Map(parts.entries);
  for (const source of sources) {
    if (!isYamlMap(source)) throw errorAt(state, at, 'a merge key needs a mapping or a list of mappings');
    for (const [key, value] of source) if (!result.has(key)) result.set(key, value);
  }
  return result;
}

function scalar(state: Composing, node: Scalar): YamlNode {
  const text = foldSeparators(node, String(node.value ?? ''));
  if (!text.isWellFormed()) throw errorAt(state, node, 'half of a surrogate pair is no character');
  if (node.tag !== undefined && node.tag !== '!') return taggedScalar(state, node, text);
  return node.type === 'PLAIN' && node.tag === undefined ? plainScalar(text) : text;
}

/** In flow scalars upstream's reader takes the Unicode separators for line breaks and drops the blanks around them. */
function foldSeparators(node: Scalar, text: string): string {
  const isBlock = node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED';
  return isBlock || !/[\u2028\u2029]/.test(text) ? text : text.replaceAll(/[ \t]*([\u2028\u2029])[ \t]*/g, '$1');
}

function plainScalar(text: string): YamlNode {
  const value = resolveScalar(text);
  return value === null || typeof value === 'string' ? value : new YamlScalar(text, value);
}

function taggedScalar(state: Composing, node: Scalar, text: string): YamlNode {
  if (node.tag?.startsWith(CORE_TAG) !== true) return text;
  const kind = node.tag.slice(CORE_TAG.length);
  if (kind === 'str' || kind === 'merge') return text;
  if (kind === 'binary') return binaryText(state, node, text);
  const value = plainScalar(text);
  if (kind === 'float' && value instanceof YamlScalar && typeof value.value === 'number') {
    return new YamlScalar(text, Number.isInteger(value.value) ? new YamlFloat(value.value) : value.value);
  }
  if (kindOf(value) !== kind) throw errorAt(state, node, `"${text}" is not a !!${kind}`);
  return value;
}

function kindOf(value: YamlNode): string {
  if (value === null) return 'null';
  if (!(value instanceof YamlScalar)) return 'str';
  if (typeof value.value === 'boolean') return 'bool';
  if (typeof value.value === 'bigint' || (typeof value.value === 'number' && Number.isInteger(value.value))) return 'int';
  return value.value instanceof YamlFloat || typeof value.value === 'number' ? 'float' : 'timestamp';
}

/** `!!binary` as text, as upstream decodes it; bytes that are no UTF-8 have no text. */
function binaryText(state: Composing, node: Scalar, text: string): string {
  const compact = text.replaceAll(/\s/g, '');
  const bytes = Buffer.from(compact, 'base64');
  if (bytes.toString('base64').replace(/=+$/, '') !== compact.replace(/=+$/, '')) throw errorAt(state, node, '!!binary is not base64');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw errorAt(state, node, '!!binary does not hold UTF-8 text');
  }
}

function errorAt(state: Composing, node: Node | null, message: string): AssayError {
  return yamlError(state.bounds, message, node?.range?.[0] ?? 0);
}

import { Composer, Lexer, Parser, type CST, type Document } from 'yaml';
import { AssayError } from '../error.ts';
import { composeYaml, tooDeep, tooMany, yamlError, type YamlBounds } from './compose-yaml.ts';
import { plainValue, type PlainValue, type YamlNode } from './yaml-value.ts';

/** Bounds for one document; all have defaults that fit every recipe, snapshot and rendered manifest seen. */
export interface ReadLimits {
  /** What messages call the document: a path or a reference. */
  readonly name: string;
  /** Bytes of UTF-8 text, default 10 MiB. */
  readonly maxBytes?: number;
  /** Nesting of collections, default 100. */
  readonly maxDepth?: number;
  /** Values after aliases are expanded, default 250,000: twenty times a large recipe. */
  readonly maxNodes?: number;
}

/** Most bytes of any catalog or document file, as upstream allows them. */
export const MAX_FILE_BYTES = 10 * 1024 * 1024;

const MAX_DEPTH = 100;
const MAX_NODES = 250_000;
/** Parser stack entries that are no collections: the document and the scalar being read. */
const STACK_MARGIN = 2;
/** Space, indicator, value, line end: generous for honest text, and it bounds the memory of hostile text. */
const LEXEMES_PER_NODE = 5;
/** Documents of one stream; a rendered chart has a few hundred. */
const MAX_DOCUMENTS = 5000;

/**
 * Reads one YAML document into plain JavaScript values. Duplicate keys are an error.
 * @param text document text, or its UTF-8 bytes
 * @throws YAML_INVALID with name, line and column; FILE_TOO_LARGE
 */
export function parseYaml(text: string | Uint8Array, limits: ReadLimits): PlainValue {
  return plainValue(parseYamlNode(text, limits));
}

/**
 * Reads every document of a YAML stream into plain values, in order; empty documents are null.
 * @throws YAML_INVALID with name, line and column; FILE_TOO_LARGE
 */
export function parseYamlDocuments(text: string | Uint8Array, limits: ReadLimits): PlainValue[] {
  return parseYamlNodes(text, limits).map(plainValue);
}

/**
 * Reads every document of a YAML stream without loss, in order; empty documents are null.
 * @throws YAML_INVALID with name, line and column; FILE_TOO_LARGE
 */
export function parseYamlNodes(text: string | Uint8Array, limits: ReadLimits): YamlNode[] {
  return readNodes(text, limits, MAX_DOCUMENTS);
}

/**
 * Reads one YAML document without loss of what typed decoding and canonical writing need. No document at all is null.
 * @throws YAML_INVALID with name, line and column; FILE_TOO_LARGE
 */
export function parseYamlNode(text: string | Uint8Array, limits: ReadLimits): YamlNode {
  return readNodes(text, limits, 1)[0] ?? null;
}

/**
 * Text of a document within the byte limit.
 * @throws FILE_TOO_LARGE, YAML_INVALID when the bytes are not UTF-8
 */
export function decodeText(text: string | Uint8Array, limits: ReadLimits): string {
  const maxBytes = limits.maxBytes ?? MAX_FILE_BYTES;
  const size = typeof text === 'string' ? Buffer.byteLength(text) : text.byteLength;
  if (size > maxBytes) {
    throw new AssayError('FILE_TOO_LARGE', `${limits.name}: ${size} bytes, more than the limit of ${maxBytes}`, {
      details: { size, maxBytes },
    });
  }
  if (typeof text === 'string') return text;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(text);
  } catch (cause) {
    throw new AssayError('YAML_INVALID', `${limits.name}: not UTF-8 text`, { cause });
  }
}

function readNodes(input: string | Uint8Array, limits: ReadLimits, maxDocuments: number): YamlNode[] {
  const text = decodeText(input, limits);
  const bounds: YamlBounds = { name: limits.name, text, maxDepth: limits.maxDepth ?? MAX_DEPTH, maxNodes: limits.maxNodes ?? MAX_NODES };
  const nodes: YamlNode[] = [];
  for (const document of documents(bounds)) {
    const [error] = document.errors;
    if (error !== undefined) throw yamlError(bounds, error.message, error.pos[0]);
    const node = composeYaml(document.contents, bounds);
    if (nodes.length < maxDocuments) nodes.push(node);
    else if (node !== null)
      throw yamlError(bounds, `more than ${maxDocuments} ${maxDocuments === 1 ? 'document' : 'documents'}`, document.range[0]);
  }
  return nodes;
}

/** Feeds the parser token by token, so that depth and size end the work before a tree of that size exists. */
function documents(bounds: YamlBounds): Iterable<Document.Parsed> {
  const composer = new Composer({
    schema: 'failsafe',
    resolveKnownTags: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  return composer.compose(boundedTokens(bounds));
}

function* boundedTokens(bounds: YamlBounds): Generator<CST.Token> {
  const parser = new Parser();
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(bounds.text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > bounds.maxDepth + STACK_MARGIN) throw yamlError(bounds, tooDeep(bounds), parser.offset);
    lexemes += 1;
    if (lexemes > bounds.maxNodes * LEXEMES_PER_NODE) throw yamlError(bounds, tooMany(bounds), parser.offset);
  }
  yield* parser.end();
}

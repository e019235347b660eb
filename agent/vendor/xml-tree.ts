import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { errorText } from '#core/error.ts';
import { decodeSource, invalidSource, placeAt, sourceLimit, type SourceText } from './source-text.ts';

const MAX_DEPTH = 16;
const MAX_ELEMENTS = 300_000;

/** An XML element: attributes, children in document order, and the trimmed text it holds itself. */
export interface XmlElement {
  readonly name: string;
  readonly text: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
}

/** What {@link parseXml} expects of a document. */
export interface XmlExpectation {
  /** Name of the root element; anything else is another tool's output. */
  readonly root: string;
  /** Dotted paths of elements whose content stays text, for long lists that are read more cheaply. */
  readonly rawPaths?: readonly string[];
}

/**
 * Parses one XML document without entities: bytes, depth and element count are capped before, well-formedness is strict,
 * a DOCTYPE may name a DTD (it is not fetched) but may not declare anything.
 * @throws VENDOR_OUTPUT_INVALID with line and column; VENDOR_OUTPUT_LIMIT
 */
export function parseXml(tool: string, bytes: Uint8Array, expect: XmlExpectation): XmlElement {
  const source = decodeSource(tool, bytes);
  refuseForeign(source, expect.root);
  const open = scanTags(source);
  const verdict = XMLValidator.validate(source.text);
  if (verdict !== true) throw malformed(source, verdict.err, open);
  const [root, second] = elementsOf(parseTree(source, expect));
  if (root?.name !== expect.root || second !== undefined)
    throw invalidSource(tool, `the root element is <${root?.name ?? ''}>, not <${expect.root}>`, { line: 1, path: '/' });
  return root;
}

/** The parser refuses names that are dangerous in JavaScript objects (`__proto__`) even where none is built. */
function parseTree(source: SourceText, expect: XmlExpectation): readonly FxpNode[] {
  try {
    return parserFor(expect).parse(source.text) as FxpNode[];
  } catch (error) {
    throw invalidSource(source.tool, `not acceptable XML: ${errorText(error).slice(0, 200)}`, { path: '/' });
  }
}

interface FxpNode {
  readonly ':@'?: Readonly<Record<string, string>>;
  readonly [name: string]: readonly FxpNode[] | string | Readonly<Record<string, string>> | undefined;
}

function parserFor(expect: XmlExpectation): XMLParser {
  return new XMLParser({
    preserveOrder: true,
    jPath: false,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    parseAttributeValue: false,
    processEntities: false,
    ignoreDeclaration: true,
    trimValues: true,
    stopNodes: [...(expect.rawPaths ?? [])],
  });
}

function elementsOf(nodes: readonly FxpNode[]): XmlElement[] {
  const elements: XmlElement[] = [];
  for (const node of nodes) {
    const name = nameOf(node);
    if (name === undefined) continue;
    const content = node[name] as readonly FxpNode[];
    const only = content.length === 1 ? content[0]?.['#text'] : undefined;
    const isLeaf = typeof only === 'string';
    elements.push({
      name,
      text: isLeaf ? only.trim() : textOf(content),
      attributes: node[':@'] ?? NO_ATTRIBUTES,
      children: isLeaf ? NO_CHILDREN : elementsOf(content),
    });
  }
  return elements;
}

const NO_ATTRIBUTES: Readonly<Record<string, string>> = {};
const NO_CHILDREN: readonly XmlElement[] = [];

function nameOf(node: FxpNode): string | undefined {
  for (const key in node) if (key !== ':@' && key !== '#text') return key;
  return undefined;
}

function textOf(content: readonly FxpNode[]): string {
  const texts = content.flatMap((node) => (typeof node['#text'] === 'string' ? [node['#text']] : []));
  return texts.join(' ').trim();
}

function refuseForeign(source: SourceText, root: string): void {
  const start = source.text.search(/\S/);
  if (source.text[start] !== '<')
    throw invalidSource(source.tool, `no XML document: it starts with "${firstLine(source.text)}"`, placeAt(source.text, start));
  const declaration = /<!(?:ENTITY|ELEMENT|ATTLIST|NOTATION)|<!DOCTYPE[^>[]*\[/.exec(source.text);
  if (declaration !== null) throw invalidSource(source.tool, 'DTD declarations are refused', placeAt(source.text, declaration.index));
  if (!source.text.includes(`<${root}`)) throw invalidSource(source.tool, `no <${root}> element`, placeAt(source.text, start));
}

function firstLine(text: string): string {
  return text.trimStart().split('\n', 1).join('').slice(0, 80);
}

/** Offsets of the tags still open at the end; caps depth and count before anything is built. */
function scanTags(source: SourceText): readonly number[] {
  const { text, tool } = source;
  const open: number[] = [];
  let elements = 0;
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at + 1)) {
    const next = text.charCodeAt(at + 1);
    if (next === BANG || next === QUESTION) continue;
    if (next === SLASH) {
      open.pop();
      continue;
    }
    elements += 1;
    if (elements > MAX_ELEMENTS) throw sourceLimit(tool, `more than ${MAX_ELEMENTS} elements`, placeAt(text, at));
    const end = text.indexOf('>', at);
    if (end > 0 && text.charCodeAt(end - 1) === SLASH) continue;
    open.push(at);
    if (open.length > MAX_DEPTH) throw sourceLimit(tool, `elements nest deeper than ${MAX_DEPTH}`, placeAt(text, at));
  }
  return open;
}

const [BANG, QUESTION, SLASH] = [0x21, 0x3f, 0x2f];

function tagName(text: string, offset: number): string {
  return /^[\w.:-]{0,60}/.exec(text.slice(offset + 1, offset + 61))?.[0] ?? '';
}

function malformed(
  source: SourceText,
  err: { readonly msg: string; readonly line: number; readonly col: number },
  open: readonly number[],
): Error {
  const end = placeAt(source.text, source.text.length);
  const path = `/${open.map((offset) => tagName(source.text, offset)).join('/')}`;
  const isCut = /^(?:Unclosed tag|Invalid '\[)/.test(err.msg) || (err.line === end.line && !source.text.trimEnd().endsWith('>'));
  if (open.length > 0 && isCut) return invalidSource(source.tool, 'the document ends before it is complete', { ...end, path });
  return invalidSource(source.tool, `not well-formed XML: ${err.msg.slice(0, 200)}`, { line: err.line, column: err.col });
}

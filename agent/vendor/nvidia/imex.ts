import { given } from '../given.ts';
import { asObject, holdsJson, parseJson, type JsonValue } from '../json-source.ts';
import { isIdle, wholeLines } from '../lines.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { readValue } from '../value.ts';
import { decodeSource, invalidSource, type SourceLine } from '../source-text.ts';
import { lookup } from '../lookup.ts';

const TOOL = 'imex';
const SOURCE = 'nvidia-imex-ctl';

/** What stands in place of a host: names and addresses identify the site. */
const WITHHELD_HOST = { reading: { state: 'absent', reason: 'not kept: host names and addresses identify the site' } } as const;

/** State of the whole IMEX domain. */
export type ImexDomainState = 'UP' | 'DEGRADED' | 'DOWN';

/** One node of the domain. Host names and addresses are dropped while parsing. */
export interface ImexNode {
  readonly node: number;
  /** READY is the good state; INITIALIZING, WAITING_FOR_PEERS, UNAVAILABLE and others are not. */
  readonly state: string;
  readonly version?: string;
  /** Peer number to connection state: CONNECTED, INVALID, NEVER_CONNECTED, RECOVERING, DISCONNECTED, AUTHENTICATING, VERSION_MISMATCH, NODE_MAP_MISMATCH. */
  readonly connections: Readonly<Record<string, string>>;
  /** Every leaf of the node, the withheld ones included. */
  readonly fields: readonly Field[];
}

/** What `nvidia-imex-ctl` says: `-N` about the domain, `-q` about this node alone. */
export interface Imex {
  /** Undefined for `-q`. */
  readonly domain?: ImexDomainState;
  /** State of this node, for `-q`. */
  readonly local?: string;
  readonly nodes: readonly ImexNode[];
}

const NODE_STATES =
  /^(?:READY|INITIALIZING|STARTING_AUTH_SERVER|WAITING_FOR_PEERS|WAITING_FOR_RECOVERY|INIT_GPU|SHUTTING_DOWN|UNAVAILABLE)$/;
const LETTERS: Readonly<Record<string, string>> = {
  C: 'CONNECTED',
  I: 'INVALID',
  N: 'NEVER_CONNECTED',
  R: 'RECOVERING',
  D: 'DISCONNECTED',
  A: 'AUTHENTICATING',
  '!V!': 'VERSION_MISMATCH',
  '!M!': 'NODE_MAP_MISMATCH',
};

/**
 * Parses `nvidia-imex-ctl -N` (text or `-j`) and `-q`. Only the root `status` of the JSON is the state of the domain.
 * @throws VENDOR_OUTPUT_INVALID with place; VENDOR_OUTPUT_LIMIT
 */
export function parseImex(bytes: Uint8Array): Parsed<Imex> {
  const tally = new Tally(TOOL);
  const source = decodeSource(TOOL, bytes);
  const value = holdsJson(source)
    ? readJson(parseJson(source).value, tally)
    : readText(
        wholeLines(tally, bytes, (text) => NODE_STATES.test(text) || /^Domain State: (?:UP|DOWN|DEGRADED)$/.test(text)),
        tally,
      );
  for (const node of value.nodes) {
    const missing = value.nodes.filter((peer) => node.connections[peer.node] === undefined).map((peer) => peer.node);
    if (missing.length > 0) tally.partial(`node ${node.node} lists no connection to ${missing.join(', ')}`);
  }
  return tally.finish(value, measure(value));
}

function readJson(json: JsonValue, tally: Tally): Imex {
  const root = asObject(json);
  const nodes = asObject(root?.['nodes']);
  const domain = domainState(root?.['status']);
  if (root === undefined || nodes === undefined || domain === undefined)
    throw invalidSource(TOOL, 'no "nodes" with a root "status" of UP, DEGRADED or DOWN', { path: '/' });
  tally.typed();
  for (const key of Object.keys(root))
    if (key === 'timestamp') tally.typed();
    else if (key !== 'nodes' && key !== 'status') tally.unread(`/${key}`);
  const list = Object.entries(nodes).flatMap(([number, node]) => readJsonNode(number, node, tally));
  return { domain, nodes: list.toSorted((left, right) => left.node - right.node) };
}

function readJsonNode(number: string, value: JsonValue, tally: Tally): ImexNode[] {
  const node = asObject(value);
  const state = node?.['status'];
  if (node === undefined || typeof state !== 'string' || !/^\d{1,5}$/.test(number)) {
    tally.unread(`/nodes/${number}`);
    tally.partial(`node ${number.slice(0, 20)} has no status`);
    return [];
  }
  const connections: Record<string, string> = {};
  const fields: Field[] = [];
  for (const [key, member] of Object.entries(node))
    if (key !== 'connections') fields.push(leafField(key, member, `/nodes/${number}/${key}`));
  for (const [peer, link] of Object.entries(asObject(node['connections']) ?? {})) {
    const status = asObject(link)?.['status'];
    if (typeof status === 'string') connections[peer] = status;
    for (const [key, member] of Object.entries(asObject(link) ?? {}))
      fields.push({
        ...leafField(key, member, `/nodes/${number}/connections/${peer}/${key}`),
        key: key === 'status' ? `connection.${peer}` : `connection.${peer}.${key}`,
      });
  }
  tally.typed(fields.length);
  return [
    {
      node: Number(number),
      state,
      connections,
      fields,
      ...given({ version: typeof node['version'] === 'string' ? node['version'] : undefined }),
    },
  ];
}

function leafField(key: string, value: JsonValue, path: string): Field {
  const name = key === 'status' ? 'state' : key;
  if (key === 'host' || key === 'hostName') return { key: name, path, ...WITHHELD_HOST };
  return {
    key: name,
    path,
    ...(typeof value === 'boolean'
      ? readValue('flag', String(value))
      : readValue('text', typeof value === 'string' ? value : JSON.stringify(value))),
  };
}

const NODE_LINE = /^Node #(\d{1,5})\s+[-*]\s+(\S.{0,120}?)\s+[-*]\s+([A-Z_]{2,40})(?:\s+[-*]\s+Version: (\S{1,20}))?$/;

interface OpenNode extends ImexNode {
  readonly connections: Record<string, string>;
  readonly fields: Field[];
}

interface TextState {
  readonly nodes: Map<number, OpenNode>;
  columns: readonly string[];
  domain?: ImexDomainState;
  local?: string;
}

function readText(lines: readonly SourceLine[], tally: Tally): Imex {
  const state: TextState = { nodes: new Map(), columns: [] };
  for (const line of lines) if (!readTextLine(line, state, tally)) tally.unread(`line ${line.number}: ${line.text.trim().slice(0, 60)}`);
  const { nodes, domain, local } = state;
  if (nodes.size === 0 && local === undefined) throw invalidSource(TOOL, 'neither a node list nor a node state', { line: 1 });
  if (nodes.size > 0 && domain === undefined) tally.partial('no "Domain State" line: the output ends before it');
  return { nodes: [...nodes.values()], ...given({ domain, local }) };
}

/** Reads one line; false for a line that nothing here explains. */
function readTextLine(line: SourceLine, state: TextState, tally: Tally): boolean {
  const text = line.text.trim();
  const node = NODE_LINE.exec(text);
  const row = state.columns.length === 0 ? null : /^(\d{1,5})((?:\s+\S{1,3})+)$/.exec(text);
  const domain = domainState(/^Domain State: (\S{1,20})$/.exec(text)?.[1]);
  if (node !== null) {
    const path = `line ${line.number}`;
    const fields: Field[] = [
      { key: 'state', path, ...readValue('text', node[3] ?? '') },
      { key: 'host', path, ...WITHHELD_HOST },
      ...(node[4] === undefined ? [] : [{ key: 'version', path, ...readValue('text', node[4]) }]),
    ];
    tally.typed(fields.length + 1);
    state.nodes.set(Number(node[1]), {
      node: Number(node[1]),
      state: node[3] ?? '',
      connections: {},
      fields,
      ...given({ version: node[4] }),
    });
  } else if (row !== null)
    readRow(state.nodes.get(Number(row[1])), { cells: (row[2] ?? '').trim().split(/\s+/), columns: state.columns, line, tally });
  else if (/^Nodes From\\To\b/.test(text)) state.columns = text.split(/\s+/).slice(2);
  else if (domain !== undefined) {
    tally.typed();
    state.domain = domain;
  } else if (NODE_STATES.test(text)) {
    tally.typed();
    state.local = text;
  } else return isProse(text);
  return true;
}

interface MatrixRow {
  readonly cells: readonly string[];
  readonly columns: readonly string[];
  readonly line: SourceLine;
  readonly tally: Tally;
}

function readRow(node: OpenNode | undefined, { cells, columns, line, tally }: MatrixRow): void {
  for (const [index, letter] of cells.entries()) {
    const state = lookup(LETTERS, letter);
    const peer = columns[index];
    if (node === undefined || state === undefined || peer === undefined) tally.unread(`line ${line.number} column ${index + 1}`);
    else {
      tally.typed();
      node.connections[peer] = state;
      node.fields.push({ key: `connection.${peer}`, path: `line ${line.number}`, ...readValue('text', state) });
    }
  }
}

function isProse(text: string): boolean {
  return (
    isIdle(text) ||
    /^(?:Connectivity Table Legend|Nodes):$|^(?:[INRDAC]|![VM]!) - /.test(text) ||
    /^\d{1,2}\/\d{1,2}\/\d{4} \d\d:\d\d:\d\d/.test(text)
  );
}

function domainState(value: JsonValue | undefined): ImexDomainState | undefined {
  return value === 'UP' || value === 'DEGRADED' || value === 'DOWN' ? value : undefined;
}

function measure(imex: Imex): Parsed<unknown>['measurements'] {
  const own = Object.entries(given({ domain: imex.domain, local: imex.local })).flatMap(([item, state]) =>
    toMeasurements([{ key: 'state', path: item, ...readValue('text', String(state)) }], { subtype: 'imex', item, source: SOURCE }),
  );
  return [
    ...own,
    ...imex.nodes.flatMap((node) => toMeasurements(node.fields, { subtype: 'imex', item: `node${node.node}`, source: SOURCE })),
  ];
}

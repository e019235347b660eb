import { given } from '../given.ts';
import { asArray, asObject, parseJson, type JsonValue } from '../json-source.ts';
import { Tally, toMeasurements, type Field, type Parsed } from '../parsed.ts';
import { readValue } from '../value.ts';
import { decodeSource, invalidSource } from '../source-text.ts';
import { lookup } from '../lookup.ts';

const TOOL = 'dcgmi-diag';
const ROOTS = ['DCGM Diagnostic', 'DCGM GPU Diagnostic'];

/** How one test ended on one set of entities. */
export type DiagStatus = 'pass' | 'fail' | 'warn' | 'skip' | 'not-run';

/** One warning; error id, category and severity since DCGM 4. */
export interface DiagWarning {
  readonly message: string;
  readonly errorId?: number;
  readonly category?: number;
  /** 0 none, 1 monitor, 2 isolate, 3 unknown, 4 triage, 5 config, 6 reset. */
  readonly severity?: number;
}

/** One result of one test. */
export interface DiagResult {
  readonly category: string;
  readonly test: string;
  readonly status: DiagStatus;
  /** GPU numbers or `group:id` of DCGM 4; empty for a test of the whole node. */
  readonly entities: readonly string[];
  readonly warnings: readonly DiagWarning[];
  /** What the test reports besides, such as a measured bandwidth. */
  readonly info: readonly string[];
  /** Set for the summary that DCGM 4 adds to each test: it repeats the results, do not count it beside them. */
  readonly isSummary?: true;
}

/** What `dcgmi diag -j` says. */
export interface DcgmDiag {
  /** 3 with per-GPU results, 4 with entity groups. */
  readonly layout: 3 | 4;
  readonly version?: string;
  readonly driverVersion?: string;
  readonly results: readonly DiagResult[];
  /** Leaves beside the results: device ids, versions; serial numbers are dropped while parsing. */
  readonly headers: readonly Field[];
}

/**
 * Parses `dcgmi diag -j` of DCGM 3 and 4. Lines before the document are kept in `partial`.
 * @throws VENDOR_OUTPUT_INVALID with line and column, or key path; VENDOR_OUTPUT_LIMIT
 */
export function parseDcgmDiag(bytes: Uint8Array): Parsed<DcgmDiag> {
  const json = parseJson(decodeSource(TOOL, bytes));
  const tally = new Tally(TOOL);
  for (const line of json.preamble) tally.partial(`before the document: ${line.slice(0, 200)}`);
  const { name, document, root, categories } = findRoot(json.value);
  const results = categories.flatMap((category, index) => readCategory(category, `/test_categories[${index}]`, tally));
  const beside = [...Object.entries(document), ...Object.entries(root)].filter(([key]) => key !== name && key !== 'test_categories');
  const headerFields = beside.flatMap(([key, value]) => readHeader(key, value, tally));
  if (results.length === 0) tally.partial('no test has a result');
  const headers = [document['metadata'], root['metadata'], root, document];
  const version = headerText(headers, ['DCGM Version', 'version']);
  const driverVersion = headerText(headers, ['Driver Version Detected']);
  return tally.finish({ layout: name === ROOTS[0] ? 4 : 3, ...given({ version, driverVersion }), results, headers: headerFields }, [
    ...results.flatMap(measure),
    ...toMeasurements(headerFields, { subtype: 'nvidia', source: 'dcgmi diag -j:' }),
  ]);
}

function findRoot(value: JsonValue): {
  readonly name: string;
  readonly document: JsonObject;
  readonly root: JsonObject;
  readonly categories: readonly JsonValue[];
} {
  const document = asObject(value) ?? {};
  for (const name of ROOTS) {
    const root = asObject(document[name]);
    const categories = asArray(root?.['test_categories']);
    if (root !== undefined && categories !== undefined) return { name, document, root, categories };
  }
  throw invalidSource(TOOL, `no "${ROOTS.join('" or "')}" with "test_categories"`, { path: '/' });
}

function headerText(headers: readonly (JsonValue | undefined)[], keys: readonly string[]): string | undefined {
  return headers.flatMap((header) => keys.map((key) => textIn(asObject(header)?.[key]))).find((text) => text !== undefined);
}

type JsonObject = { readonly [key: string]: JsonValue };

const HEADER_KEYS =
  /^(?:metadata|version|DCGM Version|Driver Version Detected|GPU Device (?:IDs|Serials)(?: Detected)?|GPU Serials|entity_groups|runtime_error|Warning)$/i;

function readHeader(key: string, value: JsonValue, tally: Tally): Field[] {
  const fields = headerLeaves(key.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_'), value, `/${key}`);
  for (const field of fields) {
    if (HEADER_KEYS.test(key)) tally.typed();
    else tally.unread(field.path);
  }
  if (key === 'runtime_error') tally.partial(`runtime error: ${textIn(value)?.slice(0, 200) ?? ''}`);
  return HEADER_KEYS.test(key) ? fields : [];
}

function headerLeaves(key: string, value: JsonValue, path: string): Field[] {
  const list = asArray(value);
  const object = asObject(value);
  if (list !== undefined) return list.flatMap((member, index) => headerLeaves(`${key}[${index}]`, member, `${path}[${index}]`));
  if (object !== undefined)
    return Object.entries(object).flatMap(([name, member]) => headerLeaves(`${key}.${name}`, member, `${path}/${name}`));
  if (/serial/i.test(path)) return [{ key, path, reading: { state: 'absent', reason: 'not kept: a serial number identifies a device' } }];
  return [{ key, path, ...readValue('text', value === null ? '' : String(value)) }];
}

function leavesOf(value: JsonValue): number {
  const members = asArray(value) ?? (asObject(value) === undefined ? undefined : Object.values(asObject(value) ?? {}));
  return members === undefined ? 1 : members.reduce<number>((sum, member) => sum + leavesOf(member), 0);
}

function readCategory(value: JsonValue, path: string, tally: Tally): DiagResult[] {
  const category = asObject(value);
  const name = textIn(category?.['category']);
  const tests = asArray(category?.['tests']);
  if (name === undefined || tests === undefined) {
    tally.unread(path);
    return [];
  }
  tally.typed();
  return tests.flatMap((test, index) => readTest(test, { category: name, path: `${path}/tests[${index}]`, tally }));
}

interface TestContext {
  readonly category: string;
  readonly path: string;
  readonly tally: Tally;
}

function readTest(value: JsonValue, context: TestContext): DiagResult[] {
  const { category, path, tally } = context;
  const test = asObject(value);
  const name = textIn(test?.['name']);
  if (test === undefined || name === undefined) {
    tally.unread(path);
    return [];
  }
  tally.typed();
  const results = asArray(test['results']) ?? [];
  const summary = asObject(test['test_summary']);
  const of = { category, test: name, tally };
  for (const key of Object.keys(test)) if (!['name', 'results', 'test_summary'].includes(key)) tally.unread(`${path}/${key}`);
  return [
    ...results.flatMap((result, index) => readResult(result, { ...of, path: `${path}/results[${index}]` })),
    ...(summary === undefined
      ? []
      : readResult(summary, { ...of, path: `${path}/test_summary` }).map((result) => ({ ...result, isSummary: true as const }))),
  ];
}

const STATUS: Readonly<Record<string, DiagStatus>> = {
  pass: 'pass',
  fail: 'fail',
  warn: 'warn',
  skip: 'skip',
  'not run': 'not-run',
  skipped: 'skip',
};
const RESULT_KEYS = new Set(['status', 'gpu_id', 'gpu_ids', 'entity_group', 'entity_group_id', 'entity_id', 'warnings', 'info', 'message']);

function readResult(value: JsonValue, context: TestContext & { readonly test: string }): DiagResult[] {
  const { category, test, path, tally } = context;
  const result = asObject(value);
  if (result === undefined) {
    if (value === null) tally.typed();
    else tally.unread(path);
    tally.partial(`${path} is ${value === null ? 'null' : 'no object'}`);
    return [];
  }
  const status = lookup(STATUS, textIn(result['status'])?.toLowerCase() ?? '');
  for (const [key, member] of Object.entries(result)) {
    if (RESULT_KEYS.has(key) && !(key === 'status' && status === undefined)) tally.typed(leavesOf(member));
    else tally.unread(`${path}/${key}`);
  }
  if (status === undefined) tally.partial(`${path} has no known status`);
  if (status === undefined) return [];
  const info = textsIn([result['info'] ?? null, result['message'] ?? null]);
  return [{ category, test, status, entities: entitiesOf(result), warnings: warningsOf(result['warnings'] ?? null), info }];
}

function entitiesOf(result: JsonObject): string[] {
  const group = textIn(result['entity_group'] ?? result['entity_group_id']);
  const id = textIn(result['entity_id']);
  if (id !== undefined) return [`${group ?? 'entity'}:${id}`];
  const gpus = textIn(result['gpu_ids'] ?? result['gpu_id']);
  return gpus === undefined ? [] : gpus.split(',').map((gpu) => gpu.trim());
}

function warningsOf(value: JsonValue): DiagWarning[] {
  const list = asArray(value) ?? [value];
  return list.flatMap((member) => {
    const object = asObject(member);
    const message = textIn(object === undefined ? member : (object['warning'] ?? object['message'] ?? null));
    if (message === undefined) return [];
    return [
      {
        message: message.slice(0, 300),
        ...given({
          errorId: numberIn(object?.['error_id']),
          category: numberIn(object?.['error_category']),
          severity: numberIn(object?.['error_severity']),
        }),
      },
    ];
  });
}

function measure(result: DiagResult): Parsed<unknown>['measurements'] {
  const key = `diag.${result.test.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}`;
  const item = result.isSummary === true ? 'summary' : result.entities.length === 0 ? 'node' : result.entities.join(',');
  return [
    {
      type: 'Hardware',
      subtype: 'nvidia',
      item,
      key,
      reading: { state: 'read', value: result.status },
      source: `dcgmi diag -j: ${result.category}`,
    },
  ];
}

/** All texts of a value, at any depth. */
function textsIn(value: JsonValue): string[] {
  const members = asArray(value) ?? Object.values(asObject(value) ?? {});
  const text = textIn(value);
  return text === undefined ? members.flatMap(textsIn) : [text.slice(0, 300)];
}

function textIn(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
}

function numberIn(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

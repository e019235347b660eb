import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { AssayError, errorText } from '#core/error.ts';
import type { CtrfReport, CtrfTest } from './report.ts';
import { countTests, isCtrfStatus } from './summary.ts';

/** Tests one report may hold: 10,000 nodes with 60 checks each. */
const MAX_TESTS = 600_000;
/** Problems reported for one file; more would only repeat themselves. */
const MAX_PROBLEMS = 20;

type Json = Readonly<Record<string, unknown>>;
type Complain = (where: string, what: string) => void;

/**
 * Reads a CTRF report and lists everything that breaks the schema or contradicts itself.
 * @param bytes exact bytes of the file, already bounded in size
 * @param name path for messages
 * @returns the report as far as its tests could be read, and the problems found (empty when it is sound)
 * @throws CTRF_INVALID when it is no JSON object with a list of tests
 * @source CTRF schema 0.0.1
 */
export function parseReport(bytes: Uint8Array, name: string): { readonly report: CtrfReport; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const complain: Complain = (where, what) => void (problems.length < MAX_PROBLEMS && problems.push(`${where}: ${what}`));
  const document = parseJson(bytes, name);
  const results = asObject(document['results']);
  const tests = results?.['tests'];
  if (results === undefined || !Array.isArray(tests)) throw invalid(name, 'it has no results.tests list');
  if (tests.length > MAX_TESTS) throw invalid(name, `it lists ${tests.length} tests, more than ${MAX_TESTS}`);
  if (document['reportFormat'] !== 'CTRF') complain('reportFormat', 'is not "CTRF"');
  if (typeof document['specVersion'] !== 'string') complain('specVersion', 'is missing');
  if (typeof asObject(results['tool'])?.['name'] !== 'string') complain('results.tool.name', 'is missing');
  tests.forEach((test: unknown, index) => checkTest(test, `results.tests[${index}]`, complain));
  const readable = tests.filter((test): test is CtrfTest => isCtrfStatus(asObject(test)?.['status']));
  checkSummary(asObject(results['summary']), readable, complain);
  return { report: { ...document, results: { ...results, tests: readable } } as unknown as CtrfReport, problems };
}

function checkTest(value: unknown, where: string, complain: Complain): void {
  const test = asObject(value);
  if (test === undefined) return complain(where, 'is no object');
  if (typeof test['name'] !== 'string' || test['name'] === '') complain(`${where}.name`, 'is missing');
  if (!isCtrfStatus(test['status'])) complain(`${where}.status`, `"${String(test['status']).slice(0, 40)}" is no CTRF state`);
  if (!isCount(test['duration'])) complain(`${where}.duration`, 'is no whole number of milliseconds');
  if (test['suite'] !== undefined && !isTextList(test['suite'])) complain(`${where}.suite`, 'is no list of texts');
  if (test['message'] !== undefined && typeof test['message'] !== 'string') complain(`${where}.message`, 'is no text');
  if (test['stdout'] !== undefined && !isTextList(test['stdout'])) complain(`${where}.stdout`, 'is no list of lines');
}

function checkSummary(summary: Json | undefined, tests: readonly CtrfTest[], complain: Complain): void {
  if (summary === undefined) return complain('results.summary', 'is missing');
  const counted: Readonly<Record<string, number>> = { tests: tests.length, ...countTests(tests) };
  for (const [key, value] of Object.entries(counted)) {
    if (!isCount(summary[key])) complain(`results.summary.${key}`, 'is no whole number');
    else if (summary[key] !== value) complain(`results.summary.${key}`, `says ${String(summary[key])}, the tests give ${value}`);
  }
  for (const key of ['start', 'stop'])
    if (!isCount(summary[key])) complain(`results.summary.${key}`, 'is no whole number of epoch milliseconds');
}

function parseJson(bytes: Uint8Array, name: string): Json {
  try {
    const document = asObject(parseStrictJson(bytes, name));
    if (document !== undefined) return document;
  } catch (cause) {
    throw invalid(name, errorText(cause), cause);
  }
  throw invalid(name, 'the document is no object');
}

function invalid(name: string, reason: string, cause?: unknown): AssayError {
  return new AssayError('CTRF_INVALID', `${name} is not a CTRF report: ${reason}`, {
    hint: 'Give the CTRF file that the validator wrote, unedited.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

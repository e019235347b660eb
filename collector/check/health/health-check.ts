import type { ObjectSelection } from '#core/cluster/cluster.ts';
import { Field } from '#core/digest/document-field.ts';
import { parseYamlNodes } from '#core/digest/read-yaml.ts';
import { isAssayError } from '#core/error.ts';
import { readPattern, type Pattern } from './pattern.ts';
import { goDuration } from './go-duration.ts';

/** One operation: some object matches (`assert`), or none does (`error`). */
export interface HealthOperation {
  readonly operation: 'assert' | 'error';
  /** Name of its step, for messages. */
  readonly step: string;
  /** Where it stands in the file. */
  readonly path: string;
  readonly selection: ObjectSelection;
  /** Absent: all objects of the selection. */
  readonly name: string | undefined;
  readonly pattern: Pattern;
}

/** One Chainsaw test, as much of it as is supported. */
export interface HealthCheck {
  readonly name: string;
  readonly operations: readonly HealthOperation[];
  /** Time for the whole test. */
  readonly budgetMs: number;
}

const API_VERSION = 'chainsaw.kyverno.io/v1alpha1';
/** Time of a test that names none. @source Chainsaw documentation, default assert timeout */
const DEFAULT_BUDGET_MS = 30_000;
const MAX_OPERATIONS = 500;
const MAX_BYTES = 1024 * 1024;

const TEST_KEYS = ['apiVersion', 'kind', 'metadata', 'spec'];
const SPEC_KEYS = ['description', 'timeouts', 'steps'];
const STEP_KEYS = ['name', 'description', 'try'];
const OPERATION_KEYS = ['assert', 'error', 'description'];

/**
 * Reads the health checks of one file: every document of it. Whatever is outside of the subset is refused, so that nothing is
 * taken for checked that was not.
 * @param text Chainsaw `Test` documents
 * @param name what messages call the file
 * @throws CATALOG_INVALID with the place; YAML_INVALID, FILE_TOO_LARGE
 */
export function parseHealthChecks(text: string, name: string): readonly HealthCheck[] {
  return parseYamlNodes(text, { name, maxBytes: MAX_BYTES })
    .filter((node) => node !== null)
    .map((node) => readTest(new Field(node, { name, code: 'CATALOG_INVALID' })));
}

function readTest(test: Field): HealthCheck {
  onlyKeys(test, TEST_KEYS);
  if (test.member('apiVersion').text() !== API_VERSION) throw test.member('apiVersion').error(`not ${API_VERSION}`);
  if (test.member('kind').text() !== 'Test') throw test.member('kind').error('not Test');
  const spec = test.member('spec');
  onlyKeys(spec, SPEC_KEYS);
  const operations = (spec.member('steps').items() ?? []).flatMap(readStep);
  if (operations.length > MAX_OPERATIONS) throw spec.member('steps').error(`more than ${MAX_OPERATIONS} operations`);
  return { name: test.member('metadata').member('name').text() ?? '', operations, budgetMs: readBudget(spec.member('timeouts')) };
}

function readBudget(timeouts: Field): number {
  const assert = timeouts.member('assert');
  const text = assert.text();
  if (text === undefined) return DEFAULT_BUDGET_MS;
  const budgetMs = goDuration(text);
  if (budgetMs === undefined || budgetMs <= 0) throw assert.error(`"${text}" is not a duration such as 5m or 90s`);
  return budgetMs;
}

function readStep(step: Field): readonly HealthOperation[] {
  onlyKeys(step, STEP_KEYS);
  return (step.member('try').items() ?? []).map((item) => readOperation(item, step.member('name').text() ?? step.path));
}

function readOperation(item: Field, step: string): HealthOperation {
  onlyKeys(item, OPERATION_KEYS);
  const kinds = (['assert', 'error'] as const).filter((kind) => item.member(kind).present);
  const [operation] = kinds;
  if (operation === undefined || kinds.length > 1) throw item.error('exactly one of assert and error is expected');
  const body = item.member(operation);
  onlyKeys(body, ['resource']);
  const resource = body.member('resource');
  const metadata = resource.member('metadata');
  const name = metadata.member('name').text();
  return { operation, step, path: body.path, selection: readSelection(resource, name === undefined), name, pattern: readPattern(resource) };
}

/** What to ask the cluster for. Labels select only where no name does, as in the format. */
function readSelection(resource: Field, byLabels: boolean): ObjectSelection {
  const required = (key: string): string => {
    const text = resource.member(key).text();
    if (text === undefined || text === '') throw resource.error(`${key} is missing`);
    return text;
  };
  const metadata = resource.member('metadata');
  const namespace = metadata.member('namespace').text();
  const labels = byLabels ? labelSelector(metadata.member('labels')) : undefined;
  return {
    apiVersion: required('apiVersion'),
    kind: required('kind'),
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
  };
}

/** A label whose key or value is no plain text is left to the pattern. */
function labelSelector(labels: Field): string | undefined {
  const pairs = (labels.members() ?? []).flatMap(([key, field]) => {
    const value = textOrNothing(field);
    return key.startsWith('(') || value === undefined ? [] : [`${key}=${value}`];
  });
  return pairs.length === 0 ? undefined : pairs.join(',');
}

function textOrNothing(field: Field): string | undefined {
  try {
    return field.text();
  } catch (error) {
    if (isAssayError(error)) return undefined;
    throw error;
  }
}

function onlyKeys(field: Field, allowed: readonly string[]): void {
  const other = (field.members() ?? []).find(([key]) => !allowed.includes(key));
  if (other !== undefined) throw other[1].error(`"${other[0]}" is not supported here: only ${allowed.join(', ')}`);
}

import type { Field } from '../digest/document-field.ts';
import type { CanonicalValue } from '../digest/yaml-value.ts';
import { compact } from './compact.ts';
import {
  RECIPE_PHASES,
  type ComponentRef,
  type Constraint,
  type Criteria,
  type ExpectedResource,
  type NodeSelection,
  type Validation,
  type ValidationPhase,
  type ValueMap,
} from './document.ts';

/** Starts with a letter or digit, so that neither `..` nor an option can be a name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

/** Criteria of an overlay or recipe; undefined when the document has none. */
export function decodeCriteria(field: Field): Criteria | undefined {
  if (!field.present) return undefined;
  return compact<Criteria>({
    service: decodeDimension(field.member('service')),
    accelerator: decodeDimension(field.member('accelerator')),
    intent: decodeDimension(field.member('intent')),
    os: decodeDimension(field.member('os')),
    platform: decodeDimension(field.member('platform')),
    nodes: field.member('nodes').integer(),
  });
}

/** Constraints in file order; undefined when the list is absent or null. */
export function decodeConstraints(field: Field): Constraint[] | undefined {
  return field.items()?.map((item) => ({
    name: item.member('name').text() ?? '',
    value: item.member('value').text() ?? '',
    ...compact<Omit<Constraint, 'name' | 'value'>>({
      severity: item.member('severity').text(),
      remediation: item.member('remediation').text(),
      unit: item.member('unit').text(),
    }),
  }));
}

/** Component references in file order; each needs a name. */
export function decodeComponents(field: Field): ComponentRef[] {
  return (field.items() ?? []).map(decodeComponent);
}

/** Validation phases; undefined when absent, so that an overlay without it keeps what it inherits. */
export function decodeValidation(field: Field): Validation | undefined {
  if (!field.present) return undefined;
  const phases = RECIPE_PHASES.flatMap((phase) => {
    const member = field.member(phase);
    return member.present ? [[phase, decodePhase(member)] as const] : [];
  });
  return Object.fromEntries(phases);
}

/**
 * A name that becomes part of file names and object names: letters, digits, `.`, `_` and `-`, nothing else.
 * @throws the field's code for a missing or hostile name
 */
export function decodeName(field: Field): string {
  const name = field.text() ?? '';
  if (!NAME.test(name)) throw field.error(name === '' ? 'a name is missing' : `${JSON.stringify(name.slice(0, 80))} is not a name`);
  return name;
}

/**
 * A path below the catalog; undefined when absent or empty.
 * @throws the field's code for an absolute path or one that climbs
 */
export function decodePath(field: Field): string | undefined {
  const path = field.text() ?? '';
  const climbs = path.split('/').includes('..') || path.startsWith('/') || path.includes('\\') || path.includes('\0');
  if (climbs) throw field.error(`${JSON.stringify(path.slice(0, 120))} leaves the catalog`);
  return path === '' ? undefined : path;
}

function decodePaths(field: Field): string[] | undefined {
  return field.items()?.map((item) => decodePath(item) ?? '');
}

function decodeDimension(field: Field): string | undefined {
  return field.present && field.text() !== '' ? decodeName(field) : undefined;
}

function decodeComponent(field: Field): ComponentRef {
  return {
    name: decodeName(field.member('name')),
    type: field.member('type').text() ?? '',
    source: field.member('source').text() ?? '',
    ...compact<Omit<ComponentRef, 'name' | 'type' | 'source'>>({
      namespace: field.member('namespace').text(),
      chart: field.member('chart').text(),
      version: field.member('version').text(),
      tag: field.member('tag').text(),
      valuesFile: decodePath(field.member('valuesFile')),
      overrides: decodeValues(field.member('overrides')),
      patches: field.member('patches').texts(),
      dependencyRefs: field.member('dependencyRefs').texts(),
      manifestFiles: decodePaths(field.member('manifestFiles')),
      preManifestFiles: decodePaths(field.member('preManifestFiles')),
      path: field.member('path').text(),
      cleanup: field.member('cleanup').flag(),
      expectedResources: field.member('expectedResources').items()?.map(decodeResource),
      healthCheckAsserts: field.member('healthCheckAsserts').text(),
      healthCheckSkip: field.member('healthCheckSkip').flag(),
    }),
  };
}

function decodeValues(field: Field): ValueMap | undefined {
  const members = field.members();
  return members === undefined
    ? undefined
    : Object.fromEntries(members.map(([key, value]): [string, CanonicalValue] => [key, value.value()]));
}

function decodeResource(field: Field): ExpectedResource {
  return {
    kind: field.member('kind').text() ?? '',
    name: field.member('name').text() ?? '',
    ...compact<Omit<ExpectedResource, 'kind' | 'name'>>({ namespace: field.member('namespace').text() }),
  };
}

/** Empty lists stay here: in an overlay they clear what is inherited. */
function decodePhase(field: Field): ValidationPhase {
  const constraints = decodeConstraints(field.member('constraints'));
  const checks = field.member('checks').texts();
  const selection = field.member('nodeSelection');
  return {
    ...compact<Pick<ValidationPhase, 'timeout' | 'infrastructure'>>({
      timeout: field.member('timeout').text(),
      infrastructure: field.member('infrastructure').text(),
    }),
    ...(constraints === undefined ? {} : { constraints }),
    ...(checks === undefined ? {} : { checks }),
    ...(selection.present ? { nodeSelection: decodeSelection(selection) } : {}),
  };
}

function decodeSelection(field: Field): NodeSelection {
  const selector = field.member('selector').members();
  return compact<NodeSelection>({
    selector: selector === undefined ? undefined : Object.fromEntries(selector.map(([key, value]) => [key, value.text() ?? ''])),
    maxNodes: field.member('maxNodes').integer(),
    excludeNodes: field.member('excludeNodes').texts(),
  });
}

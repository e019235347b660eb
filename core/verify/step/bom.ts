import { BUNDLE_FILE } from '#core/attestation/media-type.ts';
import type { Predicate } from '#core/attestation/predicate.ts';
import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { errorText, isAssayError } from '#core/error.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { finding, type Finding } from '../finding.ts';
import { shown } from '../foreign-text.ts';
import type { BundleFiles } from '../materialize/bundle-files.ts';
import type { StepOutcome } from '../step-outcome.ts';

/** Components of one BOM; the whole catalog has some hundreds. */
const MAX_COMPONENTS = 20_000;

interface Component {
  readonly type: string;
  readonly name: string;
  readonly version?: string;
  readonly properties: ReadonlyMap<string, string>;
}

/**
 * Checks the BOM's schema, digest and component count against the predicate, and its components against the bundled recipe.
 * @param recipe absent when it could not be read
 * @source CycloneDX 1.6; recipe-evidence v1, BOM
 */
export function checkBom(
  { files, predicate }: { readonly files: BundleFiles; readonly predicate: Predicate },
  recipe: Recipe | undefined,
): StepOutcome {
  const { digest, imageCount } = predicate.bom;
  const file = files.get(BUNDLE_FILE.bom);
  const components = file?.bytes === undefined ? 'it is missing or over the size that is read' : readComponents(file.bytes);
  if (typeof components === 'string')
    return { detail: components, findings: [finding('BOM_INVALID', `${BUNDLE_FILE.bom}: ${components}`)] };
  const findings = [
    ...(file?.digest === digest
      ? []
      : [finding('BOM_DIGEST_MISMATCH', `${BUNDLE_FILE.bom} is ${file?.digest}, the predicate says ${digest}`)]),
    ...(components.length === imageCount
      ? []
      : [finding('BOM_COUNT_WRONG', `${BUNDLE_FILE.bom} has ${components.length} components, the predicate counts ${imageCount}`)]),
    ...(recipe === undefined ? [] : recipeFindings(components, recipe)),
  ];
  return {
    detail:
      findings[0]?.detail ??
      `CycloneDX 1.6 with ${components.length} components, as the predicate says; every component of the recipe is in it`,
    compared: [
      { key: BUNDLE_FILE.bom, value: `${file?.digest} against predicate.bom.digest` },
      { key: 'components', value: `${components.length} against predicate.bom.imageCount ${imageCount}` },
      {
        key: 'recipe.yaml',
        value:
          recipe === undefined
            ? 'not readable, not compared'
            : `${enabledOf(recipe).length} enabled components against the BOM; the recipe itself names no images`,
      },
    ],
    findings,
  };
}

/** Every component, or what is wrong with the document. */
function readComponents(bytes: Uint8Array): readonly Component[] | string {
  try {
    const document = parseStrictJson(bytes, 'it') as Readonly<Record<string, unknown>> | null;
    if (document?.['bomFormat'] !== 'CycloneDX' || document['specVersion'] !== '1.6')
      return `it is ${shown(document?.['bomFormat'], 40)} ${shown(document?.['specVersion'], 20)}, not CycloneDX 1.6`;
    const list = document['components'] ?? [];
    if (!Array.isArray(list) || list.length > MAX_COMPONENTS) return `it has no list of at most ${MAX_COMPONENTS} components`;
    const read = list.map(readComponent);
    const index = read.indexOf(undefined);
    return index === -1 ? read.filter((entry) => entry !== undefined) : `components[${index}] has no type or no name`;
  } catch (error) {
    if (isAssayError(error)) return errorText(error);
    throw error;
  }
}

function readComponent(value: unknown): Component | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, name, version, properties } = value as Readonly<Record<string, unknown>>;
  if (typeof type !== 'string' || typeof name !== 'string') return undefined;
  const pairs = (Array.isArray(properties) ? (properties as readonly ({ name?: unknown; value?: unknown } | null)[]) : []).flatMap(
    (entry) => (typeof entry?.name === 'string' && typeof entry.value === 'string' ? [[entry.name, entry.value] as const] : []),
  );
  return { type, name, properties: new Map(pairs), ...(typeof version === 'string' ? { version } : {}) };
}

function recipeFindings(components: readonly Component[], recipe: Recipe): readonly Finding[] {
  const applications = new Map(components.filter(({ type }) => type === 'application').map((component) => [component.name, component]));
  const problems = enabledOf(recipe).flatMap(({ name, version, tag }) => {
    const found = applications.get(name);
    if (found === undefined) return [`${shown(name, 60)} is missing`];
    const wanted = version ?? tag;
    const has = found.properties.get('aicr:helm:version') ?? found.version;
    return wanted === undefined || wanted === '' || has === undefined || sameVersion(has, wanted)
      ? []
      : [`${shown(name, 60)} is ${shown(has, 40)}, the recipe says ${shown(wanted, 40)}`];
  });
  if (problems.length === 0) return [];
  return [
    finding(
      'BOM_DIFFERS_FROM_RECIPE',
      `${problems.slice(0, 5).join('; ')}${problems.length > 5 ? `; and ${problems.length - 5} more` : ''}`,
    ),
  ];
}

function enabledOf({ componentRefs }: Recipe): Recipe['componentRefs'] {
  return componentRefs.filter(({ overrides }) => overrides?.['enabled'] !== false);
}

function sameVersion(left: string, right: string): boolean {
  return left.replace(/^v/, '') === right.replace(/^v/, '');
}

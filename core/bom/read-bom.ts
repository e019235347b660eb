import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { AssayError, errorText } from '#core/error.ts';
import type { RecipeBom } from './recipe-bom.ts';

/** Components of one BOM; the whole catalog has some hundreds. */
const MAX_COMPONENTS = 20_000;

/**
 * Takes a supplied BOM as it is: bytes are kept; kind, version and components are looked at as a verifier will.
 * @param bytes exact bytes, already bounded in size
 * @param name path for messages
 * @throws BOM_INVALID when it is no CycloneDX 1.6 document
 */
export function readBom(bytes: Uint8Array, name: string): RecipeBom {
  const document = parse(bytes, name);
  const { bomFormat, specVersion, components = [] } = document;
  if (bomFormat !== 'CycloneDX' || specVersion !== '1.6')
    throw invalid(`${name} is ${shown(bomFormat)} ${shown(specVersion)}, not CycloneDX 1.6`, 'Convert it to CycloneDX 1.6 JSON.');
  if (!Array.isArray(components) || components.length > MAX_COMPONENTS)
    throw invalid(`${name}: components is no list of at most ${MAX_COMPONENTS}`);
  const nameless = components.findIndex((component: unknown) => !isComponent(component));
  if (nameless !== -1) throw invalid(`${name}: components[${nameless}] has no type or no name`);
  return { bytes, componentCount: components.length };
}

function parse(bytes: Uint8Array, name: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseStrictJson(bytes, name);
  } catch (cause) {
    throw invalid(errorText(cause), 'Give a CycloneDX 1.6 JSON document.', cause);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(`${name} is no JSON object`, 'Give a CycloneDX 1.6 JSON document.');
}

function isComponent(value: unknown): boolean {
  const { type, name } = (value ?? {}) as { readonly type?: unknown; readonly name?: unknown };
  return typeof type === 'string' && typeof name === 'string';
}

function shown(value: unknown): string {
  return String(value).slice(0, 40);
}

function invalid(message: string, hint = 'Write the BOM again with its tool.', cause?: unknown): AssayError {
  return new AssayError('BOM_INVALID', message, { hint, ...(cause === undefined ? {} : { cause }) });
}

import { AssayError, errorText } from '#core/error.ts';
import type { RecipeBom } from './recipe-bom.ts';

/**
 * Takes a supplied BOM as it is: bytes are kept, only its kind and number of components are read.
 * @param bytes exact bytes, already bounded in size
 * @param name path for messages
 * @throws BOM_INVALID when it is no CycloneDX 1.6 document
 */
export function readBom(bytes: Uint8Array, name: string): RecipeBom {
  const document = parse(bytes, name);
  if (document['bomFormat'] !== 'CycloneDX' || document['specVersion'] !== '1.6') {
    throw new AssayError(
      'BOM_INVALID',
      `${name} is ${String(document['bomFormat'])} ${String(document['specVersion'])}, not CycloneDX 1.6`,
      { hint: 'Convert it to CycloneDX 1.6 JSON.' },
    );
  }
  const components = document['components'] ?? [];
  if (!Array.isArray(components))
    throw new AssayError('BOM_INVALID', `${name}: components is no list`, { hint: 'Write the BOM again with its tool.' });
  return { bytes, componentCount: components.length };
}

function parse(bytes: Uint8Array, name: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw new AssayError('BOM_INVALID', `${name} is not JSON: ${errorText(cause)}`, { cause, hint: 'Give a CycloneDX 1.6 JSON document.' });
  }
  throw new AssayError('BOM_INVALID', `${name} is no JSON object`, { hint: 'Give a CycloneDX 1.6 JSON document.' });
}

import { parseStrictJson } from '../attestation/strict-json.ts';
import { decodeText, type ReadLimits } from './read-yaml.ts';
import { YamlFloat, YamlScalar, type YamlNode } from './yaml-value.ts';

/**
 * Reads one JSON document as nodes. Every number is a float, as upstream's reader has it, so that 2000000 from JSON is
 * written `2e+06`, and half of a surrogate pair becomes U+FFFD.
 * @throws JSON_INVALID, FILE_TOO_LARGE
 */
export function parseJsonNode(text: string | Uint8Array, limits: ReadLimits): YamlNode {
  return jsonNode(parseStrictJson(new TextEncoder().encode(decodeText(text, limits)), limits.name));
}

function jsonNode(value: unknown): YamlNode {
  if (value === null) return null;
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'boolean') return new YamlScalar(undefined, value);
  if (typeof value === 'number') return new YamlScalar(undefined, Number.isInteger(value) ? new YamlFloat(value) : value);
  if (Array.isArray(value)) return value.map(jsonNode);
  return new Map(Object.entries(value as object).map(([key, member]) => [key, jsonNode(member)]));
}

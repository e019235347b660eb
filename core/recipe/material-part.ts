import { isAssayError } from '../error.ts';
import { parseYamlDocuments } from '../digest/read-yaml.ts';
import { isValueMap, textKeys, YamlFloat, YamlMixedMap, YamlTimestamp, type CanonicalValue } from '../digest/yaml-value.ts';

/** A JSON value, as RFC 8785 takes it. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * A document value as JSON: texts and keys in Unicode NFC, integers beyond 2^53 and numbers that JSON does not have as
 * text, dates as RFC 3339 text.
 */
export function jsonValue(value: CanonicalValue): JsonValue {
  if (typeof value === 'string') return value.normalize('NFC');
  if (typeof value === 'bigint') return String(value);
  if (value instanceof YamlTimestamp) return value.text;
  if (value instanceof YamlMixedMap) return jsonMap(textKeys(value));
  const number = value instanceof YamlFloat ? value.value : value;
  if (typeof number === 'number') return Number.isFinite(number) ? number : String(number);
  if (Array.isArray(value)) return (value as readonly CanonicalValue[]).map(jsonValue);
  return isValueMap(value) ? jsonMap(value) : (value as null | boolean);
}

/**
 * The content of a manifest or health check: its documents when the text is YAML, so that comments and key order do not
 * count; the text without comment lines when it is a template that is no YAML yet.
 */
export function materialText(text: string, name: string): JsonValue {
  try {
    return jsonValue(parseYamlDocuments(text, { name }).filter((document) => document !== null));
  } catch (error) {
    if (isAssayError(error)) return withoutComments(text).normalize('NFC');
    throw error;
  }
}

/** Drops what a reader does not see in a template: comment lines outside block texts, blank lines, trailing space. */
function withoutComments(text: string): string {
  let blockIndent = -1;
  const kept: string[] = [];
  for (const line of text.split(/\r?\n/).map((one) => one.trimEnd())) {
    const indent = line.length - line.trimStart().length;
    const inBlock = blockIndent >= 0 && (line === '' || indent > blockIndent);
    if (!inBlock) blockIndent = /(?:^|[\s:-])[|>][-+0-9]*$/.test(line) && !line.trimStart().startsWith('#') ? indent : -1;
    if (inBlock || (line !== '' && !line.trimStart().startsWith('#'))) kept.push(line);
  }
  return kept.join('\n').replace(/\n+$/, '');
}

function jsonMap(value: { readonly [key: string]: CanonicalValue | undefined }): JsonValue {
  const entries = Object.entries(value).filter((entry): entry is [string, CanonicalValue] => entry[1] !== undefined);
  return Object.fromEntries(entries.map(([key, member]) => [key.normalize('NFC'), jsonValue(member)]));
}

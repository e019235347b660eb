import { asObject, parseJson } from './json-source.ts';
import { readValue, type TypedValue } from './value.ts';
import { decodeSource, invalidSource } from './source-text.ts';

const MAX_FILES = 50_000;

/** Files of a captured directory: relative path to text. Probes fill it from the live tree, `assay parse` from a JSON object. */
export type FileTree = ReadonlyMap<string, string>;

/**
 * Reads a captured tree: one JSON object from relative path to file text.
 * @throws VENDOR_OUTPUT_INVALID with place; VENDOR_OUTPUT_LIMIT
 */
export function parseFileTree(tool: string, bytes: Uint8Array): FileTree {
  const files = asObject(parseJson(decodeSource(tool, bytes)).value);
  if (files === undefined) throw invalidSource(tool, 'no JSON object from path to text', { path: '/' });
  const entries = Object.entries(files);
  if (entries.length === 0 || entries.length > MAX_FILES)
    throw invalidSource(tool, `${entries.length} files: expected 1 to ${MAX_FILES}`, { path: '/' });
  return new Map(
    entries.map(([path, text]) => {
      if (typeof text !== 'string') throw invalidSource(tool, 'the content of a file is no text', { path });
      return [path, text];
    }),
  );
}

/** `name value` lines of a sysfs properties file; integers beyond 2^53 stay text. */
export function propertyLines(text: string): { readonly name: string; readonly value: string }[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(\w{1,60}) (\S{1,80})$/.exec(line.trim());
    return match?.[1] === undefined || match[2] === undefined ? [] : [{ name: match[1], value: match[2] }];
  });
}

/**
 * The value of a file that no rule names: one short line says itself what it is.
 * @returns undefined for longer files
 */
export function readPlainFile(path: string, text: string): TypedValue | undefined {
  const trimmed = text.trim();
  if (trimmed.includes('\n') || trimmed.length > 200) return undefined;
  return readValue(/(?:guid|serial|unique_id|uuid|mac|address)/i.test(path.split('/').at(-1) ?? '') ? 'identity' : 'any', trimmed);
}

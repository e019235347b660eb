import { readFile } from 'node:fs/promises';
import { parseYamlNode } from '#core/digest/read-yaml.ts';
import { plainValue } from '#core/digest/yaml-value.ts';
import { AssayError } from '#core/error.ts';
import { readFailure } from '#core/oci/file-failure.ts';

/** A recipe may stand in the values as text. */
const MAX_BYTES = 4 << 20;

type Values = Readonly<Record<string, unknown>>;

/**
 * Reads files of chart values, each laid over the ones before it, as Helm does: mappings are merged, everything else is replaced.
 * @throws FILE_NOT_FOUND, FILE_UNREADABLE, FILE_TOO_LARGE, YAML_INVALID
 */
export async function readChartValues(paths: readonly string[]): Promise<Values> {
  let merged: Values = {};
  for (const path of paths) merged = merge(merged, await readValues(path));
  return merged;
}

async function readValues(path: string): Promise<Values> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw readFailure(path, cause);
  });
  const value = plainValue(parseYamlNode(bytes, { name: path, maxBytes: MAX_BYTES }));
  if (value === null) return {};
  if (isMapping(value)) return value;
  throw new AssayError('YAML_INVALID', `${path} holds no mapping of values`, { hint: 'Give a file as for "helm install -f".' });
}

function merge(below: Values, above: Values): Values {
  const merged: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const other = merged[key];
    merged[key] = isMapping(value) && isMapping(other) ? merge(other, value) : value;
  }
  return merged;
}

function isMapping(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

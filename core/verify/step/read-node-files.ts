import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { isAssayError } from '#core/error.ts';
import type { BundleFile } from '../materialize/bundle-files.ts';

/** One row of `coverage.json`. */
export interface CoverageRow {
  readonly node: string;
  readonly state: string;
}

/** One entry of `nodes.json`, as it stands there. */
export interface NodeLeaf {
  readonly node: string;
  readonly complete: boolean;
  /** How many of its checks ended how, as the entry says. */
  readonly checks: unknown;
  /** The whole entry: its canonical JSON is the leaf. */
  readonly entry: unknown;
}

/** The rows of `coverage.json`, each node once; undefined when the file is missing or malformed. */
export function readCoverageFile(file: BundleFile | undefined): readonly CoverageRow[] | undefined {
  return readEntries(file, (entry) =>
    typeof entry['node'] === 'string' && typeof entry['state'] === 'string' ? { node: entry['node'], state: entry['state'] } : undefined,
  );
}

/** The entries of `nodes.json`, each node once; undefined when the file is missing or malformed. */
export function readNodesFile(file: BundleFile | undefined): readonly NodeLeaf[] | undefined {
  return readEntries(file, (entry) =>
    typeof entry['node'] === 'string' && typeof entry['complete'] === 'boolean'
      ? { node: entry['node'], complete: entry['complete'], checks: entry['checks'], entry }
      : undefined,
  );
}

function readEntries<Row extends { readonly node: string }>(
  file: BundleFile | undefined,
  read: (entry: Readonly<Record<string, unknown>>) => Row | undefined,
): readonly Row[] | undefined {
  const list = listOf(file);
  if (list === undefined) return undefined;
  const rows = list.flatMap((entry) =>
    typeof entry === 'object' && entry !== null ? (read(entry as Readonly<Record<string, unknown>>) ?? []) : [],
  );
  const isSound = rows.length === list.length && new Set(rows.map(({ node }) => node)).size === rows.length;
  return isSound ? rows : undefined;
}

function listOf(file: BundleFile | undefined): readonly unknown[] | undefined {
  if (file?.bytes === undefined) return undefined;
  try {
    const value = parseStrictJson(file.bytes, 'the file') as { readonly schemaVersion?: unknown; readonly nodes?: unknown } | null;
    return value?.schemaVersion === '1.0.0' && Array.isArray(value.nodes) ? value.nodes : undefined;
  } catch (error) {
    if (isAssayError(error)) return undefined;
    throw error;
  }
}

import type { AssayAdditions, PhaseSummary, Predicate, RunFacts } from '#core/attestation/predicate.ts';
import type { Digest } from '#core/digest/sha256.ts';
import type { Dimension, Fingerprint } from '#core/fingerprint/fingerprint.ts';
import type { CriteriaMatch, DimensionMatch } from '#core/fingerprint/match.ts';
import { shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';
import { Fields } from './fields.ts';

const VERSION = /^1\.0(?:\.\d+)?$/;
const BARE_HEX = /^[0-9a-f]{64}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;
const TEXT_DIMENSIONS = ['service', 'accelerator', 'gpuModel', 'k8sVersion', 'region'] as const;
const MATCH_DIMENSIONS: readonly string[] = ['service', 'accelerator', 'os', 'intent', 'platform', 'nodes'];
const OUTCOMES: readonly string[] = ['matched', 'mismatched', 'unknown'];
const RUN_FACTS: readonly (keyof RunFacts)[] = ['scope', 'runId', 'nonce', 'coverage'];
const MAX_IMAGES = 1000;
const MAX_DIMENSIONS = 16;
const MAX_RULES = 64;
const MAX_PHASES = 16;
const MAX_MISSING = 10_000;

/**
 * Reads a predicate with every field that honest emitters write, in its type. Keys that are not known are left out.
 * @param value the `predicate` of a statement
 * @throws Refusal PREDICATE_INVALID, PREDICATE_VERSION_UNKNOWN
 * @source recipe-evidence v1, predicate fields
 */
export function parsePredicate(value: unknown): Predicate {
  const fields = new Fields(value, 'predicate');
  const schemaVersion = fields.text('schemaVersion');
  if (!VERSION.test(schemaVersion))
    throw new Refusal('PREDICATE_VERSION_UNKNOWN', `the predicate has schema version ${shown(schemaVersion)}, known is 1.0.x`);
  const recipe = fields.object('recipe');
  const bom = fields.object('bom');
  const manifest = fields.object('manifest');
  const redaction = fields.optional('redaction', () => readRedaction(fields.object('redaction')));
  const additions = fields.optional('x-assay', () => readAdditions(fields.object('x-assay')));
  return {
    schemaVersion,
    attestedAt: fields.pattern('attestedAt', TIME, 'an RFC 3339 time'),
    aicrVersion: fields.text('aicrVersion'),
    validatorCatalogVersion: fields.text('validatorCatalogVersion'),
    validatorImages: readImages(fields),
    recipe: { name: recipe.text('name'), digest: recipe.pattern('digest', BARE_HEX, '64 hex digits') },
    fingerprint: readFingerprint(fields.object('fingerprint')),
    criteriaMatch: readMatch(fields.object('criteriaMatch')),
    phases: readPhases(fields.object('phases')),
    bom: {
      format: bom.pattern('format', /^CycloneDX$/, 'CycloneDX') as 'CycloneDX',
      version: bom.pattern('version', /^1\.6$/, '1.6') as '1.6',
      digest: digestOf(bom, 'digest'),
      imageCount: bom.count('imageCount'),
    },
    manifest: { digest: digestOf(manifest, 'digest'), fileCount: manifest.count('fileCount') },
    ...(redaction === undefined ? {} : { redaction }),
    ...(additions === undefined ? {} : { 'x-assay': additions }),
  };
}

function readImages(fields: Fields): Predicate['validatorImages'] {
  if (fields.raw('validatorImages') === null) return null;
  return fields.list('validatorImages', MAX_IMAGES).map((entry) => ({ image: entry.text('image'), digest: entry.text('digest') }));
}

function readFingerprint(fields: Fields): Fingerprint {
  const texts = Object.fromEntries(TEXT_DIMENSIONS.map((key) => [key, readDimension(fields.object(key))]));
  const os = fields.object('os');
  const [nodeCount, gpuNodeCount] = [fields.object('nodeCount'), fields.object('gpuNodeCount')];
  return {
    ...(texts as Record<(typeof TEXT_DIMENSIONS)[number], Dimension>),
    os: { value: os.text('value'), ...optionalText(os, 'version'), ...optionalText(os, 'source') },
    nodeCount: { value: nodeCount.count('value'), ...optionalText(nodeCount, 'source') },
    gpuNodeCount: { value: gpuNodeCount.count('value'), ...optionalText(gpuNodeCount, 'source') },
  };
}

function readDimension(fields: Fields): Dimension {
  return { value: fields.text('value'), ...optionalText(fields, 'source'), ...optionalText(fields, 'note') };
}

function readMatch(fields: Fields): CriteriaMatch {
  const perDimension = fields.list('perDimension', MAX_DIMENSIONS).map((entry) => ({
    dimension: entry.pattern('dimension', oneOf(MATCH_DIMENSIONS), 'a criteria dimension') as DimensionMatch['dimension'],
    ...optionalText(entry, 'recipeRequires'),
    ...optionalText(entry, 'fingerprintProvides'),
    match: entry.pattern('match', oneOf(OUTCOMES), 'matched, mismatched or unknown') as DimensionMatch['match'],
  }));
  return { matched: fields.flag('matched'), perDimension };
}

function readPhases(fields: Fields): Predicate['phases'] {
  if (fields.keys.length > MAX_PHASES) throw new Refusal('PREDICATE_INVALID', `predicate.phases names ${fields.keys.length} phases`);
  return Object.fromEntries(fields.keys.map((phase) => [phase, readPhase(fields.object(phase))]));
}

function readPhase(fields: Fields): PhaseSummary {
  return {
    passed: fields.count('passed'),
    failed: fields.count('failed'),
    skipped: fields.count('skipped'),
    ctrfDigest: digestOf(fields, 'ctrfDigest'),
  };
}

function readRedaction(fields: Fields): NonNullable<Predicate['redaction']> {
  return {
    policy: fields.pattern('policy', /^minimal$/, 'minimal') as 'minimal',
    version: fields.pattern('version', /^v[1-3]$/, 'v1, v2 or v3') as 'v1',
    applied: fields.texts('applied', MAX_RULES),
  };
}

function readAdditions(fields: Fields): AssayAdditions {
  const optionalDigests = (['nodesRoot', 'materialSlice', 'previousBundle', 'logs'] as const).flatMap((key) =>
    fields.raw(key) === undefined ? [] : [[key, digestOf(fields, key)] as const],
  );
  const isRun = RUN_FACTS.some((key) => fields.raw(key) !== undefined);
  return {
    toolVersion: fields.text('toolVersion'),
    ...(isRun ? readRunFacts(fields) : {}),
    ...Object.fromEntries(optionalDigests),
    ...(fields.raw('expiresAt') === undefined ? {} : { expiresAt: fields.pattern('expiresAt', TIME, 'an RFC 3339 time') }),
  };
}

/** A bundle made from files has none of them; half of them would be a lie. */
function readRunFacts(fields: Fields): RunFacts {
  const coverage = fields.object('coverage');
  return {
    scope: fields.pattern('scope', /^(?:host|cluster)$/, 'host or cluster') as RunFacts['scope'],
    runId: fields.text('runId'),
    nonce: fields.pattern('nonce', BARE_HEX, '64 hex digits'),
    coverage: {
      expected: coverage.count('expected'),
      reported: coverage.count('reported'),
      missing: coverage.list('missing', MAX_MISSING).map((entry) => ({ node: entry.text('node'), reason: entry.text('reason') })),
    },
  };
}

function digestOf(fields: Fields, key: string): Digest {
  return fields.pattern(key, DIGEST, 'sha256: and 64 hex digits') as Digest;
}

function optionalText<K extends string>(fields: Fields, key: K): { readonly [P in K]?: string } {
  const value = fields.optional(key, () => fields.text(key));
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: string };
}

function oneOf(words: readonly string[]): RegExp {
  return new RegExp(`^(?:${words.join('|')})$`);
}

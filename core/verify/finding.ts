import { shown } from './foreign-text.ts';
import type { FailureClass, StepName } from './verdict.ts';

/**
 * `error`: the evidence is invalid (exit 2). `undecided`: no verdict now (exit 3). `warning`: valid, but a reviewer has to
 * look (exit 1). `info`: said for completeness; changes nothing.
 */
export type Severity = 'error' | 'undecided' | 'warning' | 'info';

interface FindingRule {
  readonly step: StepName;
  readonly severity: Severity;
  /** What the reference page says: when this is found. */
  readonly meaning: string;
}

/**
 * Every finding code, in step order: the only place where one is born.
 * `docs/reference/verify.md` has one row for each; a test compares the two.
 */
export const FINDING_TABLE = {
  INPUT_NOT_FOUND: {
    step: 'materialize',
    severity: 'error',
    meaning: 'The input is neither an existing file or directory nor an OCI reference.',
  },
  INPUT_UNSUPPORTED: {
    step: 'materialize',
    severity: 'error',
    meaning: 'The input exists but is no pointer, bundle directory, OCI layout or .tar.gz archive.',
  },
  OFFLINE_INPUT: { step: 'materialize', severity: 'undecided', meaning: 'The input lies in a registry and --offline forbids going there.' },
  TAG_ONLY: { step: 'materialize', severity: 'error', meaning: 'The reference names a tag without a digest; a tag can be moved.' },
  POINTER_INVALID: { step: 'materialize', severity: 'error', meaning: 'The pointer file breaks its schema, or points nowhere.' },
  REFERENCE_INVALID: { step: 'materialize', severity: 'error', meaning: 'The OCI reference does not follow the reference grammar.' },
  ADDRESS_REFUSED: {
    step: 'materialize',
    severity: 'error',
    meaning: 'The registry, a redirect or a token service of it lies on an address that is not public.',
  },
  ARTIFACT_INVALID: {
    step: 'materialize',
    severity: 'error',
    meaning: 'The OCI manifest, index, layer or layout breaks its specification or a limit.',
  },
  ARTIFACT_NOT_FOUND: {
    step: 'materialize',
    severity: 'error',
    meaning: 'The registry or layout does not have the named manifest or blob.',
  },
  DIGEST_MISMATCH: {
    step: 'materialize',
    severity: 'error',
    meaning: 'Bytes that were fetched do not have the digest or size that was asked for.',
  },
  REGISTRY_REFUSED: { step: 'materialize', severity: 'undecided', meaning: 'The registry refused the credentials, or wants some.' },
  REGISTRY_UNAVAILABLE: { step: 'materialize', severity: 'undecided', meaning: 'The registry did not answer usefully in time.' },
  BUNDLE_INCOMPLETE: {
    step: 'materialize',
    severity: 'error',
    meaning: 'No directory with recipe.yaml and manifest.json was found in the input.',
  },
  FILE_KIND_REFUSED: {
    step: 'materialize',
    severity: 'error',
    meaning: 'The input holds a link, device, pipe or socket; a bundle consists of plain files.',
  },
  NAME_REFUSED: {
    step: 'materialize',
    severity: 'error',
    meaning: 'A file name is absolute, climbs, is not normalized or hides characters.',
  },
  NAME_COLLISION: {
    step: 'materialize',
    severity: 'error',
    meaning: 'Two names are equal, or would be equal on a file system that ignores case or Unicode form.',
  },
  LIMIT_EXCEEDED: {
    step: 'materialize',
    severity: 'error',
    meaning: 'The input exceeds a limit on size, ratio, entries, path length, depth or referrers.',
  },
  ARCHIVE_INVALID: {
    step: 'materialize',
    severity: 'error',
    meaning: 'The archive is damaged, is no gzip-compressed tar, or has bytes after its end.',
  },

  SIGNATURE_PENDING: { step: 'signature', severity: 'warning', meaning: 'The evidence is not signed: nobody vouches for it yet.' },
  SIGNATURE_REQUIRED: {
    step: 'signature',
    severity: 'error',
    meaning: 'The evidence is not signed, and a signature or a signer was required.',
  },
  SIGNATURE_MISSING: { step: 'signature', severity: 'error', meaning: 'The pointer claims a signer, and no signature was found.' },
  SIGNATURE_MALFORMED: {
    step: 'signature',
    severity: 'error',
    meaning: 'The Sigstore bundle breaks the strict form; its cryptography was not looked at.',
  },
  SIGNATURE_INVALID: {
    step: 'signature',
    severity: 'error',
    meaning: 'The trusted root does not cover the signature: chain, time, log inclusion, timestamp or signature bytes fail.',
  },
  SUBJECT_MISMATCH: {
    step: 'signature',
    severity: 'error',
    meaning: 'The signed statement is about another artifact than the one at hand.',
  },
  SIGNER_UNEXPECTED: { step: 'signature', severity: 'error', meaning: 'The verified signer is not the expected identity or issuer.' },
  SIGNER_CONTRADICTS_POINTER: { step: 'signature', severity: 'error', meaning: 'The verified signer is not the one the pointer claims.' },
  IDENTITY_PATTERN_INVALID: { step: 'signature', severity: 'error', meaning: 'The expected identity pattern is no RE2 expression.' },
  TRUST_ROOT_UNAVAILABLE: {
    step: 'signature',
    severity: 'undecided',
    meaning: 'No trusted root could be loaded, or the given one is not usable.',
  },
  SUBJECT_NOT_COMPARED: {
    step: 'signature',
    severity: 'info',
    meaning: 'A directory or archive has no artifact digest; the signature binds its content through the manifest digest alone.',
  },
  SIGNATURE_STRAY: { step: 'signature', severity: 'info', meaning: 'Other signatures are attached that do not verify; they were ignored.' },
  LAB_TRUST: {
    step: 'signature',
    severity: 'info',
    meaning: 'The signature rests on a lab authority: it proves that nothing changed since, not who signed.',
  },

  STATEMENT_MISSING: {
    step: 'predicate',
    severity: 'error',
    meaning: 'There is neither a verified signature nor a statement.intoto.json to read a predicate from.',
  },
  STATEMENT_INVALID: {
    step: 'predicate',
    severity: 'error',
    meaning: 'The statement is no in-toto v1 statement with one subject, or repeats keys.',
  },
  STATEMENT_DIFFERS: {
    step: 'predicate',
    severity: 'error',
    meaning: 'statement.intoto.json does not say what was signed, or is about another recipe.',
  },
  STATEMENT_ABSENT: { step: 'predicate', severity: 'warning', meaning: 'The signed bundle lacks its unsigned statement.intoto.json.' },
  PREDICATE_TYPE_UNKNOWN: {
    step: 'predicate',
    severity: 'error',
    meaning: 'The statement carries another predicate type than recipe evidence.',
  },
  PREDICATE_VERSION_UNKNOWN: {
    step: 'predicate',
    severity: 'error',
    meaning: 'The predicate has a schema version that this verifier does not know.',
  },
  PREDICATE_INVALID: { step: 'predicate', severity: 'error', meaning: 'The predicate lacks a field or holds a value of the wrong kind.' },
  POINTER_CONTRADICTS_PREDICATE: {
    step: 'predicate',
    severity: 'error',
    meaning: 'Recipe, time or predicate type of the pointer differ from the predicate.',
  },

  MANIFEST_INVALID: {
    step: 'inventory',
    severity: 'error',
    meaning: 'manifest.json is missing, malformed, of an unknown version, or lists a path twice or unsafely.',
  },
  MANIFEST_DIGEST_MISMATCH: { step: 'inventory', severity: 'error', meaning: 'manifest.json is not the one that the predicate names.' },
  FILE_MISSING: { step: 'inventory', severity: 'error', meaning: 'A listed file, or one that every bundle has, is not there.' },
  FILE_CHANGED: { step: 'inventory', severity: 'error', meaning: 'Size or SHA-256 of a file differ from the manifest.' },
  FILE_UNLISTED: { step: 'inventory', severity: 'error', meaning: 'A file is there that the manifest does not list.' },
  FILE_COUNT_WRONG: { step: 'inventory', severity: 'error', meaning: 'The predicate counts another number of files than the manifest.' },
  PHASE_DIGEST_MISMATCH: {
    step: 'inventory',
    severity: 'error',
    meaning: 'A phase report is not the one that the predicate names, or the phase is unknown.',
  },
  PHASE_UNDECLARED: {
    step: 'inventory',
    severity: 'error',
    meaning: 'A phase report is in the bundle that the predicate does not mention.',
  },

  RECIPE_INVALID: { step: 'recipe', severity: 'error', meaning: 'recipe.yaml is not a recipe.' },
  RECIPE_DIGEST_MISMATCH: {
    step: 'recipe',
    severity: 'error',
    meaning: 'The digest recomputed from recipe.yaml is not the one in the predicate.',
  },
  RECIPE_NAME_MISMATCH: {
    step: 'recipe',
    severity: 'error',
    meaning: 'The name derived from the criteria is not the one in the predicate.',
  },
  MATERIAL_SLICE_MISMATCH: {
    step: 'recipe',
    severity: 'error',
    meaning: 'The material slice recomputed with the catalog is not the one in the predicate.',
  },
  MATERIAL_SLICE_NOT_COMPARED: {
    step: 'recipe',
    severity: 'info',
    meaning: 'The predicate carries a material slice, and no catalog was given to recompute it.',
  },

  SNAPSHOT_INVALID: { step: 'binding', severity: 'error', meaning: 'snapshot.yaml is not a snapshot.' },
  FINGERPRINT_CONTRADICTED: {
    step: 'binding',
    severity: 'error',
    meaning: 'The bundled snapshot gives another fingerprint than the predicate claims.',
  },
  MATCH_WRONG: {
    step: 'binding',
    severity: 'error',
    meaning: 'The criteria match recomputed from recipe and fingerprint is not the one in the predicate.',
  },
  CRITERIA_MISMATCHED: { step: 'binding', severity: 'warning', meaning: 'The cluster is not what the recipe is for.' },

  CONSTRAINT_FAILED: { step: 'replay', severity: 'warning', meaning: 'A constraint of the recipe does not hold on the bundled snapshot.' },
  CONSTRAINT_UNREADABLE: { step: 'replay', severity: 'warning', meaning: 'A constraint of the recipe has no valid expression.' },
  CONSTRAINT_NOT_REPLAYABLE: {
    step: 'replay',
    severity: 'warning',
    meaning: 'The bundled snapshot lacks the fact that a constraint is about.',
  },
  CONSTRAINT_OF_PHASE: {
    step: 'replay',
    severity: 'info',
    meaning: 'A constraint is about what a phase measures, not about the snapshot; its result stands in the phase report.',
  },

  REPORT_INVALID: { step: 'results', severity: 'error', meaning: 'A phase report breaks the CTRF schema.' },
  COUNTS_WRONG: {
    step: 'results',
    severity: 'error',
    meaning: 'Counts in a report or in the predicate differ from the tests in the report.',
  },
  RESULT_WRONG: { step: 'results', severity: 'error', meaning: 'A test says passed although its own numbers miss its own threshold.' },
  PHASE_FAILED: { step: 'results', severity: 'warning', meaning: 'Tests of a phase failed.' },
  TESTS_INCONCLUSIVE: {
    step: 'results',
    severity: 'warning',
    meaning: 'Tests of a phase crashed, timed out or never ended (other, pending).',
  },
  PHASE_WITHOUT_RESULT: { step: 'results', severity: 'warning', meaning: 'A phase has no test, or every test in it was skipped.' },
  PHASE_MISSING: {
    step: 'results',
    severity: 'warning',
    meaning: 'The recipe asks for a phase that has no report, or there is no report at all.',
  },
  CHECK_MISSING: { step: 'results', severity: 'warning', meaning: 'The recipe asks for checks that the report does not mention.' },

  BOM_INVALID: { step: 'bom', severity: 'error', meaning: 'bom.cdx.json is no CycloneDX 1.6 document.' },
  BOM_DIGEST_MISMATCH: { step: 'bom', severity: 'error', meaning: 'bom.cdx.json is not the one that the predicate names.' },
  BOM_COUNT_WRONG: { step: 'bom', severity: 'error', meaning: 'The predicate counts another number of components than the BOM holds.' },
  BOM_DIFFERS_FROM_RECIPE: {
    step: 'bom',
    severity: 'warning',
    meaning: 'The BOM misses a component of the recipe, or has one in another version.',
  },

  COVERAGE_WRONG: {
    step: 'coverage',
    severity: 'error',
    meaning: 'coverage.json, the predicate and the reports disagree about which nodes took part.',
  },
  NODES_ROOT_MISMATCH: { step: 'coverage', severity: 'error', meaning: 'The Merkle root over nodes.json is not the one in the predicate.' },
  NODE_UNPROVEN: { step: 'coverage', severity: 'error', meaning: 'The node asked for with --node is not in the signed tree.' },
  NODE_MISSING: { step: 'coverage', severity: 'warning', meaning: 'A node that was expected did not report completely.' },
  COVERAGE_NOT_RECORDED: {
    step: 'coverage',
    severity: 'info',
    meaning: 'The evidence does not say which nodes were expected, so their completeness is unknown.',
  },

  REDACTION_VIOLATED: {
    step: 'redaction',
    severity: 'error',
    meaning: 'The predicate claims redaction, and the content holds what the policy removes.',
  },

  TIME_IMPOSSIBLE: {
    step: 'age',
    severity: 'error',
    meaning: 'attestedAt is no time, lies in the future, or is later than the signature.',
  },
  EVIDENCE_EXPIRED: { step: 'age', severity: 'error', meaning: 'The evidence says itself that it has expired.' },
  EVIDENCE_OLD: { step: 'age', severity: 'warning', meaning: 'The evidence is older than the allowed age.' },
} as const satisfies Record<string, FindingRule>;

/** A stable finding identifier: match on this, never on the text. */
export type FindingCode = keyof typeof FINDING_TABLE;

/** One thing that was found. Detail and hint are free of control characters and bounded. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly detail: string;
  readonly hint: string;
}

/** What a finding may carry beyond its text. */
export interface FindingOptions {
  readonly hint?: string;
  /** Overrides the table, where one fact weighs differently (`--upstream`). */
  readonly severity?: Severity;
}

const HINT_BY_STEP: Readonly<Record<StepName, string>> = {
  materialize: 'Check the input, or fetch it again.',
  signature: 'Ask the contributor for evidence with a valid signature; give --trusted-root FILE for a private or lab instance.',
  predicate: 'The evidence was not made by a conforming emitter, or was edited; have it produced again.',
  inventory: 'The bundle was changed after it was sealed; fetch it again or have it produced again.',
  recipe: 'The evidence does not belong to this recipe; have it produced again from the current one.',
  binding: 'Compare the cluster with the criteria of the recipe.',
  replay: 'Evaluate it with: assay constraint eval.',
  results: 'Read the phase report, and decide whether the failure is known and acceptable.',
  bom: 'Compare bom.cdx.json with the components of recipe.yaml.',
  coverage: 'Read coverage.json: it names the reason for every absent node.',
  redaction: 'Do not publish this bundle; have it sealed again.',
  age: 'Have the recipe certified again.',
};

const DETAIL_LENGTH = 600;

/** Makes a finding. @param detail what was compared and how it differs, with the values */
export function finding(code: FindingCode, detail: string, options: FindingOptions = {}): Finding {
  const rule = FINDING_TABLE[code];
  const hint = options.hint ?? HINT_BY_STEP[rule.step];
  return { code, severity: options.severity ?? rule.severity, detail: shown(detail, DETAIL_LENGTH), hint: shown(hint, DETAIL_LENGTH) };
}

/** Upstream's failure class of a finding. @source recipe-evidence v1, `failureCause.class` */
export function failureClass(code: FindingCode): FailureClass {
  if (code === 'REGISTRY_REFUSED') return 'registry-forbidden';
  if (code === 'REGISTRY_UNAVAILABLE') return 'registry';
  if (code === 'ARTIFACT_NOT_FOUND') return 'not-found';
  if (code === 'OFFLINE_INPUT' || code === 'TRUST_ROOT_UNAVAILABLE') return 'unavailable';
  const { step } = FINDING_TABLE[code];
  if (step === 'materialize') return 'unknown';
  if (step === 'signature') return 'signature';
  return step === 'predicate' ? 'schema' : 'integrity';
}

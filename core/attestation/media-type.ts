/** Predicate types of recipe evidence; the first is what Assay emits by default, all are read. */
export const PREDICATE_TYPES = [
  'https://aicr.run/recipe-evidence/v1',
  'https://aicr.run/recipe-evidence/v2',
  'https://aicr.run/recipe-evidence/v3',
] as const;

/** A predicate type that Assay knows. */
export type PredicateType = (typeof PREDICATE_TYPES)[number];

/** The predicate type emitted when nothing else is configured. */
export const DEFAULT_PREDICATE_TYPE: PredicateType = PREDICATE_TYPES[0];

/** in-toto statement type of both statements. */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
/** DSSE payload type. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
/** OCI artifact type of an evidence bundle. */
export const ARTIFACT_TYPE = 'application/vnd.nvidia.aicr.artifact';
/** OCI artifact type of raw logs: a second artifact with its own access control, named by digest in the predicate. */
export const LOGS_ARTIFACT_TYPE = 'application/vnd.assay.evidence-logs.v1';
/** Media type of a Sigstore bundle, and artifact type of the signature referrer. */
export const SIGSTORE_BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
/** OCI image manifest, also of artifacts. */
export const OCI_MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
/** OCI image index. */
export const OCI_INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
/** The empty OCI config, two bytes `{}`. */
export const OCI_EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';

/** File names of a bundle directory. */
export const BUNDLE_FILE = {
  recipe: 'recipe.yaml',
  snapshot: 'snapshot.yaml',
  bom: 'bom.cdx.json',
  manifest: 'manifest.json',
  statement: 'statement.intoto.json',
  signature: 'attestation.intoto.jsonl',
} as const;

/** Root-level files that a manifest never lists. */
export const UNLISTED_FILES: readonly string[] = [BUNDLE_FILE.manifest, BUNDLE_FILE.statement, BUNDLE_FILE.signature];

/** Name of the bundle directory below an output directory. */
export const BUNDLE_DIRECTORY = 'summary-bundle';

/** Name of the directory with raw logs, beside the bundle directory. */
export const LOGS_DIRECTORY = 'logs-bundle';
/** Name of the file with the OCI manifest that the logs pack to. */
export const LOGS_MANIFEST = 'logs-manifest.json';

/** Byte limits of upstream's reader (evidence-format §1), which are ours too. */
export const SIZE_LIMIT = {
  manifest: 1 << 20,
  statement: 10 << 20,
  ctrf: 10 << 20,
  sigstoreBundle: 10 << 20,
  pointer: 1 << 20,
  recipe: 10 << 20,
  snapshot: 64 << 20,
  bom: 8 << 20,
} as const;

/** OS status and JSON `exit` of a verb; the meaning of each number stands in docs/reference/exit-code.md. */
export type ExitCode = 0 | 1 | 2 | 3 | 64 | 70 | 130 | 143;

interface ErrorRule {
  readonly exit: ExitCode;
  /** What the reader of the reference page learns: when this code is used. */
  readonly meaning: string;
  /** What to do, where the place that throws knows nothing better. */
  readonly hint?: string;
}

/**
 * The only place where an error code is born. `exit` is what a program ends with when nothing catches the error.
 * `docs/reference/error.md` is generated from this table (`npm run gen`).
 */
export const ERROR_TABLE = {
  USAGE: { exit: 64, meaning: 'The command line is wrong: unknown verb, option or value.' },
  INTERRUPTED: { exit: 130, meaning: 'SIGINT (Ctrl-C) ended the program before it had a result; its child programs ended with it.' },
  TERMINATED: { exit: 143, meaning: 'SIGTERM or SIGHUP ended the program before it had a result; its child programs ended with it.' },
  CONFIG_INVALID: { exit: 64, meaning: 'A setting (flag or ASSAY_* variable) is unknown, missing or out of range.' },
  FILE_NOT_FOUND: {
    exit: 2,
    meaning: 'An input file or directory does not exist.',
    hint: 'Check the path.',
  },
  FILE_UNREADABLE: { exit: 2, meaning: 'An input exists but cannot be read as the kind of file that was asked for.' },
  FILE_TOO_LARGE: {
    exit: 2,
    meaning: 'An input exceeds the documented size limit; it was not read.',
    hint: 'Check that it is the file you mean: none of this kind is that large.',
  },
  BOM_INVALID: {
    exit: 2,
    meaning: 'A bill of materials is not CycloneDX 1.6 JSON.',
    hint: 'Give a CycloneDX 1.6 document in JSON.',
  },
  CTRF_INVALID: {
    exit: 2,
    meaning: 'A file is not a CTRF report, or breaks its schema.',
    hint: 'Give a CTRF report in JSON, as "assay check --format json" writes it.',
  },
  YAML_INVALID: {
    exit: 2,
    meaning: 'A YAML document is malformed, has duplicate keys, or is too deep or too large once its aliases are expanded.',
    hint: 'Correct the document at the place that the message names.',
  },
  YAML_UNWRITABLE: { exit: 2, meaning: 'A value has no canonical YAML text that reads back as the same value.' },
  RECIPE_INVALID: {
    exit: 2,
    meaning: 'A recipe, overlay or mixin has a field of the wrong type, an unknown kind or contradicting component settings.',
    hint: 'Correct the recipe at the place that the message names, or resolve it again: assay recipe resolve --help',
  },
  CATALOG_INVALID: {
    exit: 2,
    meaning: 'A recipe catalog is not readable as one: missing registry, symbolic link, file outside the tree, unknown field.',
  },
  CRITERIA_INVALID: { exit: 2, meaning: 'Recipe criteria are missing, unknown to the catalog, or have no recipe.' },
  RECIPE_NOT_FOUND: { exit: 2, meaning: 'A recipe, overlay, mixin or values file that something names is not in the catalog.' },
  RECIPE_CYCLE: { exit: 2, meaning: 'Overlays or component dependencies name each other in a circle.' },
  RECIPE_CONFLICT: { exit: 2, meaning: 'A mixin sets what the overlay chain or another mixin has already set.' },
  SELECTOR_NOT_FOUND: { exit: 2, meaning: 'A query selector names something that the resolved recipe does not have.' },
  SNAPSHOT_INVALID: {
    exit: 2,
    meaning: 'A snapshot document is not an `aicr.run/v1alpha2` Snapshot.',
    hint: 'Give a snapshot as "assay snapshot" writes it.',
  },
  CONSTRAINT_INVALID: { exit: 2, meaning: 'A constraint path or expression does not parse.' },
  DISK_FULL: { exit: 3, meaning: 'No space is left where records or bundles are written.' },
  OUTPUT_UNWRITABLE: { exit: 3, meaning: 'The result cannot be written where it was asked for.' },
  PROGRAM_FAILED: { exit: 3, meaning: 'A child program (agent, collector, credential helper, helm) did not start or ended unexpectedly.' },
  TIMEOUT: { exit: 3, meaning: 'A step did not end within its deadline.' },
  JSON_INVALID: {
    exit: 2,
    meaning: 'A JSON document is not UTF-8, is not exactly one JSON value, nests too deep or repeats a key.',
    hint: 'Check that the file is whole: exactly one JSON document in UTF-8.',
  },
  SIGSTORE_BUNDLE_INVALID: {
    exit: 2,
    meaning: 'A Sigstore bundle breaks the format that Go verifiers accept; its signature was not looked at.',
  },
  POINTER_INVALID: { exit: 2, meaning: 'A pointer file breaks its schema or names something impossible.' },
  REFERENCE_INVALID: { exit: 2, meaning: 'An OCI reference does not follow the reference grammar.' },
  ARTIFACT_INVALID: { exit: 2, meaning: 'An OCI manifest, index or layout directory breaks the image specification or a size limit.' },
  ARTIFACT_NOT_FOUND: { exit: 2, meaning: 'A registry or layout directory does not have the named tag, manifest or blob.' },
  DIGEST_MISMATCH: { exit: 2, meaning: 'Bytes that were fetched do not have the digest or size that was asked for.' },
  CLUSTER_UNREACHABLE: { exit: 3, meaning: 'The Kubernetes API did not answer in time, or answered 429 or 5xx to every try.' },
  CLUSTER_FORBIDDEN: { exit: 3, meaning: 'The Kubernetes API refused the credentials, or they lack a permission.' },
  CLUSTER_REFUSED: {
    exit: 2,
    meaning: 'The Kubernetes API refused a request for what it asks: unknown kind, invalid object, admission.',
    hint: "The message is the API server's: check that kind, name and namespace are right.",
  },
  CLUSTER_CONFLICT: {
    exit: 3,
    meaning: 'A Kubernetes object exists already, or was changed by somebody else meanwhile.',
    hint: 'Run the same command again.',
  },
  KUBECONFIG_INVALID: { exit: 64, meaning: 'There is no usable kubeconfig: missing file, unknown context, or not inside a pod.' },
  NO_GPU_NODE: { exit: 2, meaning: 'No node of the cluster has a GPU by capacity or label: there is nothing to certify.' },
  RUN_BUSY: { exit: 64, meaning: 'Another run of the same release holds its lease.' },
  RUN_NOT_FOUND: { exit: 2, meaning: 'The namespace holds no release of Assay, or no run of it.' },
  IDENTITY_MISSING: {
    exit: 3,
    meaning: 'No identity token was given and none of the places where one may wait has one; nothing was signed.',
  },
  IDENTITY_SOURCE_FAILED: { exit: 3, meaning: 'A place that should give an identity token (file, GitHub Actions, device flow) did not.' },
  IDENTITY_TOKEN_MALFORMED: {
    exit: 3,
    meaning: 'The identity token is not a JWT with the claims that signing needs. It was sent nowhere.',
  },
  IDENTITY_TOKEN_AUDIENCE: {
    exit: 3,
    meaning: 'The identity token is made for another audience than the signing service. It was sent nowhere.',
  },
  IDENTITY_TOKEN_EXPIRED: { exit: 3, meaning: 'The identity token has expired, is about to, or is not valid yet. It was sent nowhere.' },
  IDENTITY_TOKEN_UNVERIFIED: {
    exit: 3,
    meaning: 'The identity token names an e-mail address that its issuer has not verified. It was sent nowhere.',
  },
  SIGNING_SERVICES_INVALID: {
    exit: 3,
    meaning: 'The signing services are named incompletely, insecurely, or not at all for this moment; nothing was sent to any.',
  },
  FULCIO_REFUSED: {
    exit: 3,
    meaning: 'The certificate authority refuses the identity token or the request. The same request will be refused again.',
  },
  FULCIO_UNAVAILABLE: { exit: 3, meaning: 'The certificate authority could not be reached, hangs, or fails; retries did not help.' },
  REKOR_REFUSED: { exit: 3, meaning: 'The transparency log refuses the entry. The same entry will be refused again.' },
  REKOR_UNAVAILABLE: {
    exit: 3,
    meaning: 'The transparency log could not be reached, hangs, or fails; signing again with fresh keys did not help.',
  },
  REKOR_ENTRY_WRONG: { exit: 3, meaning: 'The transparency log answered with an entry about something else than what was sent.' },
  TSA_REFUSED: { exit: 3, meaning: 'The timestamp authority refuses the request.' },
  TSA_UNAVAILABLE: { exit: 3, meaning: 'The timestamp authority could not be reached, hangs, or fails; retries did not help.' },
  TRUST_UPDATE_FAILED: {
    exit: 3,
    meaning: 'No trusted root could be fetched through TUF, or what came is none; the one that was trusted before stays in use.',
  },
  TRUST_ROOT_UNUSABLE: { exit: 3, meaning: 'A trusted root cannot be read or is none.' },
  REGISTRY_UNAUTHORIZED: { exit: 3, meaning: 'A registry asks for credentials, or does not accept those it was given (401).' },
  REGISTRY_FORBIDDEN: { exit: 3, meaning: 'A registry knows who asks and does not allow it (403).' },
  REGISTRY_RATE_LIMITED: {
    exit: 3,
    meaning: 'A registry answers that there were too many requests (429), also after waiting as long as it asked for.',
  },
  REGISTRY_UNAVAILABLE: {
    exit: 3,
    meaning: 'A registry could not be reached, hangs, cuts the connection, or fails; retries did not help.',
  },
  ADDRESS_REFUSED: {
    exit: 2,
    meaning:
      'A registry that a file names, or where a registry sends us, has an address that nobody else may send us to. Nothing was sent there.',
  },
  REGISTRY_REFUSED: { exit: 3, meaning: 'A registry refuses a request for another reason, or answers what no registry should.' },
  CREDENTIALS_UNREADABLE: { exit: 3, meaning: 'The Docker configuration or a credential helper it names cannot be used.' },
  BUNDLE_INVALID: {
    exit: 2,
    meaning: 'What should be signed, published or pulled is no bundle, or its files, manifest and statement contradict each other.',
  },
  SIGNATURE_STALE: { exit: 2, meaning: 'The signature beside a bundle is about other content than the bundle has now.' },
  SIGNING_REJECTED: { exit: 3, meaning: 'The signature just made does not pass our own strict verification; nothing was published.' },
  WIRE_MALFORMED: { exit: 2, meaning: 'A frame or record between agent and collector cannot be decoded, or lacks a required field.' },
  WIRE_LIMIT: { exit: 2, meaning: 'A frame, record or text between agent and collector exceeds a documented limit.' },
  WIRE_ORDER: { exit: 2, meaning: 'A message came at a moment when the protocol does not allow it.' },
  WIRE_GAP: { exit: 2, meaning: 'A batch does not continue where the last one ended.' },
  WIRE_SIGNATURE: { exit: 2, meaning: 'A signature of an agent does not verify with its key, this run and this connection.' },
  WIRE_EQUIVOCATION: { exit: 2, meaning: 'An agent signed two different records with the same sequence number.' },
  WIRE_CREDIT: { exit: 2, meaning: 'An agent sent more unacknowledged bytes than it was granted.' },
  WIRE_VERSION: { exit: 3, meaning: 'Agent and collector speak different protocol versions.' },
  NODE_REJECTED: {
    exit: 3,
    meaning: 'The collector does not admit this node: not expected, excluded, or already reported by another agent.',
  },
  NODE_BUSY: { exit: 3, meaning: 'Another agent is connected for this node; the collector lets a new one in when that one is gone.' },
  POD_SUPERSEDED: { exit: 3, meaning: 'A newer pod reports for this node; the collector listens to the newest one only.' },
  CREDENTIAL_UNKNOWN: { exit: 3, meaning: 'The credential of an agent is missing, garbled, or none that the Kubernetes API vouches for.' },
  CREDENTIAL_AUDIENCE: { exit: 3, meaning: 'The token of an agent is made for another audience than this release of Assay.' },
  CREDENTIAL_EXPIRED: { exit: 3, meaning: 'The token of an agent has expired; on an open connection also: it was not renewed in time.' },
  CREDENTIAL_SUBJECT: { exit: 3, meaning: 'The token of an agent belongs to another service account than the one of the agents.' },
  CREDENTIAL_POD: {
    exit: 3,
    meaning:
      'The token of an agent is bound to no pod, to one that is gone or ending, or to one that runs on another node than the token says.',
  },
  CREDENTIAL_NODE: { exit: 3, meaning: 'An agent speaks for another node or pod than the one its token is bound to.' },
  RUN_SEALED: { exit: 3, meaning: 'The run is sealed; nothing can be added to it.' },
  RUN_CHANGED: { exit: 3, meaning: 'After a reconnect the collector serves another run than the one this agent reports to.' },
  UPLINK_LOST: { exit: 3, meaning: 'The collector could not be reached for as long as the agent was told to try.' },
  UPLINK_REFUSED: { exit: 3, meaning: 'The collector refuses the credential.' },
  UPLINK_PIN: { exit: 2, meaning: 'The server at the collector address has another key than the one the agent was told to trust.' },
  JOURNAL_CORRUPT: { exit: 2, meaning: 'The agent journal is damaged before its end, or holds another history than the collector.' },
  JOURNAL_FULL: { exit: 3, meaning: 'The agent journal reached its size limit.' },
  LEDGER_CORRUPT: { exit: 2, meaning: 'The record ledger is damaged before its end; records that were acknowledged are lost.' },
  LEDGER_LOCKED: { exit: 3, meaning: 'Another collector process uses the same state directory.' },
  STORAGE_FAILED: { exit: 3, meaning: 'The storage of the ledger or the journal reports an error that is not lack of space.' },
  VENDOR_OUTPUT_INVALID: {
    exit: 2,
    meaning: 'A captured vendor-tool output is cut short, damaged or of another tool; the place is in the message.',
  },
  VENDOR_OUTPUT_LIMIT: {
    exit: 2,
    meaning: 'A captured vendor-tool output is larger, deeper or longer than any real one; it was not parsed.',
  },
  BUG: { exit: 70, meaning: 'An internal assumption does not hold. Please report it with the printed stack.' },
} as const satisfies Record<string, ErrorRule>;

/** A stable error identifier: match on this, never on the message. */
export type ErrorCode = keyof typeof ERROR_TABLE;

/** What an {@link AssayError} may carry besides its message. */
export interface AssayErrorOptions {
  /** What to do next, as one sentence or a command line. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** JSON-able facts for machines; never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Every expected failure: says what happened with the value (`message`) and what to do (`hint`). */
export class AssayError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: AssayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AssayError';
    this.code = code;
    const rule: ErrorRule = ERROR_TABLE[code];
    this.hint = options.hint ?? rule.hint;
    this.details = options.details;
  }

  /** The OS status this error ends a program with. */
  get exit(): ExitCode {
    return ERROR_TABLE[this.code].exit;
  }
}

/** True for an {@link AssayError}, by shape, so that two loaded copies of the class agree. */
export function isAssayError(error: unknown): error is AssayError {
  return error instanceof Error && error.name === 'AssayError' && 'code' in error && String(error.code) in ERROR_TABLE;
}

/** The text of anything thrown, for a message or a `cause` line. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOENT`, `ENOSPC`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

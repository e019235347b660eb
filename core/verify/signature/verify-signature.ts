import type { Pointer } from '#core/attestation/pointer.ts';
import { parseStrictSigstoreBundle } from '#core/attestation/strict-sigstore-bundle.ts';
import { bareHex, type Digest } from '#core/digest/sha256.ts';
import { errorText, isAssayError, type ErrorCode } from '#core/error.ts';
import { parseStatement, type ParsedStatement } from '../predicate/parse-statement.ts';
import { parseUpstreamStatement } from '../upstream/parse-upstream-statement.ts';
import { finding, type Finding } from '../finding.ts';
import { Refusal } from '../refusal.ts';
import { refusalOf } from '../materialize/reader-failure.ts';
import type { Materialized, SignatureCandidate } from '../materialize/materialized.ts';
import type { StepOutcome } from '../step-outcome.ts';
import { loadTrust, type Trust } from '../trust/load-trust.ts';
import type { TrustLabel, VerifiedSigner } from '../verdict.ts';
import type { VerifyOptions } from '../verify-options.ts';
import { checkPointerSigner, checkSigner, isSignerPinned } from './check-signer.ts';
import { packedDigest } from './packed-digest.ts';
import type { ProvenSignature } from './verify-cryptography.ts';

/** Errors of the strict decoder; every other one comes from fetching the bytes. */
const FORM_ERRORS: ReadonlySet<ErrorCode> = new Set(['SIGSTORE_BUNDLE_INVALID', 'JSON_INVALID', 'FILE_TOO_LARGE']);

/** A statement that a proven signer signed. */
export interface SignedEvidence extends ProvenSignature {
  readonly statement: ParsedStatement;
  /** Exact bytes of the Sigstore bundle, for the check of its spelling. */
  readonly sigstoreBundle: Uint8Array;
  readonly origin: string;
}

/** What the signature step ends with. */
export interface SignatureResult {
  readonly outcome: StepOutcome;
  /** Absent when the evidence is unsigned, or its signature failed. */
  readonly signed?: SignedEvidence;
  readonly trust: TrustLabel;
}

/**
 * Verifies the signatures of an input. Every candidate is tried: one that fails blocks no other, and none is skipped because
 * of what a list says about it. A signature that is there and fails is never treated as if it were not there.
 */
export async function verifySignature(input: Materialized, options: VerifyOptions): Promise<SignatureResult> {
  if (input.signatures.length === 0) return { outcome: unsignedOutcome(input.pointer, options), trust: 'none' };
  const trust = await loadTrust(options.trustedRoot);
  const { proven, failures } = await tryAll(input, trust, options);
  const accepted = proven.find(({ findings }) => findings.length === 0) ?? proven[0];
  if (accepted === undefined) return { outcome: failedOutcome(failures), trust: 'none' };
  if (accepted.findings.length > 0)
    return {
      outcome: { detail: accepted.findings[0]?.detail ?? '', findings: accepted.findings, compared: signerRows(accepted.signed.signer) },
      trust: 'none',
    };
  const place = { input, trust, strays: failures.length, subject: compareSubject(accepted.signed, input) };
  return { outcome: provenOutcome(accepted.signed, place), signed: accepted.signed, trust: trust.label };
}

interface Proven {
  readonly signed: SignedEvidence;
  /** What is wrong with the signer, though the signature holds. */
  readonly findings: readonly Finding[];
}

async function tryAll(
  input: Materialized,
  trust: Trust,
  options: VerifyOptions,
): Promise<{ proven: readonly Proven[]; failures: readonly Finding[] }> {
  const proven: Proven[] = [];
  const failures: Finding[] = [];
  for (const candidate of input.signatures) {
    try {
      const signed = await tryOne(candidate, { input, trust, options });
      const claimed = input.pointer?.attestations[0].signer;
      const findings = [
        ...(await checkSigner(signed.signer, options)),
        ...(claimed === undefined ? [] : checkPointerSigner(signed.signer, claimed)),
      ];
      proven.push({ signed, findings });
    } catch (error) {
      failures.push(failureOf(error, candidate.origin));
    }
  }
  return { proven, failures };
}

interface Attempt {
  readonly input: Materialized;
  readonly trust: Trust;
  readonly options: VerifyOptions;
}

async function tryOne(candidate: SignatureCandidate, { input, trust, options }: Attempt): Promise<SignedEvidence> {
  const sigstoreBundle = await candidate.load();
  const strict = parseStrictSigstoreBundle(sigstoreBundle);
  const { verifyCryptography } = await import('./verify-cryptography.ts');
  const lenient = options.upstream === true;
  const proof = verifyCryptography(strict, trust, { lenient });
  const statement = lenient
    ? parseUpstreamStatement(strict.payload, { signed: true })
    : parseStatement(strict.payload, 'the signed statement');
  const expected = expectedSubject(input);
  if (expected !== undefined && statement.subject[0].digest.sha256 !== bareHex(expected))
    throw new Refusal(
      'SUBJECT_MISMATCH',
      `the signed statement is about sha256:${statement.subject[0].digest.sha256}, the artifact is ${expected}`,
    );
  return { ...proof, statement, sigstoreBundle, origin: candidate.origin };
}

/** What the statement has to be about: the artifact that was read, else the one the pointer names. */
function expectedSubject({ artifactDigest, pointer }: Materialized): Digest | undefined {
  const claimed = pointer?.attestations[0].bundle.digest ?? '';
  return artifactDigest ?? (claimed === '' ? undefined : (claimed as Digest));
}

function unsignedOutcome(pointer: Pointer | undefined, options: VerifyOptions): StepOutcome {
  const claimed = pointer?.attestations[0].signer;
  if (claimed !== undefined) {
    const detail = `the pointer says that ${claimed.identity} signed, and no signature is attached`;
    return { detail, findings: [finding('SIGNATURE_MISSING', detail)] };
  }
  const needed = options.requireSignature === true || (options.upstream !== true && isSignerPinned(options));
  const detail = 'no signature is attached';
  const hint = 'Sign it with: assay sign';
  const found = needed
    ? finding('SIGNATURE_REQUIRED', `${detail}, and one is required`, { hint })
    : finding('SIGNATURE_PENDING', `${detail}: nobody vouches for the content`, {
        hint,
        ...(options.upstream === true ? { severity: 'info' } : {}),
      });
  return { detail: found.detail, findings: [found], status: 'skipped' };
}

function failedOutcome(failures: readonly Finding[]): StepOutcome {
  // What got furthest says most: a wrong subject was found after the cryptography held.
  const order = [
    'SUBJECT_MISMATCH',
    'STATEMENT_INVALID',
    'TRUST_ROOT_UNAVAILABLE',
    'IDENTITY_PATTERN_INVALID',
    'SIGNATURE_INVALID',
    'SIGNATURE_MALFORMED',
  ];
  const [first] = [...failures].sort((left, right) => order.indexOf(left.code) - order.indexOf(right.code));
  if (first === undefined)
    return { detail: 'no signature could be read', findings: [finding('SIGNATURE_INVALID', 'no signature could be read')] };
  const others = failures.length > 1 ? `; ${failures.length - 1} other(s) failed too` : '';
  return { detail: `${first.detail}${others}`, findings: [first] };
}

interface ProvenPlace {
  readonly input: Materialized;
  readonly trust: Trust;
  readonly strays: number;
  readonly subject: string | undefined;
}

/** With what the signed subject was compared; undefined when there is nothing to compare it with. */
function compareSubject({ statement }: SignedEvidence, input: Materialized): string | undefined {
  if (input.artifactDigest !== undefined) return 'is the artifact';
  const additions = (statement.predicate as { readonly 'x-assay'?: { readonly toolVersion?: unknown } } | null)?.['x-assay'];
  const packed = typeof additions?.toolVersion === 'string' ? packedDigest(input.files, additions.toolVersion) : undefined;
  if (packed === `sha256:${statement.subject[0].digest.sha256}`) return 'is the artifact that these files pack to';
  return expectedSubject(input) === undefined ? undefined : 'is the artifact that the pointer names';
}

function provenOutcome(signed: SignedEvidence, { trust, strays, subject: compared }: ProvenPlace): StepOutcome {
  const subject = `sha256:${signed.statement.subject[0].digest.sha256}`;
  const lab = 'signed by a lab authority that one computer made for itself';
  const findings = [
    ...(trust.label === 'lab'
      ? [finding('LAB_TRUST', lab, { hint: 'Use it to try things out; have evidence that others rely on signed with a real identity.' })]
      : []),
    ...(compared === undefined
      ? [
          finding('SUBJECT_NOT_COMPARED', `the signed subject ${subject} was not compared: the input has no artifact digest`, {
            hint: 'Verify the artifact itself, or its pointer, to compare it.',
          }),
        ]
      : []),
    ...(strays === 0
      ? []
      : [finding('SIGNATURE_STRAY', `${strays} other signature(s) do not verify and were ignored`, { hint: 'Nothing to do.' })]),
  ];
  return {
    detail: `signed by ${signed.signer.identity} (issuer ${signed.signer.issuer}), ${trust.label} trust`,
    compared: [...signerRows(signed.signer), ...signed.compared, { key: 'subject', value: `${subject} ${compared ?? 'was not compared'}` }],
    findings,
  };
}

function signerRows({ identity, issuer, rekorLogIndex }: VerifiedSigner): StepOutcome['compared'] & object {
  return [
    { key: 'identity', value: identity },
    { key: 'issuer', value: issuer },
    ...(rekorLogIndex === undefined ? [] : [{ key: 'log index', value: String(rekorLogIndex) }]),
  ];
}

function failureOf(error: unknown, origin: string): Finding {
  if (error instanceof Refusal) return { ...error.finding, detail: `${origin}: ${error.finding.detail}` };
  if (!isAssayError(error)) throw error;
  return FORM_ERRORS.has(error.code) ? finding('SIGNATURE_MALFORMED', `${origin}: ${errorText(error)}`) : refusalOf(error).finding;
}

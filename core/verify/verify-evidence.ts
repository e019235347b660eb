import type { Predicate } from '#core/attestation/predicate.ts';
import { AssayError } from '#core/error.ts';
import { concludeVerdict } from './conclude-verdict.ts';
import { checkContent, type NamedOutcome } from './check-content.ts';
import type { Finding } from './finding.ts';
import { detectInput, type DetectedInput } from './materialize/detect-input.ts';
import { materialize } from './materialize/materialize.ts';
import type { Materialized } from './materialize/materialized.ts';
import { Refusal } from './refusal.ts';
import { verifySignature, type SignatureResult } from './signature/verify-signature.ts';
import { ageInDays } from './step/age.ts';
import { checkInventory } from './step/inventory.ts';
import { readPredicate, type PredicateOutcome } from './step/predicate.ts';
import { isFatal, reportStep, type StepOutcome } from './step-outcome.ts';
import { verifyAsUpstream } from './upstream/verify-as-upstream.ts';
import { STEP_NAMES, type InputKind, type StepName, type Verdict } from './verdict.ts';
import type { VerifyOptions } from './verify-options.ts';

/**
 * Verifies evidence, from the input to the last number in it. Every problem of the evidence is part of the verdict; nothing
 * that was not checked is reported as passed.
 * Reads the input, and the network only for inputs that lie there; runs no program and writes nothing.
 * @param input pointer file, OCI reference, `oci-layout:DIR`, directory or `.tar.gz` file
 * @throws TIMEOUT past `timeoutMs`; anything else thrown is a bug
 */
export async function verifyEvidence(input: string, options: VerifyOptions = {}): Promise<Verdict> {
  const { timeoutMs } = options;
  const verdict = options.upstream === true ? verifyAsUpstream(input, options) : verifyFully(input, options);
  return timeoutMs === undefined ? verdict : withDeadline(verdict, timeoutMs);
}

/** What the steps have produced so far. */
interface Progress {
  readonly kind: InputKind;
  readonly outcomes: NamedOutcome[];
  materialized?: Materialized;
  signature?: SignatureResult;
  read?: PredicateOutcome;
  httpStatus?: number;
}

async function verifyFully(input: string, options: VerifyOptions): Promise<Verdict> {
  const progress: Progress = { kind: 'dir', outcomes: [] };
  const detected = await attempt(progress, 'materialize', () => detectInput(input));
  const started: Progress = { ...progress, kind: detected?.kind ?? 'dir' };
  if (detected !== undefined) await runSteps(started, detected, options);
  return assembleVerdict(started, options);
}

/** The story: each step needs the one before; content is read only after it is certain which bytes were attested. */
async function runSteps(progress: Progress, detected: DetectedInput, options: VerifyOptions): Promise<void> {
  const materialized = await attempt(progress, 'materialize', () => materialize(detected, options));
  if (materialized === undefined) return;
  progress.materialized = materialized;
  progress.outcomes.push(['materialize', materializedOutcome(materialized)]);

  const signature = await attempt(progress, 'signature', () => verifySignature(materialized, options));
  if (signature === undefined) return;
  progress.outcomes.push(['signature', signature.outcome]);
  progress.signature = signature;
  if (isFatal(signature.outcome)) return;

  const { files, pointer } = materialized;
  const { signed } = signature;
  const source = { files, ...(signed === undefined ? {} : { signed }), ...(pointer === undefined ? {} : { pointer }) };
  const read = await attempt(progress, 'predicate', () => readPredicate(source));
  if (read === undefined) return;
  progress.outcomes.push(['predicate', read.outcome]);
  progress.read = read;
  if (isFatal(read.outcome)) return;

  const inventory = await attempt(progress, 'inventory', () => checkInventory(files, read.predicate, { lenient: false }));
  if (inventory === undefined) return;
  progress.outcomes.push(['inventory', inventory]);
  if (isFatal(inventory)) return;

  const { predicate, predicateType } = read;
  progress.outcomes.push(...(await checkContent({ files, predicate, predicateType, signedAtMs: signed?.signedAtMs ?? [] }, options)));
}

/** Runs one step; a refusal becomes its outcome. */
async function attempt<T>(progress: Progress, name: StepName, run: () => Promise<T> | T): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    progress.outcomes.push([name, { detail: error.finding.detail, findings: [error.finding] }]);
    if (error.httpStatus !== undefined) progress.httpStatus = error.httpStatus;
    return undefined;
  }
}

function materializedOutcome({ kind, place, files, artifactDigest }: Materialized): StepOutcome {
  const bytes = [...files.values()].reduce((sum, { size }) => sum + size, 0);
  const digest = artifactDigest === undefined ? [] : [{ key: 'artifact', value: artifactDigest }];
  return { detail: `${files.size} files, ${bytes} bytes, read from ${place}`, compared: [{ key: 'input', value: kind }, ...digest] };
}

function assembleVerdict(progress: Progress, options: VerifyOptions): Verdict {
  const { kind, outcomes, materialized, signature, read, httpStatus } = progress;
  const findings = outcomes.flatMap(([, { findings: found = [] }]) => found);
  const predicate = read?.predicate;
  const coverage = predicate?.['x-assay']?.coverage;
  const ageDays = predicate === undefined ? undefined : ageInDays(predicate, options.nowMs);
  return {
    input: kind,
    ...(materialized?.pointer === undefined ? {} : { pointer: materialized.pointer }),
    ...(predicate === undefined ? {} : { predicate: shownPredicate(predicate), recipeName: predicate.recipe.name }),
    ...(signature?.signed === undefined ? {} : { signer: signature.signed.signer }),
    ...(materialized?.artifactDigest === undefined ? {} : { bundleDigest: materialized.artifactDigest }),
    steps: STEP_NAMES.map((name) => reportStep(name, outcomeOf(name, outcomes, findings))),
    ...concludeVerdict(findings, httpStatus),
    findings,
    ...(coverage === undefined ? {} : { coverage }),
    ...(ageDays === undefined ? {} : { ageDays }),
    trust: signature?.signed === undefined ? 'none' : signature.trust,
    mode: 'full',
  };
}

function outcomeOf(name: StepName, outcomes: readonly NamedOutcome[], findings: readonly Finding[]): StepOutcome {
  const own = outcomes.find(([step]) => step === name)?.[1];
  if (own !== undefined) return own;
  const last = outcomes.at(-1)?.[0] ?? 'materialize';
  return { detail: `not done: the step "${last}" ended the verification (${findings.at(-1)?.code ?? 'no reason'})`, status: 'skipped' };
}

function shownPredicate(predicate: Predicate): Readonly<Record<string, unknown>> {
  return { ...predicate };
}

async function withDeadline(verdict: Promise<Verdict>, timeoutMs: number): Promise<Verdict> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new AssayError('TIMEOUT', `no verdict within ${timeoutMs} ms`, { hint: 'Try again, or give a longer --timeout.' })),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([verdict, late]);
  } finally {
    clearTimeout(timer);
  }
}

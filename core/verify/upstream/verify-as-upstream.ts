import { BUNDLE_FILE, DEFAULT_PREDICATE_TYPE } from '#core/attestation/media-type.ts';
import { concludeVerdict } from '../conclude-verdict.ts';
import { finding, type Finding } from '../finding.ts';
import { shown } from '../foreign-text.ts';
import { detectInput } from '../materialize/detect-input.ts';
import { materialize } from '../materialize/materialize.ts';
import type { Materialized } from '../materialize/materialized.ts';
import { Refusal } from '../refusal.ts';
import { verifySignature, type SignatureResult } from '../signature/verify-signature.ts';
import { checkInventory } from '../step/inventory.ts';
import { isFatal, reportStep, type StepOutcome } from '../step-outcome.ts';
import { STEP_NAMES, type InputKind, type StepName, type Verdict } from '../verdict.ts';
import type { VerifyOptions } from '../verify-options.ts';
import { parseUpstreamPredicate, type LoosePredicate } from './parse-upstream-predicate.ts';
import { parseUpstreamStatement } from './parse-upstream-statement.ts';

interface Done {
  readonly outcomes: [StepName, StepOutcome][];
  kind: InputKind;
  httpStatus?: number;
  materialized?: Materialized;
  signature?: SignatureResult;
  predicate?: LoosePredicate;
}

/**
 * Verifies with exactly the checks that upstream's verifier makes, as leniently, so that the two can be compared. Its exit
 * says what upstream's JSON report says; steps that upstream does not have are reported as skipped.
 * @source recipe-evidence v1, `evidence verify`
 */
export async function verifyAsUpstream(input: string, options: VerifyOptions): Promise<Verdict> {
  const done: Done = { outcomes: [], kind: 'dir' };
  try {
    await runSteps(done, input, options);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    done.outcomes.push([STEP_NAMES[done.outcomes.length] ?? 'inventory', { detail: error.finding.detail, findings: [error.finding] }]);
    if (error.httpStatus !== undefined) done.httpStatus = error.httpStatus;
  }
  return assemble(done);
}

async function runSteps(done: Done, input: string, options: VerifyOptions): Promise<void> {
  const detected = detectInput(input);
  done.kind = detected.kind;
  const materialized = await materialize(detected, options);
  done.materialized = materialized;
  done.outcomes.push(['materialize', { detail: `${materialized.files.size} files read from ${materialized.place}` }]);

  const signature = await verifySignature(materialized, options);
  done.outcomes.push(['signature', signature.outcome]);
  done.signature = signature;
  if (isFatal(signature.outcome)) return;

  const statement = signature.signed?.statement ?? parseUpstreamStatement(statementBytes(materialized), { signed: false });
  if (statement.predicateType !== DEFAULT_PREDICATE_TYPE)
    throw new Refusal('PREDICATE_TYPE_UNKNOWN', `the predicate type is ${shown(statement.predicateType)}`);
  const predicate = parseUpstreamPredicate(statement.predicate);
  done.predicate = predicate;
  done.outcomes.push(['predicate', { detail: `predicate for recipe ${shown(predicate.recipe?.name ?? '')}` }]);
  done.outcomes.push(['inventory', withPhaseResults(checkInventory(materialized.files, predicate, { lenient: true }), predicate)]);
}

function statementBytes({ files }: Materialized): Uint8Array {
  const bytes = files.get(BUNDLE_FILE.statement)?.bytes;
  if (bytes === undefined) throw new Refusal('STATEMENT_MISSING', `the evidence is unsigned and has no readable ${BUNDLE_FILE.statement}`);
  return bytes;
}

/** Upstream takes the signer's word for what failed. */
function withPhaseResults(outcome: StepOutcome, { phases = {} }: LoosePredicate): StepOutcome {
  const failed = Object.entries(phases).filter(([, summary]) => (summary?.failed ?? 0) > 0);
  const findings: readonly Finding[] = failed.map(([phase, summary]) =>
    finding('PHASE_FAILED', `${shown(phase, 60)}: ${summary?.failed} failed, by the predicate`),
  );
  return { ...outcome, findings: [...(outcome.findings ?? []), ...findings] };
}

function assemble({ outcomes, kind, materialized, signature, predicate, httpStatus }: Done): Verdict {
  const findings = outcomes.flatMap(([, { findings: found = [] }]) => found);
  const reports = STEP_NAMES.map((name, index) => {
    const own = outcomes.find(([step]) => step === name)?.[1];
    return reportStep(
      name,
      own ?? {
        detail: index < 4 ? 'not done: an earlier step ended the verification' : 'not part of what upstream checks',
        status: 'skipped',
      },
    );
  });
  return {
    input: kind,
    ...(materialized?.pointer === undefined ? {} : { pointer: materialized.pointer }),
    ...(predicate === undefined ? {} : { predicate }),
    ...(predicate?.recipe?.name === undefined ? {} : { recipeName: predicate.recipe.name }),
    ...(signature?.signed === undefined ? {} : { signer: signature.signed.signer }),
    ...(materialized?.artifactDigest === undefined ? {} : { bundleDigest: materialized.artifactDigest }),
    steps: reports,
    ...concludeVerdict(findings, httpStatus),
    findings,
    trust: signature?.signed === undefined ? 'none' : signature.trust,
    mode: 'upstream',
  };
}

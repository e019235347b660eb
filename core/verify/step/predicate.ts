import { isDeepStrictEqual } from 'node:util';
import { BUNDLE_FILE, PREDICATE_TYPES } from '#core/attestation/media-type.ts';
import type { Pointer } from '#core/attestation/pointer.ts';
import type { Predicate } from '#core/attestation/predicate.ts';
import { finding, type Finding } from '../finding.ts';
import { shown } from '../foreign-text.ts';
import type { BundleFile, BundleFiles } from '../materialize/bundle-files.ts';
import { Refusal } from '../refusal.ts';
import { parsePredicate } from '../predicate/parse-predicate.ts';
import { parseStatement, type ParsedStatement } from '../predicate/parse-statement.ts';
import { spellingProblem } from '../signature/exact-form.ts';
import type { SignedEvidence } from '../signature/verify-signature.ts';
import type { StepOutcome } from '../step-outcome.ts';
import type { Compared } from '../verdict.ts';

/** A predicate and where it comes from. */
export interface PredicateOutcome {
  readonly outcome: StepOutcome;
  readonly predicate: Predicate;
  readonly predicateType: string;
}

/** What the step works on. */
export interface PredicateInput {
  readonly files: BundleFiles;
  readonly signed?: SignedEvidence;
  readonly pointer?: Pointer;
}

/**
 * Takes the predicate from the verified signature, or, when nothing is signed, from `statement.intoto.json`; checks type,
 * version and every field; compares the two statements and the pointer with it.
 * @throws Refusal of the predicate step
 */
export function readPredicate({ files, signed, pointer }: PredicateInput): PredicateOutcome {
  const file = files.get(BUNDLE_FILE.statement);
  const own = signed?.statement ?? parseUnsigned(file);
  const { predicateType } = own;
  if (!PREDICATE_TYPES.some((known) => known === predicateType))
    throw new Refusal('PREDICATE_TYPE_UNKNOWN', `the predicate type is ${shown(predicateType)}`);
  const predicate = parsePredicate(own.predicate);
  const findings = [
    ...(signed === undefined ? subjectFindings(own, predicate) : compareStatements(signed, file)),
    ...(pointer === undefined ? [] : comparePointer(pointer, predicate, predicateType)),
  ];
  const from = signed === undefined ? `the unsigned ${BUNDLE_FILE.statement}` : 'the signed statement';
  const detail = findings[0]?.detail ?? `predicate ${predicate.schemaVersion} for recipe ${predicate.recipe.name}, from ${from}`;
  return {
    outcome: { detail, compared: comparedRows(predicateType, predicate, { file, signed, pointer }), findings },
    predicate,
    predicateType,
  };
}

function parseUnsigned(file: BundleFile | undefined): ParsedStatement {
  if (file === undefined) throw new Refusal('STATEMENT_MISSING', `the evidence is unsigned and has no ${BUNDLE_FILE.statement}`);
  if (file.bytes === undefined)
    throw new Refusal('STATEMENT_INVALID', `${BUNDLE_FILE.statement} has ${file.size} bytes, more than is read`);
  return parseStatement(file.bytes, BUNDLE_FILE.statement);
}

/** The unsigned statement's subject is the recipe. */
function subjectFindings({ subject }: ParsedStatement, { recipe }: Predicate): readonly Finding[] {
  const [first] = subject;
  if (subject.length === 1 && first.name === `recipe:${recipe.name}` && first.digest.sha256 === recipe.digest) return [];
  return [
    finding(
      'STATEMENT_DIFFERS',
      `${BUNDLE_FILE.statement} is about ${shown(first.name)} (${first.digest.sha256}), its predicate about recipe:${shown(recipe.name)} (${recipe.digest})`,
    ),
  ];
}

function compareStatements(signed: SignedEvidence, file: BundleFile | undefined): readonly Finding[] {
  const absent = finding('STATEMENT_ABSENT', `${BUNDLE_FILE.statement} is not in the bundle`);
  return [...spellingFindings(signed), ...(file === undefined ? [absent] : compareUnsigned(signed, file))];
}

/** What no signature covers is the spelling of the Sigstore bundle: it must be a writer's, so that no byte is free. */
function spellingFindings({ sigstoreBundle, origin }: SignedEvidence): readonly Finding[] {
  const problem = spellingProblem(Buffer.from(sigstoreBundle).toString('utf8'));
  return problem === undefined ? [] : [finding('SIGNATURE_MALFORMED', `${origin} is spelled as no writer spells it: ${problem}`)];
}

/** The unsigned statement says what was signed, about the recipe, and is spelled as by a writer. */
function compareUnsigned({ statement }: SignedEvidence, file: BundleFile): readonly Finding[] {
  const unsigned = parseUnsigned(file);
  const differs = (what: string): readonly Finding[] => [finding('STATEMENT_DIFFERS', `${BUNDLE_FILE.statement} ${what}`)];
  if (unsigned.predicateType !== statement.predicateType || !isDeepStrictEqual(unsigned.predicate, statement.predicate))
    return differs('has another predicate than the one that was signed');
  const problem = spellingProblem(Buffer.from(file.bytes ?? []).toString('utf8'));
  return problem === undefined
    ? subjectFindings(unsigned, statement.predicate as Predicate)
    : differs(`is spelled as no writer spells it: ${problem}`);
}

function comparePointer({ recipe, attestations }: Pointer, predicate: Predicate, predicateType: string): readonly Finding[] {
  const [{ attestedAt, bundle }] = attestations;
  const pairs = [
    ['recipe', recipe, predicate.recipe.name],
    ['predicate type', bundle.predicateType, predicateType],
    ...(attestedAt === undefined || Date.parse(attestedAt) === Date.parse(predicate.attestedAt)
      ? []
      : [['attestedAt', attestedAt, predicate.attestedAt] as const]),
  ] as const;
  return pairs.flatMap(([what, claim, own]) =>
    claim === own
      ? []
      : [finding('POINTER_CONTRADICTS_PREDICATE', `the pointer's ${what} is ${shown(claim)}, the predicate's ${shown(own)}`)],
  );
}

function comparedRows(
  predicateType: string,
  predicate: Predicate,
  {
    file,
    signed,
    pointer,
  }: { readonly file: BundleFile | undefined; readonly signed: SignedEvidence | undefined; readonly pointer: Pointer | undefined },
): readonly Compared[] {
  return [
    { key: 'predicateType', value: predicateType },
    { key: 'schemaVersion', value: predicate.schemaVersion },
    ...(signed === undefined || file === undefined ? [] : [{ key: BUNDLE_FILE.statement, value: 'against the signed predicate' }]),
    ...(pointer === undefined ? [] : [{ key: 'pointer', value: 'recipe, predicate type and time against the predicate' }]),
  ];
}

import type { Predicate } from '#core/attestation/predicate.ts';
import type { BundleFiles } from './materialize/bundle-files.ts';
import { checkAge } from './step/age.ts';
import { checkBinding } from './step/binding.ts';
import { checkBom } from './step/bom.ts';
import { checkCoverage } from './step/coverage.ts';
import { checkRecipe } from './step/recipe.ts';
import { checkRedaction } from './step/redaction.ts';
import { checkReplay } from './step/replay.ts';
import { checkResults } from './step/results.ts';
import type { StepOutcome } from './step-outcome.ts';
import type { StepName } from './verdict.ts';
import type { VerifyOptions } from './verify-options.ts';

/** A bundle whose files are the ones that were attested. */
export interface AttestedContent {
  readonly files: BundleFiles;
  readonly predicate: Predicate;
  readonly predicateType: string;
  /** Trusted times of the signature, epoch milliseconds; empty when unsigned. */
  readonly signedAtMs: readonly number[];
}

/** Outcome of one step, by name. */
export type NamedOutcome = readonly [StepName, StepOutcome];

/**
 * The steps that read what the evidence says, once it is certain that these are the bytes that were attested. A step that
 * finds something wrong does not stop the next: a reviewer gets the whole list.
 */
export async function checkContent(content: AttestedContent, options: VerifyOptions): Promise<readonly NamedOutcome[]> {
  const { files, predicate } = content;
  const { outcome: recipeOutcome, recipe } = await checkRecipe(content, options);
  const { outcome: bindingOutcome, snapshot } = checkBinding(content, recipe);
  const replayOutcome = checkReplay(snapshot, recipe);
  const { outcome: resultsOutcome, facts } = checkResults(files, predicate, recipe);
  const bomOutcome = checkBom(content, recipe);
  const coverageOutcome = checkCoverage(content, facts, options.node);
  const redactionOutcome = checkRedaction(predicate, snapshot, facts);
  const ageOutcome = checkAge(content, options);
  return [
    ['recipe', recipeOutcome],
    ['binding', bindingOutcome],
    ['replay', replayOutcome],
    ['results', resultsOutcome],
    ['bom', bomOutcome],
    ['coverage', coverageOutcome],
    ['redaction', redactionOutcome],
    ['age', ageOutcome],
  ];
}

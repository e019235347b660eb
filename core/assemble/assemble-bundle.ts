import { COVERAGE_FILE, NODES_FILE } from '#core/attestation/nodes.ts';
import type { AssayAdditions } from '#core/attestation/predicate.ts';
import type { CtrfReport, CtrfTest, Phase } from '#core/ctrf/report.ts';
import { PHASES } from '#core/ctrf/report.ts';
import { goJson } from '#core/digest/go-json.ts';
import type { Recipe } from '#core/recipe/document.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';
import type { SealedRun } from '#core/wire/run.ts';
import { coverageFile, coverageSummary } from './assemble-coverage.ts';
import { nodesFile, nodesRoot } from './assemble-nodes.ts';
import { assemblePhases } from './assemble-phases.ts';
import { assembleSnapshot } from './assemble-snapshot.ts';
import { composeBundle, type BundleParts, type ComposedBundle } from './compose-bundle.ts';
import { pseudonymsOf } from './pseudonym.ts';

/** Everything a run's bundle is made from. Equal inputs give equal bytes. */
export interface AssemblyInput extends Pick<
  BundleParts,
  'recipe' | 'redaction' | 'toolVersion' | 'predicateType' | 'validatorCatalogVersion' | 'validatorImages'
> {
  readonly run: SealedRun;
  readonly scope: AssayAdditions['scope'];
  readonly clusterMeasurements?: readonly Measurement[];
  readonly clusterTests?: Partial<Readonly<Record<Phase, readonly CtrfTest[]>>>;
  readonly materialSlice?: AssayAdditions['materialSlice'];
}

/** A run's bundle, and its reports before redaction for the person at the terminal; those are never written. */
export interface AssembledBundle extends ComposedBundle {
  readonly reports: ReadonlyMap<Phase, CtrfReport>;
}

/** Assembles a sealed run into an evidence bundle. Pure: every time in it comes from the run. */
export function assembleBundle(input: AssemblyInput): AssembledBundle {
  const { run, scope, materialSlice, ...parts } = input;
  const pseudonyms = pseudonymsOf(run);
  const reports = assemblePhases(run, pseudonyms, { ...input, recipeChecks: recipeChecks(input.recipe) });
  const coverage = coverageFile(run, pseudonyms, input.redaction);
  const nodes = nodesFile(run, pseudonyms);
  const root = nodesRoot(nodes);
  const additions: AssayAdditions = {
    toolVersion: input.toolVersion,
    scope,
    runId: run.runId,
    nonce: run.nonce,
    coverage: coverageSummary(coverage),
    ...(root === undefined ? {} : { nodesRoot: root }),
    ...(materialSlice === undefined ? {} : { materialSlice }),
  };
  const additionalFiles = new Map([
    [COVERAGE_FILE, Buffer.from(goJson(coverage))],
    [NODES_FILE, Buffer.from(goJson(nodes))],
  ]);
  const bundle = composeBundle({
    ...parts,
    snapshot: assembleSnapshot(run, input),
    reports,
    attestedAtMs: run.sealedAtMs,
    additionalFiles,
    additions,
  });
  return { ...bundle, reports };
}

function recipeChecks(recipe: Recipe): Partial<Record<Phase, readonly string[]>> {
  return Object.fromEntries(PHASES.map((phase) => [phase, recipe.validation?.[phase]?.checks ?? []]));
}

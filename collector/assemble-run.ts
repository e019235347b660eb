import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterTests } from '#core/assemble/cluster-tests.ts';
import type { ComposedBundle } from '#core/assemble/compose-bundle.ts';
import { RunAssembly, type Bindings } from '#core/assemble/run-assembly.ts';
import { BUNDLE_DIRECTORY } from '#core/attestation/media-type.ts';
import { materialSliceAtHand } from '#core/catalog/material-slice-at-hand.ts';
import { rfc3339Seconds } from '#core/clock.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { writeBundleDirectory } from '#core/publish/write-directory.ts';
import { recipeName, type Recipe } from '#core/recipe/document.ts';
import { packageVersion } from '#core/version.ts';
import type { SealedFrame } from '#core/wire/run.ts';
import { inEvidenceOrder } from './check/run-cluster-checks.ts';
import type { CollectorConfig } from './config.ts';
import type { SealedSource } from './ledger/sealed-run.ts';
import { catalogOf, readRunRecipe } from './read-run-recipe.ts';
import { LOGS_SCRATCH, RunLogs } from './run-logs.ts';

const DAY_MS = 86_400_000;

/**
 * Reads a sealed run node by node, assembles its bundle and writes it to `summary-bundle/` (and `logs-bundle/`) below the
 * output directory. Memory depends on the bundle, not on the number of nodes.
 * @throws RECIPE_INVALID and what reading the recipe throws; DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function assembleRun({ run, reports }: SealedSource, outDir: string, config: CollectorConfig): Promise<ComposedBundle> {
  const recipe = await readRunRecipe(config);
  const checks = inEvidenceOrder(run.cluster?.checks ?? []);
  const assembly = new RunAssembly({
    run,
    recipe,
    toolVersion: packageVersion(),
    scope: config.scope,
    redaction: config.full ? 'full' : 'minimal',
    predicateType: config.predicateType,
    validatorImages: config.validatorImages,
    clusterTests: clusterTests(run, checks),
    clusterMeasurements: run.cluster?.measurements ?? [],
  });
  await removeScratch(outDir);
  const logs = config.logs ? await RunLogs.begin(outDir) : undefined;
  for await (const report of reports(assembly.order)) {
    assembly.add(report);
    await logs?.add(report, assembly.pseudonym(report.node));
  }
  for (const check of checks) logs?.addClusterCheck(check);
  for (const absence of run.absences) logs?.addAbsence(absence, assembly.pseudonym(absence.node));
  const logsDigest = await logs?.finish(pageFrame(run, recipe), packageVersion());
  const bundle = assembly.finish(await bindingsOf(run, recipe, { config, logs: logsDigest }));
  await writeBundleDirectory(join(outDir, BUNDLE_DIRECTORY), bundle.files);
  return bundle;
}

interface BindingInput {
  readonly config: CollectorConfig;
  readonly logs: Digest | undefined;
}

async function bindingsOf({ sealedAtMs, previous }: SealedFrame, recipe: Recipe, { config, logs }: BindingInput): Promise<Bindings> {
  const materialSlice = await materialSliceAtHand(recipe, catalogOf(config));
  return {
    ...(materialSlice === undefined ? {} : { materialSlice }),
    ...(config.expiresIn === undefined ? {} : { expiresAt: rfc3339Seconds(sealedAtMs + config.expiresIn * DAY_MS) }),
    ...previousOf(config.previous ?? previous),
    ...(logs === undefined ? {} : { logs }),
  };
}

function previousOf(previousBundle: Digest | undefined): Pick<Bindings, 'previousBundle'> {
  return previousBundle === undefined ? {} : { previousBundle };
}

function pageFrame({ sealedAtMs }: SealedFrame, recipe: Recipe): Parameters<RunLogs['finish']>[0] {
  return { recipe: recipeName(recipe.criteria), attestedAt: rfc3339Seconds(sealedAtMs), toolVersion: packageVersion() };
}

/** Logs that an earlier, killed collector did not finish. */
async function removeScratch(outDir: string): Promise<void> {
  const names = await readdir(outDir).catch(() => []);
  for (const name of names.filter((candidate) => candidate.startsWith(LOGS_SCRATCH)))
    await rm(join(outDir, name), { recursive: true, force: true });
}

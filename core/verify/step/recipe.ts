import { BUNDLE_FILE } from '#core/attestation/media-type.ts';
import type { Predicate } from '#core/attestation/predicate.ts';
import { bareHex } from '#core/digest/sha256.ts';
import { errorText, isAssayError } from '#core/error.ts';
import { recipeDigest } from '#core/digest/recipe-digest.ts';
import { recipeName, type Recipe } from '#core/recipe/document.ts';
import { decodeRecipe, recipeField } from '#core/recipe/parse-recipe.ts';
import { finding, type Finding } from '../finding.ts';
import { shown } from '../foreign-text.ts';
import { YAML_VALUES, type BundleFiles } from '../materialize/bundle-files.ts';
import type { StepOutcome } from '../step-outcome.ts';
import type { Compared } from '../verdict.ts';
import type { VerifyOptions } from '../verify-options.ts';

/** From this predicate type on, the digest leaves out the version of the tool that resolved the recipe. */
const VERSIONLESS_TYPE = 'https://aicr.run/recipe-evidence/v3';

/** Outcome of the step, and the recipe for the steps after it. */
export interface RecipeOutcome {
  readonly outcome: StepOutcome;
  readonly recipe?: Recipe;
}

/** What the step works on. */
export interface RecipeInput {
  readonly files: BundleFiles;
  readonly predicate: Predicate;
  readonly predicateType: string;
}

/**
 * Reads the bundled recipe, writes it in canonical form again and compares digest and name with the predicate; recomputes
 * the material slice when the caller gives a catalog.
 * @source recipe-evidence v1, recipe canonical form and digest, recipe name
 */
export async function checkRecipe({ files, predicate, predicateType }: RecipeInput, options: VerifyOptions): Promise<RecipeOutcome> {
  const file = files.get(BUNDLE_FILE.recipe);
  if (file?.bytes === undefined) return invalid(`it has ${file?.size ?? 0} bytes, more than is read`);
  try {
    const recipe = decodeRecipe(recipeField(file.bytes, { name: BUNDLE_FILE.recipe, maxNodes: YAML_VALUES }));
    const digest = digestOf(recipe, predicateType);
    const name = recipeName(recipe.criteria);
    const slice = await compareSlice(file.bytes, predicate, options);
    const findings: readonly Finding[] = [
      ...(digest === predicate.recipe.digest
        ? []
        : [
            finding(
              'RECIPE_DIGEST_MISMATCH',
              `${BUNDLE_FILE.recipe} gives ${digest} in canonical form, the predicate says ${predicate.recipe.digest}`,
            ),
          ]),
      ...(name === predicate.recipe.name
        ? []
        : [
            finding(
              'RECIPE_NAME_MISMATCH',
              `the criteria give the name ${shown(name)}, the predicate says ${shown(predicate.recipe.name)}`,
            ),
          ]),
      ...slice.findings,
    ];
    const compared = [
      { key: 'recipe.digest', value: `${digest} from the canonical form, against the predicate` },
      { key: 'recipe.name', value: `${shown(name)} from the criteria, against the predicate` },
      ...slice.compared,
    ];
    return {
      outcome: {
        detail: findings.find(({ severity }) => severity === 'error')?.detail ?? `recipe ${name}, digest ${digest}`,
        compared,
        findings,
      },
      recipe,
    };
  } catch (error) {
    if (isAssayError(error)) return invalid(errorText(error));
    throw error;
  }
}

function digestOf(recipe: Recipe, predicateType: string): string {
  return bareHex(recipeDigest(recipe, predicateType === VERSIONLESS_TYPE ? 3 : 1));
}

async function compareSlice(
  recipeYaml: Uint8Array,
  predicate: Predicate,
  { materialSlice }: VerifyOptions,
): Promise<{ readonly findings: readonly Finding[]; readonly compared: readonly Compared[] }> {
  const claimed = predicate['x-assay']?.materialSlice;
  if (claimed === undefined) return { findings: [], compared: [{ key: 'material slice', value: 'not recorded' }] };
  if (materialSlice === undefined)
    return {
      findings: [
        finding('MATERIAL_SLICE_NOT_COMPARED', `the material slice ${claimed} was not recomputed: no catalog is at hand`, {
          hint: 'Recompute it with: assay recipe digest --material',
        }),
      ],
      compared: [],
    };
  const own = await materialSlice(recipeYaml);
  const compared = [{ key: 'material slice', value: `${own} from the catalog, against the predicate` }];
  return own === claimed
    ? { findings: [], compared }
    : {
        findings: [finding('MATERIAL_SLICE_MISMATCH', `the catalog gives the material slice ${shown(own)}, the predicate says ${claimed}`)],
        compared,
      };
}

function invalid(problem: string): RecipeOutcome {
  return { outcome: { detail: problem, findings: [finding('RECIPE_INVALID', `${BUNDLE_FILE.recipe}: ${problem}`)] } };
}

import { loadCatalog } from '#core/catalog/load-catalog.ts';
import { defaultRecipeVersion, readRecipeText } from '#core/catalog/read-recipe.ts';
import { isAssayError } from '#core/error.ts';
import { parseCriteria, type CriteriaInput } from '#core/recipe/criteria.ts';
import type { Recipe } from '#core/recipe/document.ts';
import { resolveRecipe } from '#core/recipe/resolve.ts';
import type { ChartPlan } from './chart-plan.ts';
import { fail, ok, warn, type DoctorLine } from './doctor-line.ts';

/** The recipe of a plan, as far as it can be told, and the line about it. */
export interface PlannedRecipe {
  readonly recipe?: Recipe;
  readonly line: DoctorLine;
}

const AT = { section: 'checks', id: 'recipe' } as const;

/** Resolves what is to be certified, as the collector would: which checks run follows from it. */
export async function plannedRecipe({ recipe: planned }: ChartPlan): Promise<PlannedRecipe> {
  if (planned === undefined)
    return {
      line: warn(
        AT,
        'no recipe is named: which checks a run would make is not known',
        'Give the values that will be used: --chart-values FILE.',
      ),
    };
  try {
    const recipe =
      'text' in planned ? await readRecipeText(Buffer.from(planned.text), 'recipe.yaml') : await fromCriteria(planned.criteria);
    const { accelerator = 'any' } = recipe.criteria ?? {};
    return { recipe, line: ok('checks', 'recipe', `the recipe resolves, for accelerator ${accelerator}`) };
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return { line: fail(AT, `${error.code}: ${error.message}`, error.hint ?? 'See: assay recipe list') };
  }
}

async function fromCriteria(given: Readonly<Record<string, string>>): Promise<Recipe> {
  const catalog = await loadCatalog();
  const { nodes, ...texts } = given;
  const input: CriteriaInput = { ...texts, ...(nodes === undefined ? {} : { nodes: Number(nodes) }) };
  const criteria = parseCriteria(input, { overlays: [...catalog.overlays.values()] });
  return resolveRecipe(catalog, criteria, { version: defaultRecipeVersion() });
}

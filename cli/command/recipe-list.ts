import type { Command } from 'commander';
import { loadCatalog } from '#core/catalog/load-catalog.ts';
import { goJson } from '#core/digest/go-json.ts';
import { listRecipes, listValue, type RecipeEntry } from '#core/recipe/list.ts';
import { TEXT_DIMENSIONS } from '#core/recipe/criteria.ts';
import { typedCriteria } from './recipe-input.ts';
import { catalogSource, type CriteriaFlags } from './recipe-option.ts';
import type { Conclude } from './verb.ts';

/** Lists the overlays of a catalog; as JSON in upstream's shape. */
export async function list(command: Command, flags: CriteriaFlags, conclude: Conclude): Promise<void> {
  const catalog = await loadCatalog(catalogSource(flags));
  for (const warning of catalog.warnings) process.stderr.write(`warning: ${warning}\n`);
  const entries = listRecipes(catalog, typedCriteria(flags));
  const value = listValue(entries);
  await conclude(command, { exit: 0, json: value, document: () => goJson(value), render: { text: () => entries.map(line).join('') } });
}

function line({ name, criteria, isLeaf, source, health }: RecipeEntry): string {
  const dimensions = TEXT_DIMENSIONS.flatMap((dimension) =>
    criteria[dimension] === undefined ? [] : [`${dimension}=${criteria[dimension]}`],
  );
  return `${[name, isLeaf ? 'leaf' : 'part', source, health?.status ?? '-', dimensions.join(',') || '-'].join('\t')}\n`;
}

import type { Command } from 'commander';
import { readRecipeFile } from '#core/catalog/read-recipe.ts';
import { detectFingerprint } from '#core/fingerprint/detect.ts';
import type { Fingerprint } from '#core/fingerprint/fingerprint.ts';
import { matchCriteria } from '#core/fingerprint/match-criteria.ts';
import type { CriteriaMatch } from '#core/fingerprint/match.ts';
import { withFormat } from '../output/conclude.ts';
import { readSnapshot } from './recipe-input.ts';
import { catalogSource, withCatalog, type CatalogFlags } from './recipe-option.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface FingerprintFlags extends CatalogFlags {
  readonly snapshot: string;
  readonly recipe?: string;
}

const EXAMPLE = '\nExample: assay fingerprint -s snapshot.yaml -r recipe.yaml --format json';

/** `assay fingerprint`: what a snapshot says a cluster is, and how a recipe's criteria match it. */
export const defineFingerprint: DefineVerb = (command, conclude) => {
  command
    .requiredOption('-s, --snapshot <file>', 'snapshot to read')
    .option('-r, --recipe <file>', 'recipe or overlay whose criteria are matched');
  withFormat(withCatalog(command), ['text', 'json']).addHelpText('after', EXAMPLE);
  command.action((flags: FingerprintFlags) => fingerprint(command, flags, conclude));
};

async function fingerprint(command: Command, flags: FingerprintFlags, conclude: Conclude): Promise<void> {
  const found = detectFingerprint(readSnapshot(flags.snapshot));
  const match = flags.recipe === undefined ? undefined : await matchRecipe(flags.recipe, flags, found);
  const json = match === undefined ? found : { ...found, criteriaMatch: match };
  await conclude(command, {
    exit: 0,
    json,
    render: { text: () => `${dimensionLines(found)}${match === undefined ? '' : matchLines(match)}` },
  });
}

async function matchRecipe(path: string, flags: FingerprintFlags, found: Fingerprint): Promise<CriteriaMatch> {
  return matchCriteria((await readRecipeFile(path, catalogSource(flags))).criteria, found);
}

function dimensionLines(found: Fingerprint): string {
  return Object.entries(found)
    .map(
      ([name, { value, version, source, note }]: [
        string,
        { value: string | number; version?: string; source?: string; note?: string },
      ]) => {
        const shown = value === '' ? '(unknown)' : [value, version].filter((part) => part !== undefined).join(' ');
        return `${name.padEnd(13)} ${shown}${source === undefined ? '' : `  [${source}]`}${note === undefined ? '' : `  (${note})`}\n`;
      },
    )
    .join('');
}

function matchLines({ matched, perDimension }: CriteriaMatch): string {
  const lines = perDimension.map(({ dimension, recipeRequires = 'any', fingerprintProvides = 'unknown', match }) => {
    return `  ${dimension.padEnd(11)} ${match}: recipe ${recipeRequires}, cluster ${fingerprintProvides}\n`;
  });
  return `criteria ${matched ? 'matched' : 'mismatched'}\n${lines.join('')}`;
}

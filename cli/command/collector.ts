import { programVerb } from './program-verb.ts';
import type { DefineVerb } from './verb.ts';

/** `assay collector`: the collector program with its own settings. */
export const defineCollector: DefineVerb = programVerb(
  'collector',
  `
Starts the collector program itself; every word after "collector" goes to it. "assay collector --help" lists its settings.
Events are printed on stdout, one JSON object per line.

Example:
  assay collector --recipe recipe.yaml --state-dir state --token-file token --expect node-a --expect node-b`,
);

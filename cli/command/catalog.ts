import type { VerbEntry } from './verb.ts';

/** Every verb of `assay`, in the order of `assay --help`. */
export const VERBS: readonly VerbEntry[] = [];

import type { Command } from 'commander';
import type { ExitCode } from '#core/error.ts';

/** Formats a result can be asked for. */
export type OutputFormat = 'text' | 'json' | 'markdown' | 'html' | 'yaml' | 'junit';

/**
 * What a verb ends with. `json` is the one document of `--format json` (its `exit` is set by the caller from `exit`);
 * `render` makes the other formats, on demand, each ending in a newline.
 */
export interface Outcome {
  readonly exit: ExitCode;
  readonly json: unknown;
  /** The document has a closed schema of its own (CTRF): `exit` is not added to it. */
  readonly closedJson?: true;
  /** Exact text of `--format json` where its bytes are a format of their own (a recipe as upstream writes it). */
  readonly document?: () => string;
  readonly render: Partial<Readonly<Record<OutputFormat, () => string>>>;
}

/** Prints an outcome in the format and to the file that the command's options name. */
export type Conclude = (command: Command, outcome: Outcome) => Promise<void>;

/**
 * One verb: adds its arguments, options, help and action to a fresh command.
 * The action computes an {@link Outcome} and hands it to `conclude`; it never prints results, exits or sets an exit code.
 */
export type DefineVerb = (command: Command, conclude: Conclude) => void;

/** A row of the verb catalog: the module is loaded only when its verb is called, to keep start-up short. */
export interface VerbEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<DefineVerb>;
}

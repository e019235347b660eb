import type { Command } from 'commander';

/** Flags of every verb that reads this node. */
export interface NodeFlags {
  readonly hostRoot?: string;
  readonly toolPath?: readonly string[];
}

/** Adds `--host-root` and `--tool-path`. */
export function withNodeOptions(command: Command): Command {
  return command
    .option('--host-root <dir>', 'read this tree instead of / (a mounted host root or a captured tree)')
    .option('--tool-path <dir...>', 'look for vendor tools here only');
}

/** The agent flags for these options. */
export function nodeArgs(flags: NodeFlags): readonly string[] {
  return [
    ...(flags.hostRoot === undefined ? [] : [`--host-root=${flags.hostRoot}`]),
    ...(flags.toolPath ?? []).map((path) => `--tool-path=${path}`),
  ];
}

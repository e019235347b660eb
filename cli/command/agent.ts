import type { Command } from 'commander';
import type { ExitCode } from '#core/error.ts';
import { startProgram } from '#core/process/program.ts';
import type { Conclude, DefineVerb } from './verb.ts';

const EXAMPLES = `
Starts the agent program itself; every word after "agent" goes to it. "assay agent --help" lists its modes and settings.

Examples:
  assay agent run --collector wss://127.0.0.1:8443/v1/agent --collector-key sha256:… --token-file token --journal-dir journal
  assay agent probe`;

/** `assay agent`: the agent program with its own settings. */
export const defineAgent: DefineVerb = (command, conclude) => {
  command.helpOption(false).allowUnknownOption().allowExcessArguments().argument('[words...]', 'mode and settings of the agent');
  command.addHelpText('after', EXAMPLES);
  command.action(() => passThrough(command, command.args, conclude));
};

async function passThrough(command: Command, words: readonly string[], conclude: Conclude): Promise<void> {
  const program = startProgram('agent', { args: words, log: 'inherit' });
  const lines: string[] = [];
  for await (const line of program.lines) lines.push(line);
  const { exit } = await program.ended;
  const text = lines.map((line) => `${line}\n`).join('');
  await conclude(command, { exit: (exit ?? 3) as ExitCode, json: {}, render: { text: () => text } });
}

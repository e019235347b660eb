import type { ExitCode } from '#core/error.ts';
import { startProgram, type ProgramName } from '#core/process/program.ts';
import type { DefineVerb } from './verb.ts';

/**
 * A verb that is one of our programs itself: every word after it goes to the program, whose output and status become ours.
 * @param examples text shown after the help
 */
export function programVerb(name: ProgramName, examples: string): DefineVerb {
  return (command, conclude) => {
    command.helpOption(false).allowUnknownOption().allowExcessArguments().argument('[words...]', `mode and settings of the ${name}`);
    command.addHelpText('after', examples);
    command.action(async () => {
      const { exit, signal } = await startProgram(name, { args: command.args, log: 'inherit', output: 'inherit' }).ended;
      await conclude(command, {
        exit: exit === undefined ? exitOfSignal(signal) : (exit as ExitCode),
        json: {},
        render: { text: () => '' },
      });
    });
  };
}

function exitOfSignal(signal: string | undefined): ExitCode {
  return signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 3;
}

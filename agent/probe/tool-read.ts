import { errorText } from '#core/error.ts';
import type { Host } from '../host/host.ts';
import { outputText, type ToolLimits, type ToolName, type ToolOutcome } from '../host/tool-outcome.ts';
import type { Parsed } from '../vendor/parsed.ts';

/** A vendor tool and how its output is read. */
export interface ToolCommand<T> {
  readonly name: ToolName;
  readonly args: readonly string[];
  readonly limits: ToolLimits;
  /** Throws when the output is not what the tool prints. */
  readonly parse: (bytes: Uint8Array) => Parsed<T>;
}

/**
 * What became of a tool: its typed output, `absent` when the tool is not installed, or `unreadable` with the outcome and the
 * first line of what it said instead.
 */
export type ToolRead<T> =
  | { readonly state: 'read'; readonly value: T; readonly parsed: Parsed<T>; readonly exitCode: number; readonly stderr: string }
  | { readonly state: 'absent'; readonly reason: string }
  | { readonly state: 'unreadable'; readonly reason: string; readonly outcome: ToolOutcome };

/** Runs a tool and reads its output. A bad exit status does not hide readable output; good status does not excuse unreadable output. */
export async function readTool<T>(host: Host, command: ToolCommand<T>): Promise<ToolRead<T>> {
  const outcome = await host.runTool(command.name, command.args, command.limits);
  if (outcome.outcome === 'not-found') return { state: 'absent', reason: outcome.reason };
  if (outcome.outcome !== 'exited') return { state: 'unreadable', reason: outcome.reason, outcome };
  try {
    const parsed = command.parse(outcome.stdout);
    return { state: 'read', value: parsed.value, parsed, exitCode: outcome.code, stderr: outcome.stderr };
  } catch (error) {
    const said = firstLine(outcome.stderr) ?? firstLine(outputText(outcome));
    const why = outcome.code === 0 || said === undefined ? errorText(error) : said;
    return { state: 'unreadable', reason: `${outcome.command} (status ${outcome.code}): ${why}`, outcome };
  }
}

/** Everything a tool that ended has said, both streams, for looking for messages. */
export function saidBy(outcome: ToolOutcome): string {
  return outcome.outcome === 'exited' ? `${outputText(outcome)}\n${outcome.stderr}` : outcome.reason;
}

/** The first line that is not blank, at most 200 characters. */
export function firstLine(text: string): string | undefined {
  const line = text.trim().split('\n', 1)[0]?.slice(0, 200);
  return line === '' ? undefined : line;
}

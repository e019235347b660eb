import { shown } from '#core/verify/foreign-text.ts';

/** A result that changes while it is looked at. */
export interface LiveOutput {
  /** Shows the present state; the same one twice is shown once. */
  readonly show: (state: LiveState) => void;
  /** Something on the way that is no result. */
  readonly note: (text: string) => void;
  /** Removes what must not stay. */
  readonly end: () => void;
}

/** The same state in the forms that it may be shown in. */
export interface LiveState {
  /** Differs when something happened; durations that only grow are left out. */
  readonly key: string;
  readonly block: string;
  readonly line: string;
  readonly json: string;
}

const UP_AND_CLEAR = (lines: number): string => `\u001B[${lines}A\u001B[0J`;

/**
 * Shows a changing result: on a terminal one block that is drawn again, elsewhere one line per change, or one JSON document per
 * line. How often that can be is up to whoever looks.
 */
export function liveOutput(format: string, stream: NodeJS.WriteStream = process.stdout): LiveOutput {
  const isBlock = stream.isTTY && format !== 'json';
  let drawn = 0;
  let last = '';
  const clear = (): void => {
    if (drawn > 0) stream.write(UP_AND_CLEAR(drawn));
    drawn = 0;
  };
  return {
    show: (state) => {
      if (isBlock) {
        clear();
        const text = fitted(state.block, stream);
        stream.write(text);
        drawn = text.split('\n').length - 1;
      } else if (state.key !== last) {
        last = state.key;
        stream.write(`${format === 'json' ? state.json : state.line}\n`);
      }
    },
    note: (text) => {
      clear();
      process.stderr.write(`${shown(text, 1000)}\n`);
    },
    end: clear,
  };
}

/** Lines are cut to the width of the terminal, and to its height: a line that wraps cannot be taken back. */
function fitted(block: string, { columns, rows }: NodeJS.WriteStream): string {
  const lines = block.split('\n').slice(0, -1);
  const kept = lines.length > rows - 1 ? [...lines.slice(0, rows - 2), `… ${lines.length - rows + 2} more lines`] : lines;
  return `${kept.map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line)).join('\n')}\n`;
}

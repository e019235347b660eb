import { describe, expect, it } from 'vitest';
import { liveOutput } from '../../../cli/output/live-output.ts';

interface Screen {
  readonly stream: NodeJS.WriteStream;
  readonly written: string[];
}

function screen(size?: { readonly columns: number; readonly rows: number }): Screen {
  const written: string[] = [];
  const stream = { isTTY: size !== undefined, ...size, write: (text: string) => written.push(text) };
  return { stream: stream as unknown as NodeJS.WriteStream, written };
}

const state = (key: string, block = `${key}\n`): { key: string; block: string; line: string; json: string } => ({
  key,
  block,
  line: `line ${key}`,
  json: `{"key":"${key}"}`,
});

describe('a result that changes while it is looked at', () => {
  it('is one block on a terminal, drawn over the one before', () => {
    const { stream, written } = screen({ columns: 80, rows: 24 });
    const output = liveOutput('text', stream);
    output.show(state('a', 'one\ntwo\n'));
    output.show(state('a', 'one\nthree\n'));
    output.end();

    expect(written).toEqual(['one\ntwo\n', '\u001B[2A\u001B[0J', 'one\nthree\n', '\u001B[2A\u001B[0J']);
  });

  it('never has more lines or longer ones than the terminal: those could not be drawn over', () => {
    const { stream, written } = screen({ columns: 10, rows: 5 });
    const output = liveOutput('text', stream);
    output.show(state('a', `${'x'.repeat(30)}\n${'y\n'.repeat(30)}`));
    output.end();

    expect(written).toEqual([`${'x'.repeat(9)}…\ny\ny\n… 28 more…\n`, '\u001B[4A\u001B[0J']);
  });

  it.each([
    ['text', ['line a\n', 'line b\n']],
    ['json', ['{"key":"a"}\n', '{"key":"b"}\n']],
  ])('is one line per change where nobody looks, as %s', (format, expected) => {
    const { stream, written } = screen();
    const output = liveOutput(format, stream);
    for (const key of ['a', 'a', 'b', 'b', 'b']) output.show(state(key));
    output.end();

    expect(written).toEqual(expected);
  });

  it('is JSON lines on a terminal too when that is asked for', () => {
    const { stream, written } = screen({ columns: 80, rows: 24 });
    liveOutput('json', stream).show(state('a'));

    expect(written).toEqual(['{"key":"a"}\n']);
  });
});

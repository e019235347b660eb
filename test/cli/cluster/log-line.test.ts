import { describe, expect, it } from 'vitest';
import { parseLogLine, redacted, safeEvent, safeLine } from '../../../cli/cluster/log-line.ts';
import { logReader } from '../../../cli/output/log-text.ts';

const EVENT = '{"event":"node-finished","node":"a"}';
const TOKEN = `eyJhbGciOiJSUzI1NiJ9.${'eyJpc3MiOiJ4In0'.repeat(3)}.c2lnbmF0dXJl`;
const reader = (verbose = false): ReturnType<typeof logReader> => logReader({ verbose, stream: process.stderr });

describe('a line of a log', () => {
  it.each([
    [
      'an event with a time',
      `2026-11-21T12:00:00.123456789Z ${EVENT}`,
      { atMs: Date.UTC(2026, 10, 21, 12, 0, 0, 123), text: EVENT, event: JSON.parse(EVENT) as unknown },
    ],
    ['an event without a time', EVENT, { text: EVENT, event: JSON.parse(EVENT) as unknown }],
    ['an event cut in the middle', EVENT.slice(0, -2), { text: EVENT.slice(0, -2) }],
    ['other JSON', '{"level":30,"event":"x"}', { text: '{"level":30,"event":"x"}' }],
    ['words with a time', '2026-11-21T12:00:00Z hello', { atMs: Date.UTC(2026, 10, 21, 12), text: 'hello' }],
    ['nothing', '', { text: '' }],
  ])('is taken apart: %s', (_, line, expected) => {
    expect(parseLogLine(line)).toEqual(expected);
  });

  it.each([
    ['a token', `token file holds ${TOKEN} today`, 'token file holds [token] today'],
    ['a header', `Authorization: Bearer abc.def-ghi`, 'Authorization: [secret] [secret]'],
    ['a password', 'login with password=hunter2, then go', 'login with password=[secret], then go'],
    ['a secret in JSON', '{"token":"abc"}', '{"token":"[secret]"}'],
    ['an address with a password', 'GET https://me:secret@registry.example/v2/', 'GET https://me:[secret]@registry.example/v2/'],
    ['nothing secret', 'the token file is missing', 'the token file is missing'],
  ])('loses what looks like a secret: %s', (_, text, expected) => {
    expect(redacted(text)).toBe(expected);
  });

  it('cannot move the cursor, colour a terminal or fill it', () => {
    const hostile = safeLine(`\u001B[2J\u001B]0;x\u0007 ${'y'.repeat(10_000)}`);

    expect([hostile.includes('\u001B'), hostile.includes('\u0007'), hostile.length]).toEqual([false, false, 4_000]);
  });

  it('is safe in every text of an event', () => {
    expect(safeEvent({ event: 'absent', node: 'a\u001B[31m', reason: 'lost', detail: `with ${TOKEN}` }, safeLine)).toEqual({
      event: 'absent',
      node: 'a\\u{1b}[31m',
      reason: 'lost',
      detail: 'with [token]',
    });
  });
});

describe('a log that people read', () => {
  it.each([
    ['an event', `2026-11-21T12:00:01.5Z ${EVENT}`, '12:00:01.500 a: finished'],
    ['a hostile event', '{"event":"node-finished","node":"\\u001b[2Ja"}', '\\u{1b}[2Ja: finished'],
    [
      'a warning of a program',
      '{"level":40,"time":1,"pid":1,"program":"collector","code":"DISK_FULL","msg":"ledger stalled"}',
      'warn ledger stalled code=DISK_FULL',
    ],
    ['what a program says in passing', '{"level":30,"time":1,"msg":"hello"}', undefined],
    ['an event that people need not see', '{"event":"phase-ended","node":"a","phase":"deployment"}', undefined],
    ['anything else', 'Error: boom', 'Error: boom'],
  ])('shows %s', (_, line, expected) => {
    expect(reader()(parseLogLine(line))).toBe(expected);
  });

  it('shows everything when asked to', () => {
    const lines = ['{"level":30,"time":1,"msg":"hello","n":[1]}', '{"event":"phase-ended","node":"a","phase":"deployment"}'];

    expect(lines.map((line) => reader(true)(parseLogLine(line)))).toEqual([
      'info hello n=[1]',
      '{"event":"phase-ended","node":"a","phase":"deployment"}',
    ]);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CLOSE_REPLACED, CLOSE_RULES } from '#core/wire/close-code.ts';
import { WIRE_LIMITS, WIRE_PROTOCOL } from '#core/wire/limits.ts';

const page = readFileSync('docs/reference/wire.md', 'utf8');

function rows(heading: string): readonly (readonly string[])[] {
  const section = page.slice(page.indexOf(`## ${heading}`)).split('\n## ')[0] as string;
  const cells = section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  return cells.slice(1);
}

describe('docs/reference/wire.md', () => {
  it('names the version', () => {
    expect(page).toContain(`Version ${String(WIRE_PROTOCOL)}.`);
  });

  it('has every limit with its value, and no other', () => {
    const documented = rows('Limits').map(([name, value]) => [/`(\w+)`/.exec(name as string)?.[1], Number(value)]);

    expect(Object.fromEntries(documented)).toEqual(WIRE_LIMITS);
  });

  it('has every close code with its reason and whether it is final, and no other', () => {
    const documented = rows('Close codes')
      .filter(([close]) => Number(close) >= 4000)
      .map(([close, code, final]) => [Number(close), code?.replaceAll('`', ''), final]);
    const rules = Object.entries(CLOSE_RULES).map(([code, { close, final }]) => [close, code, final ? 'yes' : 'no']);

    expect(new Set(documented)).toEqual(new Set([...rules, [CLOSE_REPLACED, '', 'yes']]));
  });
});

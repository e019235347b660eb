import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const files = readdirSync('proto/assay/v1').map((name) => ({ name, text: readFileSync(`proto/assay/v1/${name}`, 'utf8') }));
const statements = files.flatMap(({ name, text }) => text.split('\n').map((line) => ({ name, line: line.replace(/\/\/.*/, '').trim() })));

describe('proto/assay/v1', () => {
  it('has no 64-bit integer field: the generated types would lie about them', () => {
    const wide = statements.filter(({ line }) => /\b(u?int64|sint64|s?fixed64)\b/.test(line));

    expect(statements.filter(({ line }) => /= \d+;$/.test(line)).length).toBeGreaterThan(40);
    expect(wide).toEqual([]);
  });

  it('has no map field: its order on the wire is not defined', () => {
    expect(statements.filter(({ line }) => /\bmap\s*</.test(line))).toEqual([]);
  });

  it('explains every message', () => {
    const silent = files.flatMap(({ text }) =>
      [...text.matchAll(/^(.*)\n(?:message|enum) (\w+)/gm)].filter(([, above]) => above?.startsWith('//') !== true),
    );

    expect(silent.map(([, , name]) => name)).toEqual([]);
  });
});

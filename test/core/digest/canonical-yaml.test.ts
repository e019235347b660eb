import { describe, expect, it } from 'vitest';
import { canonicalYaml } from '#core/digest/canonical-yaml.ts';
import { parseYamlNode } from '#core/digest/read-yaml.ts';
import { canonicalValue, YamlFloat, YamlTimestamp, type CanonicalValue } from '#core/digest/yaml-value.ts';

/** What follows `k:` when the value stands under a top-level key. */
function written(value: CanonicalValue, indent: 2 | 4 = 4): string {
  return canonicalYaml({ k: value }, indent).slice('k:'.length, -1).trimStart();
}

function rewritten(text: string, indent: 2 | 4 = 4): string {
  return canonicalYaml(canonicalValue(parseYamlNode(text, { name: 'test' })), indent);
}

describe('layout', () => {
  it('sorts keys by their bytes, upper case and digits first', () => {
    expect(canonicalYaml({ b: 1, a: 2, Z: 3, '10': 4, '9': 5, _: 6, '-d': 7 }, 2)).toBe('-d: 7\n"10": 4\n"9": 5\nZ: 3\n_: 6\na: 2\nb: 1\n');
  });

  it('sorts a key above U+FFFF behind one at the end of the basic plane', () => {
    expect(canonicalYaml({ '\u{1F600}': 1, '\uFFFD': 2 }, 2)).toBe('\uFFFD: 2\n"\\U0001F600": 1\n');
  });

  it('puts children at the next multiple of the indent and list content two columns after the dash', () => {
    expect(canonicalYaml({ refs: [{ name: 'a', deep: { list: [[1, 2], { x: [] }] } }] }, 4)).toBe(
      'refs:\n    - deep:\n        list:\n            - - 1\n              - 2\n            - x: []\n      name: a\n',
    );
  });

  it('writes the same with indent 2', () => {
    expect(canonicalYaml({ refs: [{ name: 'a', deep: { list: [1] } }] }, 2)).toBe(
      'refs:\n  - deep:\n      list:\n        - 1\n    name: a\n',
    );
  });

  it('writes empty collections in place and leaves out undefined members', () => {
    expect(canonicalYaml({ a: {}, b: [], c: undefined, d: null }, 4)).toBe('a: {}\nb: []\nd: null\n');
  });

  it('writes a top-level list and a top-level scalar', () => {
    expect([canonicalYaml(['a', ['b']], 2), canonicalYaml('on', 2), canonicalYaml({}, 2)]).toEqual(['- a\n- - b\n', '"on"\n', '{}\n']);
  });

  it('writes a key longer than 128 bytes with the explicit form', () => {
    const key = 'k'.repeat(129);

    expect(canonicalYaml({ [key]: { a: 1 }, ['k'.repeat(128)]: 2 }, 4)).toBe(`${'k'.repeat(128)}: 2\n? ${key}\n:   a: 1\n`);
  });

  it('keeps the type of keys that are no text in free-form mappings', () => {
    expect(rewritten('m: {10: a, 9: b, x: c, "5": d, true: e, ~: f}', 2)).toBe(
      'm:\n  10: a\n  "5": d\n  9: b\n  null: f\n  true: e\n  x: c\n',
    );
  });
});

describe('numbers', () => {
  it.each<[CanonicalValue, string]>([
    [0, '0'],
    [-0, '-0'],
    [1000000, '1000000'],
    [18446744073709551615n, '18446744073709551615'],
    [1.5, '1.5'],
    [123456.789, '123456.789'],
    [1234567.25, '1.23456725e+06'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1e21, '1e+21'],
    [new YamlFloat(2), '2'],
    [new YamlFloat(1e6), '1e+06'],
    [new YamlFloat(100000), '100000'],
    [new YamlFloat(-0), '-0'],
    [Number.NaN, '.nan'],
    [Infinity, '.inf'],
    [-Infinity, '-.inf'],
    [true, 'true'],
    [new YamlTimestamp('2026-01-02T00:00:00Z'), '2026-01-02T00:00:00Z'],
  ])('%s is written %s', (value, text) => {
    expect(written(value)).toBe(text);
  });
});

const RESERVED = [
  ['', '~', 'null', 'Null', 'NULL', 'true', 'True', 'FALSE', '.inf', '-.Inf', '.NaN'],
  ['1', '-1', '+1', '0x1F', '0o17', '017', '0b11', '1_000', '1e3', '.5', '1.', '08', '18446744073709551616'],
  ['2026-01-02', '2026-1-2', '2026-01-02T03:04:05Z', '2026-01-02 03:04:05.5'],
  ['y', 'Y', 'yes', 'On', 'OFF', 'n', 'No', '12:30', '1:30:45.5', '-1:30'],
].flat();

const PLAIN = [
  [
    'a',
    'tRUE',
    'nUll',
    'yEs',
    '1.2.3',
    'v1.0',
    '10.0.0.0/8',
    '1e',
    '0x',
    '0b2',
    '0o8',
    '._5',
    '1e999',
    '--flag',
    '-x',
    '?x',
    ':x',
    '=',
    '.',
  ],
  [
    'a:b',
    'http://x:80/',
    'a#b',
    '50%',
    'a@b',
    "it's",
    'a\\b',
    'say "hi"',
    'a, b',
    'héllo ☃',
    'a\u00a0b',
    '2026-13-01',
    '2026-02-30',
    '12:60',
  ],
  ['2026-01-02 03:04:05 +02:00', 'x'.repeat(500)],
].flat();

describe('texts that would read back as something else are double quoted', () => {
  it.each(RESERVED)('%j', (text) => {
    expect(written(text)).toBe(`"${text}"`);
  });
});

describe('texts that stay plain', () => {
  it.each(PLAIN)('%j', (text) => {
    expect(written(text)).toBe(text);
  });
});

describe('texts that cannot be plain are single quoted', () => {
  it.each([
    ['# a', "'# a'"],
    ['a: b', "'a: b'"],
    ['a:', "'a:'"],
    ['a # b', "'a # b'"],
    ['- x', "'- x'"],
    ['-', "'-'"],
    ['? x', "'? x'"],
    [' x', "' x'"],
    ['x ', "'x '"],
    ['---', "'---'"],
    ['...x', "'...x'"],
    ["'a'", "'''a'''"],
    ['"a', "'\"a'"],
    ...',[]{}&*!|>%@`'.split('').map((first): [string, string] => [`${first}x`, `'${first}x'`]),
  ])('%j', (text, expected) => {
    expect(written(text)).toBe(expected);
  });
});

describe('texts with special characters are double quoted with escapes', () => {
  it.each([
    ['a\tb', '"a\\tb"'],
    ['a\rb', '"a\\rb"'],
    ['a\u0001\u001b\u0000', '"a\\x01\\e\\0"'],
    ['a\u007f', '"a\\x7F"'],
    ['a\u0085b', '"a\\Nb"'],
    ['\u{1F600}', '"\\U0001F600"'],
    ['\ufeffx', '"\\uFEFF\\x78"'],
    ['x\ufeff', '"x\\uFEFF"'],
    ['a \nb', '"a \\nb"'],
    ['a\nb ', '"a\\nb "'],
    ['\u{1F600}\nb\n', '"\\U0001F600\\nb\\n"'],
  ])('%j', (text, expected) => {
    expect(written(text)).toBe(expected);
  });
});

describe('literal blocks', () => {
  it.each([
    ['a\nb\n', 'k: |\n    a\n    b\n'],
    ['a\nb', 'k: |-\n    a\n    b\n'],
    ['a\n\n\n', 'k: |+\n    a\n\n\n'],
    ['  a\nb\n', 'k: |4\n      a\n    b\n'],
    ['a\n\n\tb\n', 'k: |\n    a\n\n    \tb\n'],
    ['\na', 'k: |-\n    a\n'],
    ['\n', 'k: ""\n'],
    ['\n\na\n', 'k: |4\n    a\n'],
  ])('%j, as upstream has it after writing twice', (text, expected) => {
    expect(canonicalYaml({ k: text }, 4)).toBe(expected);
  });

  it('stands two columns after the dash in a list', () => {
    expect(canonicalYaml({ l: ['a\nb\n'] }, 4)).toBe('l:\n    - |\n      a\n      b\n');
  });

  it('refuses a text whose indent digit upstream gets wrong', () => {
    expect(() => canonicalYaml({ l: [' a\nb\n'] }, 4)).toThrowError(expect.objectContaining({ code: 'YAML_UNWRITABLE' }));
  });

  it('accepts the same text where the digit is right', () => {
    expect(canonicalYaml({ l: [' a\nb\n'] }, 2)).toBe('l:\n  - |2\n     a\n    b\n');
  });
});

describe('the text of a merge key', () => {
  it('is tagged as a value', () => {
    expect(canonicalYaml({ a: '<<' }, 4)).toBe('a: !!merge <<\n');
  });
});

describe('reading and writing', () => {
  it.each([
    'a: 0x10\nb: 010\nc: 1_000\nd: 1.50\ne: 2026-1-2\nf: yes\n',
    'l:\n    - - 1\n      - {a: ~, b: []}\n    - |-\n      x\n      y\n',
    's: "a\\u2028 b"\n',
  ])('gives a fixed point: %j', (text) => {
    const once = rewritten(text);

    expect(rewritten(once)).toBe(once);
  });
});

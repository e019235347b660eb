import { describe, expect, it } from 'vitest';
import { parseYaml, parseYamlDocuments } from '#core/digest/read-yaml.ts';

const read = (text: string): unknown => parseYaml(text, { name: 'doc.yaml' });

describe('scalars', () => {
  it.each<[string, unknown]>([
    ['~', null],
    ['', null],
    ['True', true],
    ['yes', 'yes'],
    ['on', 'on'],
    ['n', 'n'],
    ['0x1F', 31],
    ['0o17', 15],
    ['017', 15],
    ['0b101', 5],
    ['-1_000', -1000],
    ['+7', 7],
    ['1e3', 1000],
    ['.5', 0.5],
    ['1.50', 1.5],
    ['08', 8],
    ['18446744073709551616', 18446744073709551616],
    ['.inf', Infinity],
    ['2026-01-02', '2026-01-02'],
    ['"5"', '5'],
    ["'true'", 'true'],
    ['!!str 5', '5'],
    ['!!float 5', 5],
    ['!!binary aGVsbG8=', 'hello'],
    ['!mine 5', '5'],
    ['! 5', '5'],
    ['1.2.3', '1.2.3'],
    ['0x', '0x'],
  ])('%j', (text, value) => {
    expect(read(`k: ${text}`)).toEqual({ k: value });
  });

  it('keeps integers beyond 2^53 exact', () => {
    expect(read('[9007199254740993, 18446744073709551615, -9223372036854775808]')).toEqual([
      9007199254740993n,
      18446744073709551615n,
      -9223372036854775808n,
    ]);
  });

  it('keeps keys as they are spelled and a null key as the empty text', () => {
    expect(read('{0x10: a, 1.0: b, true: c, ~: d}')).toEqual({ '0x10': 'a', '1.0': 'b', true: 'c', '': 'd' });
  });

  it('takes __proto__ for a key like any other', () => {
    const value = read('__proto__: {polluted: true}\na: 1') as Record<string, unknown>;

    expect([Object.keys(value), Object.getPrototypeOf(value), ({} as Record<string, unknown>).polluted]).toEqual([
      ['__proto__', 'a'],
      Object.prototype,
      undefined,
    ]);
  });
});

describe('aliases and merge keys', () => {
  it('expands aliases', () => {
    expect(read('a: &x [1, two]\nb: *x')).toEqual({ a: [1, 'two'], b: [1, 'two'] });
  });

  it('merges mappings: own keys first, then earlier sources', () => {
    expect(read('a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b]}')).toEqual({
      a: { x: 1, y: 1 },
      b: { y: 2, z: 2 },
      c: { z: 3, x: 1, y: 1 },
    });
  });

  it('takes a quoted << for a text', () => {
    expect(read('"<<": 1')).toEqual({ '<<': 1 });
  });
});

describe('malformed documents are refused with line and column', () => {
  it.each([
    ['duplicate key', 'a: 1\nb: 2\na: 3', 3, 1],
    ['duplicate key in a flow mapping', 'k: {a: 1, a: 2}', 1, 11],
    ['duplicate key, quoted and not', 'a: 1\n"a": 2', 2, 1],
    ['duplicate number key', '1: a\n1: b', 2, 1],
    ['unclosed quote', 'a: "x', 1, 6],
    ['tab as indentation', 'a:\n\tb: 1', 2, 1],
    ['bad indentation', 'a:\n  b: 1\n c: 2', 3, 1],
    ['alias without anchor', 'a: *x', 1, 4],
    ['alias inside its own anchor', 'a: &x [*x]', 1, 8],
    ['merge of a text', 'a: {<<: x}', 1, 4],
    ['mapping as key', '? {a: 1}\n: b', 1, 3],
    ['second document', 'a: 1\n---\nb: 2', 2, 1],
    ['wrong tag', 'a: !!int x', 1, 10],
    ['binary that is no base64', 'a: !!binary "%%"', 1, 13],
    ['half a character', 'a: "\\ud800"', 1, 4],
    ['binary that is no text', 'a: !!binary /w==', 1, 13],
  ])('%s', (_, text, line, column) => {
    expect(() => read(text)).toThrowError(
      expect.objectContaining({
        code: 'YAML_INVALID',
        details: { name: 'doc.yaml', line, column },
        message: expect.stringContaining(`doc.yaml:${line}:${column}: `),
      }),
    );
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseYaml(Uint8Array.of(0x61, 0xff), { name: 'x' })).toThrowError(expect.objectContaining({ code: 'YAML_INVALID' }));
  });
});

describe('hostile sizes end before they cost', () => {
  it('refuses a document over the byte limit without reading it', () => {
    expect(() => parseYaml('a: 12345', { name: 'x', maxBytes: 7 })).toThrowError(expect.objectContaining({ code: 'FILE_TOO_LARGE' }));
  });

  it('takes a document of exactly the byte limit', () => {
    expect(parseYaml('a: 1234', { name: 'x', maxBytes: 7 })).toEqual({ a: 1234 });
  });

  it.each([
    ['brackets', '['.repeat(5_000_000)],
    ['dashes', '- '.repeat(100_000)],
    ['explicit keys', '? '.repeat(100_000)],
    ['indented keys', Array.from({ length: 101 }, (_, depth) => `${' '.repeat(depth)}k:`).join('\n')],
  ])('refuses %s nested beyond the limit', (_, text) => {
    expect(() => read(text)).toThrowError(
      expect.objectContaining({ code: 'YAML_INVALID', message: expect.stringContaining('deeper than 100') }),
    );
  });

  it('takes a document nested as deep as the limit', () => {
    expect(JSON.stringify(parseYaml(`${'['.repeat(100)}${']'.repeat(100)}`, { name: 'x' }))).toBe(`${'['.repeat(100)}${']'.repeat(100)}`);
  });

  it('refuses aliases that multiply', () => {
    const lines = Array.from({ length: 9 }, (_, level) => `a${level + 1}: &a${level + 1} [${Array(10).fill(`*a${level}`).join(', ')}]`);

    expect(() => read(['a0: &a0 [x]', ...lines].join('\n'))).toThrowError(
      expect.objectContaining({ code: 'YAML_INVALID', message: expect.stringContaining('with aliases expanded') }),
    );
  });

  it('refuses aliases that deepen', () => {
    const lines = Array.from({ length: 150 }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}]`);

    expect(() => read(['a0: &a0 [x]', ...lines].join('\n'))).toThrowError(
      expect.objectContaining({ message: expect.stringContaining('deeper than') }),
    );
  });

  it('refuses more values than the limit', () => {
    expect(() => parseYaml('[1, 2, 3]', { name: 'x', maxNodes: 3 })).toThrowError(expect.objectContaining({ code: 'YAML_INVALID' }));
  });
});

describe('streams', () => {
  it('reads every document in order', () => {
    expect(parseYamlDocuments('---\na: 1\n---\n---\n- b\n', { name: 'x' })).toEqual([{ a: 1 }, null, ['b']]);
  });

  it('reads one document that an empty one follows', () => {
    expect(read('a: 1\n---\n')).toEqual({ a: 1 });
  });
});

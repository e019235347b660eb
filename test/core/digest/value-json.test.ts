import { describe, expect, it } from 'vitest';
import { parseJsonNode } from '#core/digest/read-json.ts';
import { canonicalYaml } from '#core/digest/canonical-yaml.ts';
import { valueJson } from '#core/digest/value-json.ts';
import { canonicalValue, YamlFloat, YamlMixedMap, YamlTimestamp } from '#core/digest/yaml-value.ts';

describe('JSON as upstream writes it', () => {
  it('keeps key order outside free-form members and sorts inside', () => {
    expect(valueJson({ b: 1, a: { z: 1, overrides: { z: { y: 1, '10': 2, '9': 3 }, a: 1 } } }, { freeForm: new Set(['overrides']) })).toBe(
      '{\n  "b": 1,\n  "a": {\n    "z": 1,\n    "overrides": {\n      "a": 1,\n      "z": {\n        "10": 2,\n        "9": 3,\n        "y": 1\n      }\n    }\n  }\n}\n',
    );
  });

  it('escapes what Go escapes', () => {
    expect(valueJson(['<a> & "b"\n\u2028'])).toBe('[\n  "\\u003ca\\u003e \\u0026 \\"b\\"\\n\\u2028"\n]\n');
  });

  it.each([
    [18446744073709551615n, '18446744073709551615'],
    [new YamlFloat(2), '2'],
    [new YamlFloat(-0), '-0'],
    [1.5, '1.5'],
    [null, 'null'],
    [[], '[]'],
    [{}, '{}'],
    [new YamlTimestamp('2026-01-02T00:00:00Z'), '"2026-01-02T00:00:00Z"'],
    [new YamlMixedMap([[10, 'a']]), '{\n  "10": "a"\n}'],
  ])('%s', (value, text) => {
    expect(valueJson(value)).toBe(`${text}\n`);
  });

  it.each([Number.NaN, Infinity])('refuses %s', (value) => {
    expect(() => valueJson({ a: value })).toThrowError(expect.objectContaining({ code: 'YAML_UNWRITABLE' }));
  });
});

describe('JSON as it is read', () => {
  const rewritten = (text: string): string => canonicalYaml(canonicalValue(parseJsonNode(text, { name: 'x.json' })), 2);

  it('makes every number a float', () => {
    expect(rewritten('{"n": 2000000, "m": 5, "f": 1.5}')).toBe('f: 1.5\nm: 5\n"n": 2e+06\n');
  });

  it('replaces half a character', () => {
    expect(rewritten('{"a": "x\\ud800y"}')).toBe('a: x\ufffdy\n');
  });

  it.each([
    ['a key twice', '{"a": 1, "a": 2}'],
    ['a comment', '{"a": 1} // x'],
    ['text after the document', '{} {}'],
    ['nesting', '['.repeat(100) + ']'.repeat(100)],
    ['nothing', ''],
  ])('refuses %s', (_, text) => {
    expect(() => parseJsonNode(text, { name: 'x.json' })).toThrowError(expect.objectContaining({ code: 'JSON_INVALID' }));
  });
});

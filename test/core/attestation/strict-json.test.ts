import { describe, expect, it } from 'vitest';
import { parseStrictJson } from '#core/attestation/strict-json.ts';

describe('strict JSON', () => {
  it('gives the value of one document, with any indentation', () => {
    const value = parseStrictJson(Buffer.from(' {\n "a": [1, {"b": "{\\"a\\":1,\\"a\\":2}"}],\n "c": {"a": null}\n}\n'), 'the test');

    expect(value).toEqual({ a: [1, { b: '{"a":1,"a":2}' }], c: { a: null } });
  });

  it.each([
    ['a repeated key', '{"a":1,"b":2,"a":3}'],
    ['a repeated key far inside', '{"x":[{"y":{"a":1,"a":1}}]}'],
    ['a key repeated in another spelling', String.raw`{"a":1,"\u0061":2}`],
    ['a repeated empty key', '{"":1,"":2}'],
    ['a second document', '{"a":1}\n{"a":1}'],
    ['text after the document', '{"a":1}]'],
    ['a comma at the end', '{"a":1,}'],
    ['a comment', '{"a":1}//'],
    ['a single-quoted key', "{'a':1}"],
    ['nothing', ''],
    ['a byte order mark', '\u{feff}{"a":1}'],
    ['nesting without end', '['.repeat(65) + ']'.repeat(65)],
    ['nesting without end, unclosed', '['.repeat(100_000)],
  ])('refuses %s', (_, text) => {
    expect(() => parseStrictJson(Buffer.from(text), 'the test')).toThrow(expect.objectContaining({ code: 'JSON_INVALID' }));
  });

  it('refuses bytes that are not UTF-8', () => {
    const bytes = Buffer.from([0x22, 0xff, 0x22]);

    expect(() => parseStrictJson(bytes, 'the test')).toThrow(expect.objectContaining({ code: 'JSON_INVALID' }));
  });

  it('reads a text of several megabytes without running out of stack', () => {
    const text = JSON.stringify({ a: 'x\\"'.repeat(2_000_000), b: 1 });

    expect(Object.keys(parseStrictJson(Buffer.from(text), 'the test') as object)).toEqual(['a', 'b']);
  });
});

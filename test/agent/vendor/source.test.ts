import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../../agent/vendor/csv.ts';
import { parseFileTree } from '../../../agent/vendor/file-tree.ts';
import { parseJson } from '../../../agent/vendor/json-source.ts';
import { decodeSource, MAX_SOURCE_BYTES } from '../../../agent/vendor/source-text.ts';
import { parseXml } from '../../../agent/vendor/xml-tree.ts';
import { bytesOf, codeOf, messageOf } from '../../fixture/vendor-output.ts';

const xml = (text: string): unknown => parseXml('xml', bytesOf(text), { root: 'log' });
const json = (text: string): unknown => parseJson(decodeSource('json', bytesOf(text)));

describe('decoding', () => {
  it.each([
    ['an empty file', new Uint8Array(), 'VENDOR_OUTPUT_INVALID'],
    ['blanks', bytesOf(' \n\t\n'), 'VENDOR_OUTPUT_INVALID'],
    ['UTF-16', Buffer.from('GPU 0', 'utf16le'), 'VENDOR_OUTPUT_INVALID'],
    ['Latin-1', Buffer.from([0x31, 0x30, 0xb0, 0x43, 0x0a]), 'VENDOR_OUTPUT_INVALID'],
    ['a bell', bytesOf('GPU\u0007\n'), 'VENDOR_OUTPUT_INVALID'],
    ['a flood', new Uint8Array(MAX_SOURCE_BYTES + 1).fill(0x61), 'VENDOR_OUTPUT_LIMIT'],
  ])('refuses %s', (_, bytes, code) => {
    expect(codeOf(() => decodeSource('tool', bytes))).toBe(code);
  });

  it('says where the first foreign byte stands', () => {
    expect(messageOf(() => decodeSource('tool', bytesOf('first\nab\u0001c\n')))).toBe('tool: control character U+0001 (line 2, column 3)');
  });

  it('takes terminal escapes and a byte order mark off', () => {
    expect(decodeSource('tool', bytesOf('\ufeff\u001b[4mGPU0\u001b[0m\n')).text).toBe('GPU0\n');
  });

  it('keeps going over foreign bytes where a kernel log is read', () => {
    expect(decodeSource('tool', Buffer.from([0x61, 0xff, 0x0a]), { lenient: true }).text).toBe('a\ufffd\n');
  });
});

describe('XML', () => {
  it('keeps text, attributes and order, and touches no entity', () => {
    expect(xml('<?xml version="1.0"?><!DOCTYPE log SYSTEM "x.dtd"><log><a id="1"> 40 % </a><b/><a>&amp;</a></log>')).toEqual({
      name: 'log',
      text: '',
      attributes: {},
      children: [
        { name: 'a', text: '40 %', attributes: { id: '1' }, children: [] },
        { name: 'b', text: '', attributes: {}, children: [] },
        { name: 'a', text: '&amp;', attributes: {}, children: [] },
      ],
    });
  });

  it.each([
    ['an entity declaration', '<!DOCTYPE log [<!ENTITY x SYSTEM "file:///etc/passwd">]><log>&x;</log>'],
    ['an internal subset', '<!DOCTYPE log [ ]><log/>'],
    ['an element declaration', '<!ELEMENT log ANY><log/>'],
    ['another root', '<html><log/></html>'],
    ['two roots', '<log></log><log></log>'],
    ['text after the root', '<log></log>junk'],
    ['text before the root', 'junk<log></log>'],
    ['crossed tags', '<log><a><b></a></b></log>'],
    ['an unquoted attribute', '<log a=1></log>'],
    ['a lone ampersand', '<log>a & b</log>'],
    ['no XML at all', 'NVIDIA-SMI has failed'],
    ['JSON', '{"log": 1}'],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => xml(text))).toBe('VENDOR_OUTPUT_INVALID');
  });

  it('names the open elements of a document cut short', () => {
    expect(messageOf(() => xml('<log>\n<gpu>\n<pci>\n<bus>3'))).toBe(
      'xml: the document ends before it is complete (line 4, column 7, at /log/gpu/pci/bus)',
    );
  });

  it('caps depth and count', () => {
    expect(codeOf(() => xml(`<log>${'<a>'.repeat(40)}${'</a>'.repeat(40)}</log>`))).toBe('VENDOR_OUTPUT_LIMIT');
    expect(codeOf(() => xml(`<log>${'<a/>'.repeat(300_001)}</log>`))).toBe('VENDOR_OUTPUT_LIMIT');
  });

  it.each(['__proto__', 'constructor', 'prototype'])('an element called %s is refused, not merged', (name) => {
    expect(codeOf(() => xml(`<log><${name}>1</${name}></log>`))).toBe('VENDOR_OUTPUT_INVALID');
  });
});

describe('JSON', () => {
  it('keeps long integers as text and the lines before the document', () => {
    expect(json('WARNING: not root\n$ tool --json\n{"id": 18446744073709551615, "n": 1.5}\n')).toEqual({
      value: { id: '18446744073709551615', n: 1.5 },
      preamble: ['WARNING: not root'],
    });
  });

  it.each([
    ['no document', 'nothing here\n', 'VENDOR_OUTPUT_INVALID'],
    ['a document cut short', '{"a": [1, 2', 'VENDOR_OUTPUT_INVALID'],
    ['a second document', '{"a": 1}\n{"b": 2}\n', 'VENDOR_OUTPUT_INVALID'],
    ['a trailing comma', '{"a": 1,}', 'VENDOR_OUTPUT_INVALID'],
    ['a number that is none', '{"a": NaN}', 'VENDOR_OUTPUT_INVALID'],
    ['deep nesting', `${'['.repeat(5000)}${']'.repeat(5000)}`, 'VENDOR_OUTPUT_LIMIT'],
  ])('refuses %s', (_, text, code) => {
    expect(codeOf(() => json(text))).toBe(code);
  });

  it('says where it broke', () => {
    expect(messageOf(() => json('{\n "a": x\n}'))).toMatch(/^json: no JSON: .* \(line 2, column 7\)$/);
    expect(messageOf(() => json('{\n "a": 1'))).toBe('json: the document ends before it is complete (line 2, column 8)');
  });

  it('does not count brackets inside strings as nesting', () => {
    expect(codeOf(() => json(`{"a": "${'['.repeat(100)}\\"]"}`))).toBe('no error');
  });
});

describe('tables and trees', () => {
  it('splits quoted cells', () => {
    expect(parseCsv('csv', bytesOf('a,b,c\n1,"x, ""y""",\n'), { separator: 'quoted' })).toEqual({
      header: ['a', 'b', 'c'],
      rows: [{ line: 2, cells: ['1', 'x, "y"', ''] }],
    });
  });

  it('keeps an empty cell at the end of a row', () => {
    expect(parseCsv('csv', bytesOf('a, b\n1, \n'), { separator: 'comma-blank' }).rows).toEqual([{ line: 2, cells: ['1', ''] }]);
  });

  it.each([
    ['a row that is too short', 'a, b\n1\n'],
    ['a row that is too long', 'a, b\n1, 2, 3\n'],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => parseCsv('csv', bytesOf(text), { separator: 'comma-blank' }))).toBe('VENDOR_OUTPUT_INVALID');
  });

  it('refuses an open quote', () => {
    expect(messageOf(() => parseCsv('csv', bytesOf('a,b\n1,"x\n'), { separator: 'quoted' }))).toBe(
      'csv: a quoted cell is not closed (line 2, column 3)',
    );
  });

  it.each(['{"a": 1}', '[]', '{}', '{"a": {"b": "c"}}'])('a captured tree is no %s', (text) => {
    expect(codeOf(() => parseFileTree('tree', bytesOf(text)))).toBe('VENDOR_OUTPUT_INVALID');
  });
});

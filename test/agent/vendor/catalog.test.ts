import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VENDOR_TOOLS, type VendorTool } from '../../../agent/vendor/catalog.ts';
import type { Parsed } from '../../../agent/vendor/parsed.ts';
import { codeOf, vendorOutput } from '../../fixture/vendor-output.ts';

const ROOT = new URL('../../fixture/vendor/', import.meta.url);
const FIXTURES = VENDOR_TOOLS.flatMap((tool) =>
  readdirSync(new URL(tool.name, ROOT)).map((file) => ({ tool, path: `${tool.name}/${file}` })),
);
const OUR_ERRORS = new Set(['no error', 'VENDOR_OUTPUT_INVALID', 'VENDOR_OUTPUT_LIMIT']);
/** Logs count what they hold and a shorter failure text has a less exact class: cut ones answer other, but true, values. */
const SUMMARIES = new Set(['dmesg-xid', 'fabricmanager-log', 'nvidia-smi-failure']);
/** Far above what any parser needs for these sizes, far below what a runaway expression takes. */
const SLOW_MS = 2_000;

/** Values that the parser read, by what they say. */
function readValues(parsed: Parsed<unknown>): Set<string> {
  return new Set(parsed.measurements.flatMap(({ key, reading }) => (reading.state === 'read' ? [`${key}=${String(reading.value)}`] : [])));
}

function parseWithin(tool: VendorTool, bytes: Uint8Array): Parsed<unknown> | undefined {
  const start = performance.now();
  let parsed: Parsed<unknown> | undefined;
  const code = codeOf(() => (parsed = tool.parse(bytes)));
  expect(OUR_ERRORS.has(String(code)) ? 'ours' : code).toBe('ours');
  expect(performance.now() - start).toBeLessThan(SLOW_MS);
  return parsed;
}

describe('the catalog', () => {
  it('has a row in docs/reference/parse.md for every tool, in order', () => {
    const page = readFileSync('docs/reference/parse.md', 'utf8').split('## Result', 1).join('');
    const rows = [...page.matchAll(/^\| `([\w-]+)` \| (.*) \| (.*) \|$/gm)].map(([, name, doc, aliases]) => ({ name, doc, aliases }));
    expect(rows).toEqual(
      VENDOR_TOOLS.map(({ name, doc, aliases }) => ({ name, doc, aliases: aliases.map((alias) => `\`${alias}\``).join(', ') })),
    );
  });

  it('uses every name and alias once', () => {
    const names = VENDOR_TOOLS.flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});

describe.each(FIXTURES)('$path', ({ tool, path }) => {
  const bytes = vendorOutput(path);
  const whole = tool.parse(bytes);

  it('accounts for every leaf and types measurements', () => {
    expect(whole.leaves.typed + whole.unread.length).toBe(whole.leaves.total);
    expect(whole.leaves.typed).toBeGreaterThan(0);
    expect(whole.measurements.filter(({ source, key }) => source === '' || key === '')).toEqual([]);
  });

  it('cut anywhere, it never reads a value that the whole output does not have', () => {
    const values = readValues(whole);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => {
        const cut = parseWithin(tool, bytes.subarray(0, length));
        if (cut === undefined || SUMMARIES.has(tool.name)) return;
        expect([...readValues(cut)].filter((value) => !values.has(value))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('with flipped bits or another encoding, it fails in a known way or reads on', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const damaged = Uint8Array.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        parseWithin(tool, damaged);
      }),
      { numRuns: 60 },
    );
    for (const encoding of ['utf16le', 'latin1', 'base64'] as const)
      parseWithin(tool, Buffer.from(Buffer.from(bytes).toString('utf8'), encoding === 'base64' ? 'utf8' : encoding));
  });
});

describe.each(VENDOR_TOOLS)('$name', (tool) => {
  it('meets random bytes and random text with its own error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), (bytes) => void parseWithin(tool, bytes)),
      { numRuns: 40 },
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 2000, unit: 'grapheme' }), (text) => void parseWithin(tool, Buffer.from(text))),
      { numRuns: 40 },
    );
  });

  it('meets JSON and XML of any shape with its own error', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => void parseWithin(tool, Buffer.from(`${text}\n`))),
      { numRuns: 40 },
    );
    parseWithin(tool, Buffer.from('<nvidia_smi_log><gpu><gpu/></gpu><constructor_/></nvidia_smi_log>\n'));
  });

  it('stays fast on long lines and many lines', () => {
    for (const filler of ['a', ' ', '0', ':', ', ', '=', '|', '\t', '[', '-', '* ', 'N/A  ', 'GPU 0: '])
      parseWithin(tool, Buffer.from(`${filler.repeat(Math.ceil(60_000 / filler.length))}\n${`${filler}${filler}\n`.repeat(2_000)}`));
  });

  it('meets the outputs of all other tools with its own error', () => {
    for (const other of FIXTURES) parseWithin(tool, vendorOutput(other.path));
  });
});

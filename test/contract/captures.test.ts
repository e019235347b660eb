import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { VENDOR_TOOLS } from '../../agent/vendor/catalog.ts';
import { codeOf } from '../fixture/vendor-output.ts';

const CAPTURES = '../shared/data/captures';
const present = existsSync(CAPTURES);
const kinds = present ? readdirSync(CAPTURES, { withFileTypes: true }).filter((entry) => entry.isDirectory()) : [];
const captures = kinds.flatMap(({ name }) =>
  readdirSync(`${CAPTURES}/${name}`)
    .filter((file) => !file.endsWith('.source'))
    .map((file) => ({ kind: name, path: `${name}/${file}` })),
);
/** Damaged on purpose: it is read, but must say that it is not whole. */
const DAMAGED = new Set(['nvidia-smi-q/h100-corrupted-4.txt']);
const LEAF_COVERAGE = 0.95;
/** Cut at this many places each. */
const CUTS = 50;

const toolOf = (kind: string) => VENDOR_TOOLS.find(({ name, aliases }) => name === kind || aliases.includes(kind));
const read = (path: string): Uint8Array => readFileSync(`${CAPTURES}/${path}`);
const parsed: string[] = [];

describe.skipIf(!present)('real vendor outputs (skipped where the captures are not beside the checkout)', () => {
  it.each(captures)('$path is read, leaf by leaf', ({ kind, path }) => {
    const tool = toolOf(kind);
    const result = tool?.parse(read(path));
    expect(result?.measurements.length).toBeGreaterThan(0);
    expect((result?.leaves.typed ?? 0) / (result?.leaves.total ?? 1)).toBeGreaterThanOrEqual(LEAF_COVERAGE);
    if (DAMAGED.has(path)) expect(result?.partial).not.toEqual([]);
    parsed.push(path);
  });

  it.each(captures)('$path, cut, fails in a known way or reads no value that was not there', ({ kind, path }) => {
    const tool = toolOf(kind);
    const bytes = read(path);
    const keysOf = (part: Uint8Array): Set<string> =>
      new Set(
        tool?.parse(part).measurements.flatMap(({ key, reading }) => (reading.state === 'read' ? [`${key}=${String(reading.value)}`] : [])),
      );
    const whole = keysOf(bytes);
    for (let cut = 1; cut <= CUTS; cut += 1) {
      // Odd steps, so that the cuts do not fall on the same place of every line.
      const part = bytes.subarray(0, Math.floor((bytes.length * cut * 0.9973) / (CUTS + 1)));
      const code = codeOf(() => tool?.parse(part));
      if (code === 'no error' && kind !== 'dmesg' && kind !== 'nvidia-smi-failure')
        expect([...keysOf(part)].filter((value) => !whole.has(value))).toEqual([]);
      else expect(['no error', 'VENDOR_OUTPUT_INVALID']).toContain(code);
    }
  });

  afterAll(() => {
    process.stdout.write(`captures: ${parsed.length} of ${captures.length}\n`);
  });
});

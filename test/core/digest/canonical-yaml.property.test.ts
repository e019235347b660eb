import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalYaml } from '#core/digest/canonical-yaml.ts';
import { parseYamlNode } from '#core/digest/read-yaml.ts';
import { canonicalValue, type CanonicalValue } from '#core/digest/yaml-value.ts';

/** Pieces that meet the rules of quoting, folding and number recognition at their edges. */
const EDGES =
  'a Z 0 1 9 _ - + . : # , [ { } ] & * ! | > \' " % @ ` ? e x o true no ~ null 1e3 0x 2026-01-02 \\ << é ☃ \u{1F600} \u00a0 \ufffd'.split(
    ' ',
  );
const piece = fc.constantFrom(...EDGES, ' ', '\n', '\t', '\r', '\u0000', '\u0085');
const text = fc.oneof(
  fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
/** What upstream's double writing loses, and what neither tool can write. */
const survives = (value: string): boolean =>
  !/^[ \n][^]*\n|^\n|[\u2028\u2029]|[\ud800-\udfff]/.test(value.replaceAll(/[\ud800-\udbff][\udc00-\udfff]/g, '')) && value !== '<<';
const safeText = text.filter(survives);
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
);
const { value } = fc.letrec<{ value: CanonicalValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    safeText,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(safeText, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

describe('canonical YAML', () => {
  it.each([2, 4] as const)('reads back as what was written, indent %s', (indent) => {
    fc.assert(
      fc.property(fc.dictionary(safeText, value, { noNullPrototype: true }), (document) => {
        expect(canonicalValue(parseYamlNode(canonicalYaml(document, indent), { name: 'written' }))).toEqual(document);
      }),
      { numRuns: 500 },
    );
  });

  it('is a fixed point of reading and writing, whatever the text', () => {
    fc.assert(
      fc.property(text, (one) => {
        const write = (input: string): string => canonicalYaml({ k: input }, 4);
        const read = (written: string): string => (canonicalValue(parseYamlNode(written, { name: 'written' })) as { k: string }).k;
        const settled = read(write(read(write(one.replaceAll('\n', 'n')))));

        expect(read(write(settled))).toBe(settled);
      }),
      { numRuns: 500 },
    );
  });
});

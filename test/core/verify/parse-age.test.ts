import { describe, expect, it } from 'vitest';
import { parseAge } from '#core/verify/parse-age.ts';

describe('an age', () => {
  it.each([
    ['90d', 90],
    ['0d', 0],
    ['8w', 56],
    ['24mo', 731],
    ['2y', 731],
    ['1mo', 31],
  ])('%s is %i days', (text, days) => {
    expect(parseAge(text)).toBe(days);
  });

  it.each(['', '24', 'mo', '-1d', '1.5y', '1 d', '24m', '999999d', '1D', '١d'])('"%s" is none', (text) => {
    expect(() => parseAge(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

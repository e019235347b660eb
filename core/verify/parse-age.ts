import { AssayError } from '#core/error.ts';

const DAYS: Readonly<Record<string, number>> = { d: 1, w: 7, mo: 365.25 / 12, y: 365.25 };
const AGE = /^(\d{1,5})(d|w|mo|y)$/;

/**
 * Reads an age such as `90d`, `8w`, `24mo` or `2y` as whole days, rounded up so that a limit never comes early.
 * @throws USAGE
 */
export function parseAge(text: string): number {
  const match = AGE.exec(text);
  const unit = match?.[2] === undefined ? undefined : DAYS[match[2]];
  if (match === null || unit === undefined)
    throw new AssayError('USAGE', `"${text}" is not an age`, { hint: 'Write a number and a unit: 90d, 8w, 24mo, 2y.' });
  return Math.ceil(Number(match[1]) * unit);
}

import { AssayError } from '../error.ts';
import { WIRE_LIMITS } from './limits.ts';

/** A required short text: 1 to 256 characters. @throws WIRE_MALFORMED, WIRE_LIMIT */
export function wireName(value: string | null | undefined, where: string): string {
  if (value === undefined || value === null || value === '') throw malformed(where, 'is empty');
  return bounded(value, WIRE_LIMITS.nameLength, where);
}

/** A text that may be empty, up to 8192 characters. @throws WIRE_LIMIT */
export function wireText(value: string | null | undefined, where: string): string {
  return bounded(value ?? '', WIRE_LIMITS.textLength, where);
}

/** A finite number; absent is zero, as protobuf has it. @throws WIRE_MALFORMED */
export function wireNumber(value: number | null | undefined, where: string): number {
  const number = value ?? 0;
  if (!Number.isFinite(number)) throw malformed(where, `is ${String(number)}`);
  return number;
}

/** A time or duration: a finite number from 0 to 2^53. @throws WIRE_MALFORMED */
export function wireTime(value: number | null | undefined, where: string): number {
  const number = wireNumber(value, where);
  if (number < 0 || number > Number.MAX_SAFE_INTEGER) throw malformed(where, `is ${String(number)}`);
  return number;
}

/** A count or a duration in whole units, 0 to 2^53. @throws WIRE_MALFORMED */
export function wireWhole(value: number | null | undefined, where: string): number {
  const number = wireTime(value, where);
  if (!Number.isInteger(number)) throw malformed(where, `is ${String(number)}, not a whole number`);
  return number;
}

/** Exactly `length` bytes. @throws WIRE_MALFORMED */
export function wireBytes(value: Uint8Array | null | undefined, length: number, where: string): Uint8Array {
  if (value?.length !== length) throw malformed(where, `has ${String(value?.length ?? 0)} bytes, not ${String(length)}`);
  return value;
}

/** A list of at most `most` items; absent is empty. @throws WIRE_LIMIT */
export function wireList<T>(value: readonly T[] | null | undefined, most: number, where: string): readonly T[] {
  const list = value ?? [];
  if (list.length > most) throw tooMuch(where, `has ${String(list.length)} items`, most);
  return list;
}

/** The error of a field that cannot be what it should be. */
export function malformed(where: string, what: string): AssayError {
  return new AssayError('WIRE_MALFORMED', `${where} ${what}`, { hint: 'Both sides must run the same version of Assay.' });
}

/** The error of a field that exceeds its limit. */
export function tooMuch(where: string, what: string, limit: number): AssayError {
  return new AssayError('WIRE_LIMIT', `${where} ${what}; the limit is ${String(limit)}`);
}

function bounded(value: string, most: number, where: string): string {
  if (value.length > most) throw tooMuch(where, `has ${String(value.length)} characters`, most);
  return value;
}

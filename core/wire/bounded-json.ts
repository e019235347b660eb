import { AssayError, errorText } from '../error.ts';
import { parseStrictJson } from '../attestation/strict-json.ts';
import { malformed, tooMuch } from './field.ts';
import { WIRE_LIMITS } from './limits.ts';

/**
 * Reads the JSON object of `extra`: size, then syntax, then depth, then values. Numbers are finite and texts are
 * well-formed Unicode, so that canonical JSON exists for all of it.
 * @throws WIRE_LIMIT, WIRE_MALFORMED
 */
export function parseBoundedObject(text: string, where: string): Readonly<Record<string, unknown>> {
  if (text.length > WIRE_LIMITS.extraLength) throw tooMuch(where, `has ${String(text.length)} characters`, WIRE_LIMITS.extraLength);
  const value = parse(text, where);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(where, 'is not a JSON object');
  checkValue(value, where, 1);
  return value as Readonly<Record<string, unknown>>;
}

function parse(text: string, where: string): unknown {
  try {
    return parseStrictJson(Buffer.from(text), where);
  } catch (cause) {
    throw new AssayError('WIRE_MALFORMED', errorText(cause), { cause });
  }
}

function checkValue(value: unknown, where: string, depth: number): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw malformed(where, 'holds a number beyond double range');
  if (typeof value === 'string' && !value.isWellFormed()) throw malformed(where, 'holds half a surrogate pair');
  if (typeof value !== 'object' || value === null) return;
  if (depth > WIRE_LIMITS.extraDepth) throw tooMuch(where, 'nests too deep', WIRE_LIMITS.extraDepth);
  for (const [key, item] of Object.entries(value)) {
    if (!key.isWellFormed()) throw malformed(where, 'holds half a surrogate pair in a key');
    checkValue(item, where, depth + 1);
  }
}

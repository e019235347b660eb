import canonicalize from 'canonicalize';
import { AssayError } from '#core/error.ts';

/**
 * Canonical JSON text (RFC 8785, JCS): the one form that objects are digested in.
 * @param value JSON-able value; undefined members are left out
 * @throws BUG when the value has no JSON form (a function, NaN)
 */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new AssayError('BUG', `a value of type ${typeof value} has no canonical JSON form`);
  return text;
}

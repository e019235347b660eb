import { AssayError } from '#core/error.ts';
import { decodeStrictBase64 } from './strict-base64.ts';

/** What a place in a protobuf-JSON message may hold. */
export type Shape =
  | { readonly kind: 'text' }
  | { readonly kind: 'bytes'; readonly size?: number }
  | { readonly kind: 'count' }
  | { readonly kind: 'list'; readonly of: Shape; readonly max: number }
  | { readonly kind: 'message'; readonly fields: Readonly<Record<string, Shape>>; readonly required: readonly string[] };

const COUNT = /^(?:0|[1-9]\d{0,18})$/;
const SNAKE = /_([a-z0-9])/g;

/**
 * Checks a parsed JSON value against a shape and returns it with camelCase keys and 64-bit counts as decimal text:
 * the one form that protobuf-JSON readers agree on.
 * @param value output of the strict JSON parser
 * @param shape what is allowed; a field that it does not name is refused
 * @param path where the value stands, for the message (`bundle.dsseEnvelope`)
 * @throws SIGSTORE_BUNDLE_INVALID naming the path
 * @source protobuf ProtoJSON format: lowerCamelCase or original field names, int64 as string or number, bytes as base64
 */
export function normalizeMessage(value: unknown, shape: Shape, path: string): unknown {
  switch (shape.kind) {
    case 'text':
      if (typeof value !== 'string') throw wrong(path, 'a string');
      return value;
    case 'bytes':
      return normalizeBytes(value, shape.size, path);
    case 'count':
      return normalizeCount(value, path);
    case 'list':
      if (!Array.isArray(value) || value.length > shape.max) throw wrong(path, `a list of at most ${shape.max}`);
      return value.map((entry, index) => normalizeMessage(entry, shape.of, `${path}[${index}]`));
    case 'message':
      return normalizeFields(value, shape, path);
  }
}

function normalizeFields(value: unknown, shape: Shape & { kind: 'message' }, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, 'an object');
  const result: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(value)) {
    const key = name.replace(SNAKE, (_, letter: string) => letter.toUpperCase());
    const field = Object.hasOwn(shape.fields, key) ? shape.fields[key] : undefined;
    if (field === undefined) throw new AssayError('SIGSTORE_BUNDLE_INVALID', `${path} has the unknown field ${JSON.stringify(name)}`);
    if (Object.hasOwn(result, key)) throw new AssayError('SIGSTORE_BUNDLE_INVALID', `${path}.${key} is given in two spellings`);
    result[key] = normalizeMessage(entry, field, `${path}.${key}`);
  }
  for (const key of shape.required)
    if (!Object.hasOwn(result, key)) throw new AssayError('SIGSTORE_BUNDLE_INVALID', `${path}.${key} is missing`);
  return result;
}

function normalizeBytes(value: unknown, size: number | undefined, path: string): string {
  const bytes = typeof value === 'string' ? decodeStrictBase64(value) : undefined;
  if (bytes === undefined) throw wrong(path, 'canonical base64');
  if (bytes.length === 0) throw wrong(path, 'at least one byte');
  if (size !== undefined && bytes.length !== size) throw wrong(path, `${size} bytes`);
  return String(value);
}

function normalizeCount(value: unknown, path: string): string {
  const text = Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string' || !COUNT.test(text)) throw wrong(path, 'a whole number from zero up');
  return text;
}

function wrong(path: string, expected: string): AssayError {
  return new AssayError('SIGSTORE_BUNDLE_INVALID', `${path} must be ${expected}`);
}

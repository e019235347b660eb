import { STATEMENT_TYPE } from '#core/attestation/media-type.ts';
import { parseStrictJson } from '#core/attestation/strict-json.ts';
import type { Subject } from '#core/attestation/statement.ts';
import { errorText } from '#core/error.ts';
import { isVisible, shown } from '../foreign-text.ts';
import { Refusal } from '../refusal.ts';

/** Subjects of one statement that are read; honest ones have one. */
const MAX_SUBJECTS = 1024;
const KEYS = ['_type', 'subject', 'predicateType', 'predicate'];
const BARE_HEX = /^[0-9a-f]{64}$/;

/** An in-toto statement whose predicate was not looked at yet. */
export interface ParsedStatement {
  readonly subject: readonly [Subject, ...Subject[]];
  readonly predicateType: string;
  readonly predicate: unknown;
  /** The whole document as parsed, keys in document order. */
  readonly document: Readonly<Record<string, unknown>>;
}

/**
 * Reads an in-toto v1 statement: exactly its four keys, subjects with a lowercase SHA-256.
 * @param bytes exact bytes, bounded by the caller
 * @param what how the document is called in messages
 * @throws Refusal STATEMENT_INVALID
 * @source in-toto Statement v1
 */
export function parseStatement(bytes: Uint8Array, what: string): ParsedStatement {
  const document = parseObject(bytes, what);
  const unknown = Object.keys(document).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw invalid(what, `has the unknown key ${shown(unknown)}`);
  if (document['_type'] !== STATEMENT_TYPE) throw invalid(what, `is of type ${shown(document['_type'])}, not ${STATEMENT_TYPE}`);
  const { predicateType, predicate } = document;
  if (typeof predicateType !== 'string' || !isVisible(predicateType)) throw invalid(what, 'has no predicate type');
  return { subject: readSubjects(document['subject'], what), predicateType, predicate, document };
}

function readSubjects(value: unknown, what: string): ParsedStatement['subject'] {
  if (!Array.isArray(value) || value.length > MAX_SUBJECTS) throw invalid(what, `has no list of at most ${MAX_SUBJECTS} subjects`);
  const subjects = value.map((entry: unknown) => readSubject(entry, what));
  const [first, ...others] = subjects;
  if (first === undefined) throw invalid(what, 'has no subject');
  return [first, ...others];
}

function readSubject(value: unknown, what: string): Subject {
  const { name, digest } = (typeof value === 'object' && value !== null ? value : {}) as {
    name?: unknown;
    digest?: { sha256?: unknown } | null;
  };
  const sha256 = digest?.sha256;
  if (typeof name !== 'string' || !isVisible(name)) throw invalid(what, 'has a subject without a name');
  if (typeof sha256 !== 'string' || !BARE_HEX.test(sha256))
    throw invalid(what, `has a subject whose sha256 is ${shown(sha256, 80)}, not 64 lowercase hex digits`);
  return { name, digest: { sha256 } };
}

function parseObject(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseStrictJson(bytes, what);
  } catch (cause) {
    throw new Refusal('STATEMENT_INVALID', errorText(cause), { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(what, 'is no JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function invalid(what: string, problem: string): Refusal {
  return new Refusal('STATEMENT_INVALID', `${what} ${problem}`);
}

import { errorText } from '#core/error.ts';
import { shown } from '../foreign-text.ts';
import type { ParsedStatement } from '../predicate/parse-statement.ts';
import { Refusal } from '../refusal.ts';
import { decodeGo, parseGoJson, type GoShape } from './go-decode.ts';

const HEX = /^(?:[0-9a-fA-F]{2})+$/;
const SIGNED_KEYS = ['_type', 'type', 'subject', 'predicateType', 'predicate_type', 'predicate'];
const STATEMENT: GoShape = {
  fields: {
    _type: 'string',
    subject: { list: { fields: { name: 'string', digest: { map: 'string' } } } },
    predicateType: 'string',
    predicate: 'any',
  },
};

interface LooseStatement {
  readonly subject?: readonly { readonly name?: string; readonly digest?: Readonly<Record<string, string>> }[];
  readonly predicateType?: string;
  readonly predicate?: unknown;
}

/**
 * Reads a statement as leniently as upstream does: any `_type`; a signed one needs a subject with hexadecimal digits and has
 * no unknown keys at the top.
 * @throws Refusal STATEMENT_INVALID
 * @source recipe-evidence v1, verification policy, and the table of what is accepted
 */
export function parseUpstreamStatement(bytes: Uint8Array, { signed }: { readonly signed: boolean }): ParsedStatement {
  const document = parseDocument(bytes);
  const unknown = Object.keys(document).find((key) => !SIGNED_KEYS.includes(key));
  if (signed && unknown !== undefined) throw new Refusal('STATEMENT_INVALID', `the signed statement has the unknown key ${shown(unknown)}`);
  const { subject = [], predicateType = '', predicate } = decodeGo(document, STATEMENT, 'statement') as LooseStatement;
  const [{ name = '', digest = {} } = {}] = subject;
  const sha256 = digest['sha256'] ?? '';
  if (signed && !HEX.test(sha256))
    throw new Refusal('STATEMENT_INVALID', `the subject's sha256 is ${shown(sha256, 80)}, which is not hexadecimal`);
  return { subject: [{ name, digest: { sha256 } }], predicateType, predicate, document };
}

function parseDocument(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value = parseGoJson(new TextDecoder('utf-8').decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new Refusal('STATEMENT_INVALID', `the statement is not valid JSON: ${errorText(cause)}`, { cause });
  }
  throw new Refusal('STATEMENT_INVALID', 'the statement is no JSON object');
}

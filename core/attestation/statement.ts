import type { STATEMENT_TYPE } from './media-type.ts';
import type { Predicate } from './predicate.ts';

/** An in-toto subject; `sha256` is bare lowercase hex. */
export interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

/** An in-toto v1 statement with the evidence predicate: exactly the four standard top-level keys. */
export interface Statement {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: Predicate;
}

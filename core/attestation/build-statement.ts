import { bareHex, type Digest } from '#core/digest/sha256.ts';
import { goJson } from '#core/digest/go-json.ts';
import { STATEMENT_TYPE } from './media-type.ts';
import type { Predicate } from './predicate.ts';
import type { Statement, Subject } from './statement.ts';

/** Name of the second subject of signed evidence. */
const MATERIAL_SLICE_SUBJECT = 'material-slice';

/** The unsigned statement of a bundle: its subject is the recipe. */
export function recipeStatement(predicate: Predicate, predicateType: string): Statement {
  return {
    _type: STATEMENT_TYPE,
    subject: [{ name: `recipe:${predicate.recipe.name}`, digest: { sha256: predicate.recipe.digest } }],
    predicateType,
    predicate,
  };
}

/**
 * The statement that gets signed: same predicate, but its subject is the OCI artifact. The material slice of the recipe,
 * where the predicate has it, is a second subject, so that evidence can be found by what was deployed.
 * @param artifact name it was pushed as (no `oci://`) and manifest digest
 * @param unsigned the bundle's own statement, whose predicate is kept as it is
 */
export function artifactStatement(artifact: { readonly name: string; readonly digest: Digest }, unsigned: Statement): Statement {
  const slice = unsigned.predicate['x-assay']?.materialSlice;
  return {
    ...unsigned,
    subject: [subjectOf(artifact), ...(slice === undefined ? [] : [subjectOf({ name: MATERIAL_SLICE_SUBJECT, digest: slice })])],
  };
}

function subjectOf({ name, digest }: { readonly name: string; readonly digest: Digest }): Subject {
  return { name, digest: { sha256: bareHex(digest) } };
}

/** Bytes of a statement file; what is signed is digested as stored, never written again. */
export function statementBytes(statement: Statement): Uint8Array {
  return Buffer.from(goJson(statement));
}

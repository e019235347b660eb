import type { ErrorCode } from '#core/error.ts';

/** A connection that was refused, or ended for a cause, or found suspicious. */
export interface Incident {
  readonly code: ErrorCode;
  /** The node that the connection proved to be of; left out when nothing proved it. */
  readonly node?: string;
  /** What happened, as printable text; holds no credential. */
  readonly detail: string;
  readonly atMs: number;
}

/** How often one thing happened with one node. */
export interface IncidentCount {
  readonly code: ErrorCode;
  readonly node?: string;
  readonly count: number;
}

/** Details handed on in all; what comes after them is only counted. */
const DETAIL_LIMIT = 64;
/** Pairs of code and node that are counted apart; twice the nodes of the largest cluster. Above it, only the code counts. */
const PAIR_LIMIT = 20_000;
const DETAIL_LENGTH = 500;
const NOT_PRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * Counts incidents, and hands on the first of each code and node, 64 in all: whoever makes trouble on purpose fills neither
 * memory nor ledger. The first one of a code is always handed on.
 */
export class IncidentTally {
  readonly #handOn: (incident: Incident) => void;
  readonly #counts = new Map<string, IncidentCount>();
  readonly #codes = new Set<ErrorCode>();
  #handedOn = 0;

  constructor(handOn: (incident: Incident) => void) {
    this.#handOn = handOn;
  }

  /** Every pair of code and node with its count, in the order of first appearance. */
  get counts(): readonly IncidentCount[] {
    return [...this.#counts.values()];
  }

  /** Notes an incident. */
  report({ code, node, detail, atMs }: Incident): void {
    const isFirst = this.#count(code, node) === 1;
    const isNewCode = !this.#codes.has(code);
    this.#codes.add(code);
    if (!isNewCode && (!isFirst || this.#handedOn >= DETAIL_LIMIT)) return;
    this.#handedOn += 1;
    const text = detail.replaceAll(NOT_PRINTABLE, '?').slice(0, DETAIL_LENGTH);
    this.#handOn({ code, ...(node === undefined ? {} : { node }), detail: text, atMs });
  }

  #count(code: ErrorCode, node: string | undefined): number {
    const named = this.#counts.has(`${code} ${node ?? ''}`) || this.#counts.size < PAIR_LIMIT ? node : undefined;
    const key = `${code} ${named ?? ''}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { code, ...(named === undefined ? {} : { node: named }), count });
    return count;
  }
}

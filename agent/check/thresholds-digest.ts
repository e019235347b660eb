import { canonicalJson } from '#core/digest/canonical-json.ts';
import { sha256, type Digest } from '#core/digest/sha256.ts';
import { XID_TABLE_VERSION } from '../vendor/kernel/xid-table.ts';
import { CHECKS } from './catalog.ts';
import { BOARDS, BOARD_TABLE_VERSION } from './board-table.ts';

let digest: Digest | undefined;

/** Digest over every threshold this agent judges by: those of the catalog, the board table, the version of the Xid table. */
export function thresholdsDigest(): Digest {
  digest ??= sha256(
    canonicalJson({
      checks: Object.fromEntries(CHECKS.map(({ name, thresholds }) => [name, thresholds])),
      boardTable: { version: BOARD_TABLE_VERSION, boards: BOARDS },
      xidTable: XID_TABLE_VERSION,
    }),
  );
  return digest;
}

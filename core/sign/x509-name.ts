import { RelativeDistinguishedNames } from 'pkijs';

const EMPTY_SEQUENCE = Uint8Array.of(0x30, 0x00);

/** A distinguished name without parts, as Fulcio's leaves have it. By itself pkijs would write one part that is empty, which no name may have. */
export function emptyName(): RelativeDistinguishedNames {
  return RelativeDistinguishedNames.fromBER(EMPTY_SEQUENCE.buffer);
}

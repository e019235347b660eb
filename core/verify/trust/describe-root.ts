import { TrustedRoot } from '@sigstore/protobuf-specs';
import { canonicalJson } from '#core/digest/canonical-json.ts';
import { sha256, type Digest } from '#core/digest/sha256.ts';
import { shown } from '../foreign-text.ts';
import type { TrustLabel } from '../verdict.ts';
import type { Trust } from './load-trust.ts';

/** One party whose word is taken. */
export interface TrustedParty {
  readonly role: 'certificate authority' | 'transparency log' | 'certificate log' | 'timestamp authority';
  readonly name: string;
  /** RFC 3339; absent when it is not limited. */
  readonly from?: string;
  readonly to?: string;
}

/** A trusted root as people look at it. */
export interface RootDescription {
  readonly trust: TrustLabel;
  readonly source: string;
  /** Of the canonical JSON, so that two spellings of one root are equal. */
  readonly digest: Digest;
  readonly parties: readonly TrustedParty[];
}

/** Lists whose word a trusted root takes, and since when. */
export function describeRoot({ label, source, root }: Trust): RootDescription {
  const { certificateAuthorities, tlogs, ctlogs, timestampAuthorities } = TrustedRoot.fromJSON(root);
  return {
    trust: label,
    source,
    digest: sha256(canonicalJson(root)),
    parties: [
      ...certificateAuthorities.map(({ uri, validFor }) => party('certificate authority', uri, validFor)),
      ...tlogs.map(({ baseUrl, publicKey }) => party('transparency log', baseUrl, publicKey?.validFor)),
      ...ctlogs.map(({ baseUrl, publicKey }) => party('certificate log', baseUrl, publicKey?.validFor)),
      ...timestampAuthorities.map(({ uri, validFor }) => party('timestamp authority', uri, validFor)),
    ],
  };
}

interface Span {
  readonly start?: Date | undefined;
  readonly end?: Date | undefined;
}

function party(role: TrustedParty['role'], name: string, span: Span = {}): TrustedParty {
  const { start, end } = span;
  return {
    role,
    name: shown(name),
    ...(start === undefined ? {} : { from: start.toISOString() }),
    ...(end === undefined ? {} : { to: end.toISOString() }),
  };
}

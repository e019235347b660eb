import { X509Certificate } from 'node:crypto';

/** Host under which every name of the embedded lab authority lives; `.invalid` can never be somebody's. */
export const LAB_HOST = 'lab.assay.invalid';
/** OIDC issuer that lab certificates carry. */
export const LAB_ISSUER = `https://${LAB_HOST}`;
/** Common name of a lab certificate authority. */
export const LAB_AUTHORITY_NAME = 'assay lab authority (not a public CA)';

/** Whose word a trusted root takes: real services, one computer's lab authority, or (never acceptable) both. */
export type RootKind = 'services' | 'lab' | 'mixed';

interface Party {
  readonly baseUrl?: unknown;
  readonly uri?: unknown;
  readonly subject?: { readonly organization?: unknown };
  readonly certChain?: { readonly certificates?: readonly { readonly rawBytes?: unknown }[] };
}

/**
 * Tells a lab root from one of real services. The label LAB comes from the root that verified, never from a name in the
 * signer's certificate, because a lab authority can write any name there.
 * @param trustedRoot parsed Sigstore trusted root
 */
export function rootKind(trustedRoot: unknown): RootKind {
  const parties = listParties(trustedRoot);
  const lab = parties.filter(isLabParty).length;
  if (lab === 0) return 'services';
  return lab === parties.length ? 'lab' : 'mixed';
}

/** True when any part of the trusted root belongs to a lab authority, so that what it verifies must be called LAB TRUST. */
export function isLabRoot(trustedRoot: unknown): boolean {
  return rootKind(trustedRoot) !== 'services';
}

function listParties(trustedRoot: unknown): readonly Party[] {
  if (typeof trustedRoot !== 'object' || trustedRoot === null) return [];
  const root = trustedRoot as Record<string, unknown>;
  return ['certificateAuthorities', 'tlogs', 'ctlogs', 'timestampAuthorities'].flatMap((key) => {
    const list = root[key];
    return Array.isArray(list) ? list.filter((entry): entry is Party => typeof entry === 'object' && entry !== null) : [];
  });
}

function isLabParty(party: Party): boolean {
  return (
    isLabUrl(party.baseUrl) ||
    isLabUrl(party.uri) ||
    party.subject?.organization === LAB_HOST ||
    (party.certChain?.certificates ?? []).some((certificate) => isLabCertificate(certificate.rawBytes))
  );
}

function isLabUrl(url: unknown): boolean {
  const host = typeof url === 'string' && URL.canParse(url) ? new URL(url).hostname : '';
  return host === LAB_HOST || host.endsWith(`.${LAB_HOST}`);
}

/** The name inside the CA's own certificate survives an edited label around it. */
function isLabCertificate(rawBytes: unknown): boolean {
  if (typeof rawBytes !== 'string') return false;
  try {
    return new X509Certificate(Buffer.from(rawBytes, 'base64')).subject.includes(LAB_AUTHORITY_NAME);
  } catch {
    return false;
  }
}

import type { FulcioIssuer } from '#core/sign/service/probe-service.ts';

/** A kind of cluster whose tokens the public instance takes. */
export interface PublicIssuer {
  readonly service: string;
  readonly pattern: RegExp;
}

const WORD = '[-_a-zA-Z0-9]+';
/**
 * Issuers of service-account tokens that the public Fulcio takes; every other cluster needs a Fulcio of its own.
 * @source configuration of the public Fulcio 1.8.8, its meta issuers of type kubernetes
 */
export const PUBLIC_ISSUERS: readonly PublicIssuer[] = [
  { service: 'EKS', pattern: new RegExp(`^https://oidc\\.eks\\.${WORD}\\.amazonaws\\.com/id/${WORD}$`) },
  { service: 'GKE', pattern: new RegExp(`^https://container\\.googleapis\\.com/v1/projects/${WORD}/locations/${WORD}/clusters/${WORD}$`) },
  { service: 'AKS', pattern: new RegExp(`^https://oidc\\.prod-aks\\.azure\\.com/${WORD}(?:/${WORD})?/?$`) },
  { service: 'AKS', pattern: new RegExp(`^https://${WORD}\\.oic\\.prod-aks\\.azure\\.com/${WORD}/${WORD}/?$`) },
];

/** The service whose clusters have such an issuer, when the public Fulcio takes it. */
export function publicIssuer(issuer: string): string | undefined {
  return PUBLIC_ISSUERS.find(({ pattern }) => pattern.test(issuer))?.service;
}

/** The entry of a Fulcio's configuration that an issuer falls under: `*` stands for letters, digits, `-` and `_`. */
export function configuredIssuer(issuer: string, configured: readonly FulcioIssuer[]): FulcioIssuer | undefined {
  return configured.find((entry) => entry.issuer === issuer) ?? configured.find((entry) => patternOf(entry.issuer).test(issuer));
}

function patternOf(text: string): RegExp {
  return new RegExp(`^${text.split('*').map(escaped).join(WORD)}$`);
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** Variables in which identity tokens and their sources are found. */
const IDENTITY_VARIABLES = [
  'ASSAY_IDENTITY_TOKEN',
  'SIGSTORE_ID_TOKEN',
  'COSIGN_IDENTITY_TOKEN',
  'ACTIONS_ID_TOKEN_REQUEST_URL',
  'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
] as const;

/** The part of the environment that identity may come from. */
export function identityEnvironment(): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(IDENTITY_VARIABLES.map((name) => [name, process.env[name]]));
}

/** True when the environment offers an identity: a token, or a CI system that issues one. */
export function hasAmbientIdentity(): boolean {
  const env = identityEnvironment();
  const isTokenSet = ['ASSAY_IDENTITY_TOKEN', 'SIGSTORE_ID_TOKEN', 'COSIGN_IDENTITY_TOKEN'].some((name) => (env[name] ?? '') !== '');
  return isTokenSet || (env['ACTIONS_ID_TOKEN_REQUEST_URL'] !== undefined && env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] !== undefined);
}

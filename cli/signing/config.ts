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

import { AssayError } from '#core/error.ts';

const PREFIX = 'ASSAY_';

/**
 * Every variable that some program of Assay reads. One environment may serve them all, so each accepts those of the others;
 * any other name with the prefix is a mistake in writing, and is told before it silently changes nothing.
 */
export const ASSAY_VARIABLES: readonly string[] = [
  'ASSAY_ACCELERATOR',
  'ASSAY_CATALOG',
  'ASSAY_CHECK',
  'ASSAY_CHECKS_ACTIVE',
  'ASSAY_CHECKS_NAMESPACE',
  'ASSAY_CHECK_IMAGE',
  'ASSAY_CLUSTER',
  'ASSAY_COLLECTOR',
  'ASSAY_COLLECTOR_KEY',
  'ASSAY_CONSTRAINT',
  'ASSAY_COUNTER_DIR',
  'ASSAY_CRITERIA',
  'ASSAY_CTRF',
  'ASSAY_DATA',
  'ASSAY_DEADLINE',
  'ASSAY_DELIVERY_WAIT',
  'ASSAY_DIAGNOSTICS',
  'ASSAY_EXPECT',
  'ASSAY_EXPECT_SELECTOR',
  'ASSAY_EXPIRES_IN',
  'ASSAY_FULCIO_URL',
  'ASSAY_FULL',
  'ASSAY_GIVE_UP',
  'ASSAY_GRACE',
  'ASSAY_HOST_ROOT',
  'ASSAY_IDENTITY_KEY_FILE',
  'ASSAY_IDENTITY_TOKEN',
  'ASSAY_IDENTITY_TOKEN_FILE',
  'ASSAY_INSECURE_TLS',
  'ASSAY_JOB_UID',
  'ASSAY_JOURNAL_DIR',
  'ASSAY_KUBECONFIG',
  'ASSAY_LISTEN',
  'ASSAY_LOGS',
  'ASSAY_LOG_LEVEL',
  'ASSAY_NAMESPACE',
  'ASSAY_NODE_NAME',
  'ASSAY_NONCE',
  'ASSAY_OUT',
  'ASSAY_PHASE',
  'ASSAY_PHASE_DEADLINE',
  'ASSAY_PLAIN_HTTP',
  'ASSAY_PREDICATE_TYPE',
  'ASSAY_PREVIOUS',
  'ASSAY_PROFILE',
  'ASSAY_PUSH',
  'ASSAY_RECIPE',
  'ASSAY_REGISTRY_CONFIG',
  'ASSAY_REKOR_API',
  'ASSAY_REKOR_URL',
  'ASSAY_RELEASE',
  'ASSAY_RETRY_FOR',
  'ASSAY_RUN_ID',
  'ASSAY_SCOPE',
  'ASSAY_SIGN',
  'ASSAY_SIGNING_CONFIG',
  'ASSAY_STALL',
  'ASSAY_STATE_DIR',
  'ASSAY_STAY',
  'ASSAY_TIMEOUT',
  'ASSAY_TLS_KEY',
  'ASSAY_TOKEN_AUDIENCE',
  'ASSAY_TOKEN_FILE',
  'ASSAY_TOOL_PATH',
  'ASSAY_TOOL_TIMEOUT',
  'ASSAY_TRUSTED_ROOT',
  'ASSAY_TSA_URL',
  'ASSAY_VALIDATOR_IMAGE',
  'ASSAY_WAIT',
];

/**
 * Refuses variables with our prefix that no program reads.
 * @param env the whole environment
 * @param own variables of the program at hand
 * @throws CONFIG_INVALID
 */
export function refuseUnknownVariables(env: Readonly<Record<string, string | undefined>>, own: readonly string[]): void {
  const known = new Set([...own, ...ASSAY_VARIABLES]);
  const unknown = Object.keys(env).filter((name) => name.startsWith(PREFIX) && !known.has(name));
  if (unknown.length > 0)
    throw new AssayError('CONFIG_INVALID', `unknown variable ${unknown.sort().join(', ')}`, {
      hint: `Correct or unset it. This program knows ${[...own].sort().join(', ')}.`,
    });
}

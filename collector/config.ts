import { PHASES, RUN_ORDER, type Phase } from '#core/ctrf/report.ts';
import { parsePinnedImage, type PinnedImage } from '#core/assemble/validator-images.ts';
import { DEFAULT_PREDICATE_TYPE, PREDICATE_TYPES, type PredicateType } from '#core/attestation/media-type.ts';
import { isDigest, type Digest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import { parseAge } from '#core/verify/parse-age.ts';
import { readSettings } from '#core/setting/read-settings.ts';
import {
  anyText,
  durationText,
  listSetting,
  oneOf,
  optionalSetting,
  requiredSetting,
  switchSetting,
  type SettingValues,
} from '#core/setting/setting.ts';
import { CLUSTER_SETTINGS } from './cluster/settings.ts';

/** Where agents connect: a TCP address (port 0 takes a free one) or, on one computer, a Unix socket. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Every setting of the collector: the rows of docs/reference/config.md. */
export const COLLECTOR_SETTINGS = {
  listen: requiredSetting(
    {
      flag: 'listen',
      env: 'ASSAY_LISTEN',
      unit: 'host:port',
      fallback: '127.0.0.1:0',
      doc: 'Address for agents; port 0 takes a free one. `unix:/path` listens on a socket file instead.',
    },
    listenAddress,
  ),
  stateDir: requiredSetting(
    {
      flag: 'state-dir',
      env: 'ASSAY_STATE_DIR',
      unit: 'path',
      doc: 'Directory of the ledger and the server key. Started again with the same one, the collector goes on with its run.',
    },
    anyText,
  ),
  out: requiredSetting({ flag: 'out', env: 'ASSAY_OUT', unit: 'path', fallback: './assay-out', doc: 'Directory for the bundle.' }, anyText),
  recipe: optionalSetting(
    { flag: 'recipe', env: 'ASSAY_RECIPE', unit: 'path', doc: 'Recipe that the run certifies; an overlay is resolved first.' },
    anyText,
  ),
  scope: requiredSetting(
    {
      flag: 'scope',
      env: 'ASSAY_SCOPE',
      unit: 'host|cluster',
      fallback: 'cluster',
      doc: 'What the expected nodes stand for: this computer alone, or a frozen set of cluster nodes. Recorded in the evidence.',
    },
    oneOf<'host' | 'cluster'>(['host', 'cluster']),
  ),
  full: switchSetting({
    flag: 'full',
    env: 'ASSAY_FULL',
    unit: 'true|false',
    doc: 'Keep messages, output and all facts in the bundle instead of the minimal redaction.',
  }),
  catalog: optionalSetting(
    {
      flag: 'catalog',
      env: 'ASSAY_CATALOG',
      unit: 'path',
      doc: 'Recipe catalog that the recipe comes from, for its material slice. Default: the embedded one, when the recipe is its own.',
    },
    anyText,
  ),
  data: optionalSetting({ flag: 'data', env: 'ASSAY_DATA', unit: 'path', doc: 'Directory that was laid over the catalog.' }, anyText),
  predicateType: requiredSetting(
    {
      flag: 'predicate-type',
      env: 'ASSAY_PREDICATE_TYPE',
      unit: 'URI',
      fallback: DEFAULT_PREDICATE_TYPE,
      doc: 'Predicate type of the evidence: version 1, or 3, whose recipe digest leaves out the version of the tool.',
    },
    oneOf<PredicateType>(PREDICATE_TYPES.filter((type) => !type.endsWith('/v2'))),
  ),
  expiresIn: optionalSetting(
    {
      flag: 'expires-in',
      env: 'ASSAY_EXPIRES_IN',
      unit: 'age',
      doc: 'How long the evidence is good after the seal: 90d, 6mo, 2y. Default: no end.',
    },
    parseAge,
  ),
  previous: optionalSetting(
    { flag: 'previous', env: 'ASSAY_PREVIOUS', unit: 'digest', doc: 'Digest of the artifact with the evidence that this run replaces.' },
    digestText,
  ),
  validatorImages: listSetting(
    {
      flag: 'validator-image',
      env: 'ASSAY_VALIDATOR_IMAGE',
      unit: 'image@digest',
      doc: 'Image that ran checks, with the digest of what really ran; give it once per image.',
    },
    imageText,
  ),
  logs: switchSetting({
    flag: 'logs',
    env: 'ASSAY_LOGS',
    unit: 'true|false',
    doc: 'Also write messages and output of all checks, and a page per phase, as a second artifact that the bundle names by digest.',
  }),
  expect: listSetting(
    {
      flag: 'expect',
      env: 'ASSAY_EXPECT',
      unit: 'node',
      doc: 'Node that must report; give it once per node. Needed outside a cluster; fixed when the run begins.',
    },
    anyText,
  ),
  deadline: requiredSetting(
    {
      flag: 'deadline',
      env: 'ASSAY_DEADLINE',
      unit: 'duration',
      fallback: '15m',
      doc: 'Time from the start of the run until it is sealed with whatever came.',
    },
    durationText,
  ),
  grace: requiredSetting(
    {
      flag: 'grace',
      env: 'ASSAY_GRACE',
      unit: 'duration',
      fallback: '5s',
      doc: 'Time that agents get to finish after the deadline, and to come back after a restart.',
    },
    durationText,
  ),
  tokenFile: optionalSetting(
    {
      flag: 'token-file',
      env: 'ASSAY_TOKEN_FILE',
      unit: 'path',
      doc: 'File with the bearer token that agents present; needed outside a cluster.',
    },
    anyText,
  ),
  tlsKey: optionalSetting(
    {
      flag: 'tls-key',
      env: 'ASSAY_TLS_KEY',
      unit: 'path',
      doc: 'Server key (P-256, PEM in PKCS#8 or SEC 1); created when missing. Default: in the state directory.',
    },
    anyText,
  ),
  phases: listSetting(
    {
      flag: 'phase',
      env: 'ASSAY_PHASE',
      unit: 'phase',
      doc: `Phase to run: ${RUN_ORDER.join(', ')}; give it once per phase. Default: all.`,
    },
    oneOf(PHASES),
  ),
  phaseDeadline: requiredSetting(
    {
      flag: 'phase-deadline',
      env: 'ASSAY_PHASE_DEADLINE',
      unit: 'duration',
      fallback: '5m',
      doc: 'Time that an agent may spend in one phase.',
    },
    durationText,
  ),
  accelerator: requiredSetting(
    {
      flag: 'accelerator',
      env: 'ASSAY_ACCELERATOR',
      unit: 'name',
      fallback: 'any',
      doc: "Accelerator whose thresholds the checks use. With `any`, a run in a cluster takes the recipe's.",
    },
    anyText,
  ),
  sign: requiredSetting(
    {
      flag: 'sign',
      env: 'ASSAY_SIGN',
      unit: 'lab|none',
      fallback: 'none',
      doc: 'lab signs with an authority made for this run; none leaves the bundle sealed and pending, for "assay sign" to sign.',
    },
    oneOf(['lab', 'none']),
  ),
  runId: optionalSetting(
    {
      flag: 'run-id',
      env: 'ASSAY_RUN_ID',
      unit: 'name',
      doc: 'Identifier of a new run. Default: random. With --nonce, agents can refill a collector that lost its disk.',
    },
    runIdText,
  ),
  nonce: optionalSetting(
    { flag: 'nonce', env: 'ASSAY_NONCE', unit: '64 hex digits', doc: 'Nonce of a new run. Default: random.' },
    nonceText,
  ),
  logLevel: requiredSetting(
    {
      flag: 'log-level',
      env: 'ASSAY_LOG_LEVEL',
      unit: 'level',
      fallback: 'info',
      doc: 'Least level that is logged: debug, info, warn, error, silent.',
    },
    oneOf(['debug', 'info', 'warn', 'error', 'silent']),
  ),
  ...CLUSTER_SETTINGS,
} as const;

/** The collector's settings. */
export type CollectorConfig = SettingValues<typeof COLLECTOR_SETTINGS> & { readonly phases: readonly Phase[] };

const ADDRESS = /^(?:\[([\da-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i;
const PORT_MAX = 65_535;
const UNIX_PREFIX = 'unix:';
const RUN_ID = /^[a-z\d][a-z\d.-]{0,62}$/;
const NONCE = /^[\da-f]{64}$/;

/**
 * Reads the collector's settings from its command line and environment.
 * @throws USAGE, CONFIG_INVALID
 */
export function readCollectorConfig(args: readonly string[], env: Readonly<Record<string, string | undefined>>): CollectorConfig {
  const config = readSettings(COLLECTOR_SETTINGS, { args, env });
  if (config.recipe === undefined && config.criteria === undefined) throw missing('recipe', 'ASSAY_RECIPE', 'or --criteria in its place');
  if (config.recipe !== undefined && config.criteria !== undefined)
    throw new AssayError('CONFIG_INVALID', '--recipe and --criteria are both given', { hint: 'Give one of them.' });
  if (config.cluster) checkCluster(config);
  else checkLocal(config);
  return { ...config, expect: [...new Set(config.expect)].sort(), phases: config.phases.length === 0 ? RUN_ORDER : config.phases };
}

function checkLocal({ expect, tokenFile }: SettingValues<typeof COLLECTOR_SETTINGS>): void {
  if (expect.length === 0)
    throw new AssayError('CONFIG_INVALID', 'no node is expected', { hint: 'Give --expect NODE once per node that must report.' });
  if (tokenFile === undefined) throw missing('token-file', 'ASSAY_TOKEN_FILE', 'or run in a cluster: --cluster');
}

/** What comes from the cluster must not come from the command line too: one of the two would silently not count. */
function checkCluster({ release, jobUid, expect, runId, nonce, scope }: SettingValues<typeof COLLECTOR_SETTINGS>): void {
  if (release === undefined) throw missing('release', 'ASSAY_RELEASE', 'the chart does');
  if (jobUid === undefined) throw missing('job-uid', 'ASSAY_JOB_UID', 'the chart does');
  const foreign = { expect: expect[0], 'run-id': runId, nonce, scope: scope === 'host' ? scope : undefined };
  for (const [flag, value] of Object.entries(foreign))
    if (value !== undefined)
      throw new AssayError('CONFIG_INVALID', `--${flag} does not go with --cluster`, { hint: 'Leave one of them out.' });
}

function missing(flag: string, variable: string, hint: string): AssayError {
  return new AssayError('CONFIG_INVALID', `--${flag} is missing`, { hint: `Give --${flag} or ${variable}; ${hint}.` });
}

/** The process environment, for `main.ts`. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

function listenAddress(text: string): ListenAddress {
  if (text.startsWith(UNIX_PREFIX)) return { path: text.slice(UNIX_PREFIX.length) };
  const match = ADDRESS.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port <= PORT_MAX)) throw new AssayError('CONFIG_INVALID', `"${text}" is not host:port`);
  return { host, port };
}

function runIdText(text: string): string {
  if (!RUN_ID.test(text))
    throw new AssayError('CONFIG_INVALID', `"${text}" is not a run id`, { hint: 'Use up to 63 of a-z, 0-9, "-" and ".".' });
  return text;
}

function digestText(text: string): Digest {
  if (!isDigest(text)) throw new AssayError('CONFIG_INVALID', `"${text}" is not sha256: and 64 lowercase hex digits`);
  return text;
}

function imageText(text: string): PinnedImage {
  const image = parsePinnedImage(text);
  if (image === undefined)
    throw new AssayError('CONFIG_INVALID', `"${text}" is no image with a digest`, { hint: 'Write registry/name:tag@sha256:<64 hex>.' });
  return image;
}

function nonceText(text: string): string {
  if (!NONCE.test(text)) throw new AssayError('CONFIG_INVALID', 'the nonce is not 64 lowercase hex digits');
  return text;
}

import { hostname } from 'node:os';
import { PHASES } from '#core/ctrf/report.ts';
import { isDigest, type Digest } from '#core/digest/sha256.ts';
import { AssayError } from '#core/error.ts';
import { readSettings } from '#core/setting/read-settings.ts';
import type { PlanConstraint } from '#core/wire/run.ts';
import {
  anyText,
  durationText,
  listSetting,
  oneOf,
  optionalSetting,
  requiredSetting,
  switchSetting,
  type SettingTable,
  type SettingValues,
} from '#core/setting/setting.ts';

const HOST_SETTINGS = {
  hostRoot: requiredSetting(
    {
      env: 'ASSAY_HOST_ROOT',
      flag: 'host-root',
      unit: 'dir',
      fallback: '/',
      doc: 'Root of the host: `/`, a mounted host root, or a captured tree.',
    },
    anyText,
  ),
  toolPath: listSetting(
    {
      env: 'ASSAY_TOOL_PATH',
      flag: 'tool-path',
      unit: 'dir',
      doc: 'Where vendor tools are looked up instead of PATH and the known driver roots. May be repeated.',
    },
    anyText,
  ),
  toolTimeoutMs: requiredSetting(
    {
      env: 'ASSAY_TOOL_TIMEOUT',
      flag: 'tool-timeout',
      unit: 'duration',
      fallback: '30s',
      doc: 'Longest time of one call of a vendor tool.',
    },
    durationText,
  ),
};

const COUNTER_SETTINGS = {
  counterDir: optionalSetting(
    {
      env: 'ASSAY_COUNTER_DIR',
      flag: 'counter-dir',
      unit: 'dir',
      doc: 'Where counters are kept from run to run, so that their growth can be judged; without it they are not judged.',
    },
    anyText,
  ),
};

const DIAGNOSTIC_SETTINGS = {
  diagnostics: switchSetting({
    env: 'ASSAY_DIAGNOSTICS',
    flag: 'diagnostics',
    unit: 'switch',
    doc: 'Run diagnostics that load GPUs, where these are idle: `dcgmi diag -r 1`, up to three minutes, needs the DCGM host engine.',
  }),
};

/** Settings of `probe`. */
export const PROBE_SETTINGS = {
  ...HOST_SETTINGS,
  nodeName: optionalSetting(
    {
      env: 'ASSAY_NODE_NAME',
      flag: 'node-name',
      unit: 'name',
      doc: "This node's name, as the collector expects it; NODE_NAME or the host name when left out.",
    },
    anyText,
  ),
  identityKeyFile: optionalSetting(
    {
      env: 'ASSAY_IDENTITY_KEY_FILE',
      flag: 'identity-key-file',
      unit: 'path',
      doc: 'File with the secret key of device pseudonyms, at least 32 bytes, the same on every node; without it pseudonyms hold for one run only.',
    },
    anyText,
  ),
} satisfies SettingTable;

/** Settings of `check`. */
export const CHECK_SETTINGS = {
  ...HOST_SETTINGS,
  ...COUNTER_SETTINGS,
  ...DIAGNOSTIC_SETTINGS,
  constraints: listSetting(
    {
      env: 'ASSAY_CONSTRAINT',
      flag: 'constraint',
      unit: 'name=expression',
      doc: 'Limit as a recipe would set it: `Deployment.cuda.version=>= 13`. May be repeated.',
    },
    constraintText,
  ),
  phases: listSetting(
    {
      env: 'ASSAY_PHASE',
      flag: 'phase',
      unit: 'phase',
      doc: 'Phase to run: deployment, conformance or performance. May be repeated; all when left out.',
    },
    oneOf(PHASES),
  ),
  checks: listSetting(
    { env: 'ASSAY_CHECK', flag: 'check', unit: 'name', doc: 'Check to run. May be repeated; all of the phase when left out.' },
    anyText,
  ),
  profile: requiredSetting(
    {
      env: 'ASSAY_PROFILE',
      flag: 'profile',
      unit: 'accelerator',
      fallback: 'any',
      doc: 'Accelerator the node must have (`h100`), or `any`.',
    },
    anyText,
  ),
  deadlineMs: requiredSetting(
    { env: 'ASSAY_DEADLINE', flag: 'deadline', unit: 'duration', fallback: '5m', doc: 'Longest time of one phase.' },
    durationText,
  ),
} satisfies SettingTable;

/** Settings of `run`: an agent that reports to a collector. */
export const RUN_SETTINGS = {
  ...PROBE_SETTINGS,
  ...COUNTER_SETTINGS,
  ...DIAGNOSTIC_SETTINGS,
  collector: requiredSetting(
    { env: 'ASSAY_COLLECTOR', flag: 'collector', unit: 'url', doc: 'Address of the collector, `wss://host:port/…`.' },
    secureUrl,
  ),
  collectorKey: requiredSetting(
    {
      env: 'ASSAY_COLLECTOR_KEY',
      flag: 'collector-key',
      unit: 'digest',
      doc: "SHA-256 of the collector's public key, `sha256:…`: the only server the agent talks to.",
    },
    digestText,
  ),
  tokenFile: requiredSetting(
    { env: 'ASSAY_TOKEN_FILE', flag: 'token-file', unit: 'path', doc: 'File that holds the token which proves what node this is.' },
    anyText,
  ),
  journalDir: requiredSetting(
    {
      env: 'ASSAY_JOURNAL_DIR',
      flag: 'journal-dir',
      unit: 'dir',
      doc: 'Directory of the records that the collector has not sealed yet. Survives restarts.',
    },
    anyText,
  ),
  stay: switchSetting({
    env: 'ASSAY_STAY',
    flag: 'stay',
    unit: 'true|false',
    doc: 'Stay after the seal and join the next run, for ever; the collector may be away for as long as it likes.',
  }),
  giveUpMs: requiredSetting(
    {
      env: 'ASSAY_GIVE_UP',
      flag: 'give-up',
      unit: 'duration',
      fallback: '10m',
      doc: 'How long the collector may be unreachable before the agent ends; without --stay.',
    },
    durationText,
  ),
  logLevel: requiredSetting(
    { env: 'ASSAY_LOG_LEVEL', flag: 'log-level', unit: 'level', fallback: 'info', doc: 'Log on stderr: debug, info, warn, error, silent.' },
    oneOf(['debug', 'info', 'warn', 'error', 'silent']),
  ),
} satisfies SettingTable;

/** `name=expression`; the first sign of equality ends the name. */
function constraintText(text: string): PlanConstraint {
  const at = text.indexOf('=');
  const [name, value] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  if (at > 0 && name !== '' && value !== '') return { name, value };
  throw new AssayError('CONFIG_INVALID', `"${text}" is no constraint`, { hint: 'Write name=expression: Deployment.cuda.version=>= 13' });
}

function secureUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol !== 'wss:' && url?.protocol !== 'wss+unix:')
    throw new AssayError('CONFIG_INVALID', `"${text}" is no wss:// or wss+unix: address`, {
      hint: 'Give the url that the collector prints when it listens.',
    });
  return text;
}

function digestText(text: string): Digest {
  if (isDigest(text)) return text;
  throw new AssayError('CONFIG_INVALID', `"${text}" is no sha256: digest`, {
    hint: 'Give the key that the collector prints when it listens.',
  });
}

/** Values of {@link PROBE_SETTINGS}. */
export type ProbeConfig = SettingValues<typeof PROBE_SETTINGS>;
/** Values of {@link CHECK_SETTINGS}. */
export type CheckConfig = SettingValues<typeof CHECK_SETTINGS>;
/** Values of {@link RUN_SETTINGS}. */
export type RunConfig = SettingValues<typeof RUN_SETTINGS>;

/** Reads a mode's settings from its flags and the environment. @throws USAGE, CONFIG_INVALID */
export function readConfig<Table extends SettingTable>(table: Table, args: readonly string[]): SettingValues<Table> {
  return readSettings(table, { args, env: process.env });
}

/** The node's name: as set, else as Kubernetes gives it to a pod, else the host name. */
export function nodeNameOf(config: { readonly nodeName: string | undefined }): string {
  return config.nodeName ?? process.env['NODE_NAME'] ?? process.env['KUBERNETES_NODE_NAME'] ?? hostname();
}

/** The directories of this program's own search path. */
export function searchPath(): readonly string[] {
  return (process.env['PATH'] ?? '').split(':').filter((path) => path !== '');
}

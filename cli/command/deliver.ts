import type { Command } from 'commander';
import { runIdOfJob } from '#core/cluster/run-status.ts';
import { parseDuration } from '#core/setting/duration.ts';
import { shown } from '#core/verify/foreign-text.ts';
import { withVariables } from '../delivery/config.ts';
import { withFormat } from '../output/conclude.ts';
import { registryOptions, withRegistry, type RegistryFlags } from '../registry/registry-flags.ts';
import { keylessChoice, withServices, withToken, type ServiceFlags, type TokenFlags } from '../signing/signing-flags.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface DeliverFlags extends RegistryFlags, ServiceFlags, TokenFlags {
  readonly push?: string;
  readonly wait: string;
  readonly retryFor: string;
  readonly jobUid?: string;
  readonly stateDir?: string;
}

const HELP = `
DIR is the output directory of a collector. Its sealed.json is waited for; then the bundle is signed and pushed, and delivery.json
beside it says how far that is. Outages are sat out, with the token as it is at each attempt; without an identity, or when signing
is refused, the artifact is pushed unsigned. Started again, it goes on where it was.
Every option is also read from a variable: --retry-for from ASSAY_RETRY_FOR, and so on. The identity is looked for as by "assay sign":
a given token or file, the environment, GitHub Actions, /var/run/sigstore/cosign/oidc-token.

Exit status: 0 signed, and pushed where --push says; 1 pending, there is no identity; 2 refused for good; 3 an outage lasted too long.

Examples:
  assay deliver /var/lib/assay/out --push registry.example/team/evidence
  assay deliver assay-out --wait 0s --signing-config signing_config.json --trusted-root trusted_root.json --format json`;

/** `assay deliver DIR`: what the signing container of a run does. */
export const defineDeliver: DefineVerb = (command, conclude) => {
  command
    .argument('<dir>', 'output directory of the collector')
    .option('--push <ref>', 'push to HOST/REPOSITORY[:TAG] or oci-layout:DIR[:TAG]')
    .option('--wait <duration>', 'how long the seal is waited for', '24h')
    .option('--retry-for <duration>', 'how long outages are sat out', '30m')
    .option('--job-uid <uid>', 'only the seal of the run of this Kubernetes Job')
    .option('--state-dir <dir>', 'state directory of the collector: when it ends without a seal, so does this');
  withFormat(withRegistry(withServices(withToken(command))), ['text', 'json']).addHelpText('after', HELP);
  command.action((dir: string, flags: DeliverFlags) => deliver(command, { dir, flags: withVariables(command, flags) }, conclude));
};

async function deliver(
  command: Command,
  { dir, flags }: { readonly dir: string; readonly flags: DeliverFlags },
  conclude: Conclude,
): Promise<void> {
  const { jobUid, stateDir, push } = flags;
  const options = {
    directory: dir,
    identity: keylessChoice(flags),
    registry: registryOptions(flags),
    waitMs: parseDuration(flags.wait),
    retryMs: parseDuration(flags.retryFor),
    note: (line: string) => void process.stderr.write(`${shown(line, 1000)}\n`),
    ...(push === undefined ? {} : { push }),
    ...(jobUid === undefined ? {} : { runId: runIdOfJob(jobUid) }),
    ...(stateDir === undefined ? {} : { stateDir }),
  };
  const [{ deliverSealed }, { interruptible }] = [await import('../delivery/deliver-sealed.ts'), await import('../run/interruptible.ts')];
  const { report, exit } = await interruptible((signal) => deliverSealed({ ...options, signal }));
  if (report.reason !== undefined) process.stderr.write(`${shown(report.reason, 1000)}\n  ${shown(report.hint ?? '', 1000)}\n`);
  await conclude(command, { exit, json: report, render: { text: () => report.pointer ?? '' } });
}

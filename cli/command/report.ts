import type { Command } from 'commander';
import type { VerifyOptions } from '#core/verify/verify-options.ts';
import { openCluster, withRun, type RunFlags } from '../cluster/cluster-flags.ts';
import { withFormat } from '../output/conclude.ts';
import { registryOptions, withRegistry, type RegistryFlags } from '../registry/registry-flags.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface ReportFlags extends RunFlags, RegistryFlags {
  readonly trustedRoot?: string;
  readonly expectedIssuer?: string;
  readonly expectedIdentity?: string;
}

/** Longest time for a whole verification, whatever a registry does. */
const DEADLINE_MS = 300_000;

const HELP = `
Evidence that was pushed is verified, and the verdict is reported as by "assay verify"; before that the report is what the run's log
tells, and says so.

Examples:
  assay report -n assay --format html --output report.html
  assay report -n assay --trusted-root trusted_root.json --expected-issuer https://oidc.eks.eu-north-1.amazonaws.com/id/0123456789ABCDEF`;

/** `assay report`: the verdict on a run's evidence, or what its log tells. */
export const defineReport: DefineVerb = (command, conclude) => {
  withRun(command)
    .option('--trusted-root <file>', 'Sigstore trusted root of a private instance')
    .option('--expected-issuer <url>', 'OIDC issuer of the signer, exact')
    .option('--expected-identity <identity>', 'certificate identity of the signer, exact');
  withFormat(withRegistry(command), ['markdown', 'html', 'json']).addHelpText('after', HELP);
  command.action((flags: ReportFlags) => report(command, flags, conclude));
};

async function report(command: Command, flags: ReportFlags, conclude: Conclude): Promise<void> {
  const [{ findRelease }, { findRun }, { evidenceOf }] = await Promise.all([
    import('../cluster/find-release.ts'),
    import('../cluster/find-run.ts'),
    import('../cluster/read-results.ts'),
  ]);
  const place = await openCluster(flags);
  const reference = evidenceOf(await findRun(place, await findRelease(place, flags.release), flags.run));
  if (reference === undefined) return reportLog(command, flags, conclude);
  const [{ verifyEvidence }, { verdictHtml }, { verdictMarkdown }] = await Promise.all([
    import('#core/verify/verify-evidence.ts'),
    import('../output/verdict-html.ts'),
    import('../output/verdict-markdown.ts'),
  ]);
  const verdict = await verifyEvidence(reference, verifyOptions(flags));
  const render = { markdown: () => verdictMarkdown(verdict), html: () => verdictHtml(verdict) };
  await conclude(command, { exit: verdict.exit, json: { reference, ...verdict }, render });
}

function verifyOptions(flags: ReportFlags): VerifyOptions {
  const { trustedRoot, expectedIssuer, expectedIdentity } = flags;
  return {
    timeoutMs: DEADLINE_MS,
    registry: registryOptions(flags),
    ...(trustedRoot === undefined ? {} : { trustedRoot }),
    ...(expectedIssuer === undefined ? {} : { expectedIssuer }),
    ...(expectedIdentity === undefined ? {} : { expectedIdentity }),
  };
}

async function reportLog(command: Command, flags: ReportFlags, conclude: Conclude): Promise<void> {
  const [{ readResults }, { resultsExit, runResults }, { liveHtml, liveMarkdown }, { interruptible }] = await Promise.all([
    import('../cluster/read-results.ts'),
    import('../cluster/run-results.ts'),
    import('../output/live-report.ts'),
    import('../run/interruptible.ts'),
  ]);
  const place = await openCluster(flags);
  const tests = await interruptible((signal) => readResults(place, { ...flags, from: 'log', note: () => undefined, signal }));
  const results = runResults(tests);
  const render = { markdown: () => liveMarkdown(results), html: () => liveHtml(results) };
  await conclude(command, { exit: resultsExit(results), json: { preliminary: true, ...results }, render });
}

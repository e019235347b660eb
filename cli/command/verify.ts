import type { Command } from 'commander';
import { AssayError } from '#core/error.ts';
import { parseAge } from '#core/verify/parse-age.ts';
import { verifyEvidence } from '#core/verify/verify-evidence.ts';
import type { VerifyOptions } from '#core/verify/verify-options.ts';
import { withFormat } from '../output/conclude.ts';
import { verdictHtml } from '../output/verdict-html.ts';
import { verdictMarkdown } from '../output/verdict-markdown.ts';
import { verdictText } from '../output/verdict-text.ts';
import { registryOptions, withRegistry, type RegistryFlags } from '../registry/registry-flags.ts';
import type { Conclude, DefineVerb } from './verb.ts';

/** Longest time for a whole verification, whatever a registry does. */
const DEADLINE_MS = 300_000;

interface VerifyFlags extends RegistryFlags {
  readonly trustedRoot?: string;
  readonly expectedIssuer?: string;
  readonly expectedIdentity?: string;
  readonly expectedIdentityRegexp?: string;
  readonly requireSignature?: boolean;
  readonly maxAge?: string;
  readonly bundle?: string;
  readonly allowUnpinnedTag?: boolean;
  readonly upstream?: boolean;
  readonly offline?: boolean;
  readonly node?: string;
  readonly catalog?: string;
  readonly data?: string;
  readonly verbose?: boolean;
}

const HELP = `
INPUT is a pointer (.yaml), an OCI reference (pinned with @sha256:…), oci-layout:DIR[:TAG][@DIGEST], a bundle directory or a .tar.gz file.
Without --trusted-root the public Sigstore instance is trusted. A lab bundle needs its own root, and every report of it begins with LAB TRUST.

Examples:
  assay verify assay-out/summary-bundle --trusted-root assay-out/trusted_root.json
  assay verify recipes/evidence/r/0d79…/sha256-b981….yaml --expected-issuer https://token.actions.githubusercontent.com --format markdown
  assay verify registry.example/team/evidence@sha256:b981… --require-signature --format json`;

/** `assay verify INPUT`: every check on evidence that can be made without the cluster. */
export const defineVerify: DefineVerb = (command, conclude) => {
  command
    .argument('<input>', 'pointer, OCI reference, oci-layout:DIR, directory or .tar.gz')
    .option('--trusted-root <file>', 'Sigstore trusted root of a private or lab instance')
    .option('--expected-issuer <url>', 'OIDC issuer of the signer, exact')
    .option('--expected-identity <identity>', 'certificate identity of the signer, exact')
    .option('--expected-identity-regexp <re2>', 'expression that must match the whole identity')
    .option('--require-signature', 'unsigned evidence is invalid')
    .option('--max-age <age>', 'oldest acceptable evidence: 90d, 24mo, 2y', '24mo')
    .option('--bundle <ref>', 'where the bundle of a pointer is, instead of where it says')
    .option('--allow-unpinned-tag', 'accept a reference without digest')
    .option('--catalog <dir>', 'recompute the material slice from this recipe catalog')
    .option('--data <dir>', 'recipe files laid over the catalog')
    .option('--node <pseudonym>', 'prove that this node is in the signed tree')
    .option('--upstream', "only the checks of upstream's verifier, as leniently")
    .option('--offline', 'make no network call')
    .option('--verbose', 'text: also what every step compared');
  withFormat(withRegistry(command), ['text', 'json', 'markdown', 'html']).addHelpText('after', HELP);
  command.action((input: string, flags: VerifyFlags) => verify(command, { input, flags }, conclude));
};

async function verify(
  command: Command,
  { input, flags }: { readonly input: string; readonly flags: VerifyFlags },
  conclude: Conclude,
): Promise<void> {
  const options = { ...readOptions(flags), ...(await sliceOption(flags)) };
  const verdict = await verifyEvidence(input, options);
  const render = {
    text: () => verdictText(verdict, { verbose: flags.verbose === true }),
    markdown: () => verdictMarkdown(verdict),
    html: () => verdictHtml(verdict),
  };
  await conclude(command, { exit: verdict.exit, json: verdict, render });
}

/** Loading a catalog costs more than the rest of a verification: only when one is named. */
async function sliceOption({ catalog, data }: VerifyFlags): Promise<Pick<VerifyOptions, 'materialSlice'>> {
  if (catalog === undefined && data === undefined) return {};
  const { sliceFrom } = await import('../run/slice-comparison.ts');
  return {
    materialSlice: sliceFrom({
      ...(catalog === undefined ? {} : { catalogDir: catalog }),
      ...(data === undefined ? {} : { dataDir: data }),
    }),
  };
}

function readOptions(flags: VerifyFlags & { readonly format?: string; readonly output?: string }): VerifyOptions {
  const { maxAge, plainHttp: _plain, insecureTls: _insecure, registryConfig: _config, timeout: _timeout, ...others } = flags;
  const { format: _format, output: _output, verbose: _verbose, catalog: _catalog, data: _data, ...options } = others;
  if (options.expectedIdentity !== undefined && options.expectedIdentityRegexp !== undefined)
    throw new AssayError('USAGE', 'an identity and an expression for it exclude each other', {
      hint: 'Give --expected-identity or --expected-identity-regexp.',
    });
  const age = maxAge === undefined ? {} : { maxAgeDays: parseAge(maxAge) };
  return { ...options, ...age, timeoutMs: DEADLINE_MS, registry: registryOptions(flags) };
}

import type { Command } from 'commander';
import { AssayError } from '#core/error.ts';
import type { Inspection } from '#core/publish/inspect-bundle.ts';
import { shown } from '#core/verify/foreign-text.ts';
import type { BundleFiles } from '#core/verify/materialize/bundle-files.ts';
import type { SignatureCandidate } from '#core/verify/materialize/materialized.ts';
import { withFormat } from '../output/conclude.ts';
import { findArtifact } from '../registry/find-artifact.ts';
import { withRegistry, type RegistryFlags } from '../registry/registry-flags.ts';
import type { Conclude, DefineVerb } from './verb.ts';

const HELP = `
INPUT is a bundle directory, a .tar.gz file, a pointer, an OCI reference (a tag is enough) or oci-layout:DIR.
Nothing that is shown was verified; "assay verify" gives the verdict.

Examples:
  assay show assay-out/summary-bundle
  assay show registry.example/team/evidence:v1 --format json`;

/** `assay show INPUT`: what evidence says about itself, without a verdict. */
export const defineShow: DefineVerb = (command, conclude) => {
  command.argument('<input>', 'directory, .tar.gz, pointer, OCI reference or oci-layout:DIR');
  withFormat(withRegistry(command), ['text', 'json']).addHelpText('after', HELP);
  command.action((input: string, flags: RegistryFlags) => show(command, { input, flags }, conclude));
};

interface Seen {
  readonly digest?: string;
  readonly files: BundleFiles;
  readonly signatures: readonly SignatureCandidate[];
}

async function show(
  command: Command,
  { input, flags }: { readonly input: string; readonly flags: RegistryFlags },
  conclude: Conclude,
): Promise<void> {
  const [{ inspectBundle }, { Refusal }] = [await import('#core/publish/inspect-bundle.ts'), await import('#core/verify/refusal.ts')];
  try {
    const { digest, files, signatures } = await read(input, flags);
    const inspection = await inspectBundle(files, signatures);
    const json = { ...(digest === undefined ? {} : { digest }), ...inspection };
    await conclude(command, { exit: 0, json, render: { text: () => showText(inspection, digest) } });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new AssayError('BUNDLE_INVALID', `${error.finding.code}: ${error.finding.detail}`, {
      cause: error,
      hint: 'Check what the input is; see: assay show --help',
    });
  }
}

async function read(input: string, flags: RegistryFlags): Promise<Seen> {
  const { detectInput } = await import('#core/verify/materialize/detect-input.ts');
  const { materialize } = await import('#core/verify/materialize/materialize.ts');
  const detected = detectInput(input);
  if (detected.kind === 'dir' || detected.kind === 'tar') return materialize(detected, {});
  const { store, name } = await findArtifact(detected.target, flags);
  const { readArtifact } = await import('#core/verify/materialize/read-artifact.ts');
  const { artifactDigest, files, signatures } = await readArtifact(store, name);
  return { digest: artifactDigest, files, signatures };
}

function showText({ files, predicate, signatures }: Inspection, digest: string | undefined): string {
  const claims = (predicate ?? {}) as { recipe?: { name?: unknown }; attestedAt?: unknown; aicrVersion?: unknown };
  return [
    'Not verified: this is what the evidence says about itself.',
    ...(digest === undefined ? [] : [`artifact     ${digest}`]),
    `recipe       ${shown(claims.recipe?.name ?? '-', 80)}`,
    `attested at  ${shown(claims.attestedAt ?? '-', 40)}`,
    `tool         ${shown(claims.aicrVersion ?? '-', 40)}`,
    ...signatures.map(
      ({ origin, signer, problem }) =>
        `signature    ${signer === undefined ? `unreadable (${shown(problem)})` : `claims ${shown(signer.identity)}, issuer ${shown(signer.issuer)}`} [${origin}]`,
    ),
    ...(signatures.length === 0 ? ['signature    none'] : []),
    ...files.map(({ path, size, digest: fileDigest }) => `${fileDigest}  ${String(size).padStart(9)}  ${shown(path)}`),
    '',
  ].join('\n');
}

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { PulledBundle } from '#core/publish/pull-bundle.ts';
import { withFormat } from '../output/conclude.ts';
import { findArtifact } from '../registry/find-artifact.ts';
import { withRegistry, type RegistryFlags } from '../registry/registry-flags.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface PullFlags extends RegistryFlags {
  readonly out: string;
}

const ARCHIVE = /\.(?:tar\.gz|tgz)$/i;
const HELP = `
INPUT is a pointer (.yaml), HOST/REPOSITORY:TAG or @sha256:…, or oci-layout:DIR[:TAG]. Every digest is checked on the way;
whether the evidence is worth anything is for "assay verify" to say.

Examples:
  assay pull registry.example/team/evidence@sha256:b981… -o evidence
  assay pull recipes/evidence/r/0d79…/sha256-b981….yaml -o evidence.tar.gz`;

/** `assay pull INPUT -o DIR|FILE.tar.gz`: a bundle out of a registry, without a verdict. */
export const definePull: DefineVerb = (command, conclude) => {
  command
    .argument('<input>', 'pointer, OCI reference or oci-layout:DIR')
    .requiredOption('-o, --out <path>', 'directory to write, or FILE.tar.gz');
  withFormat(withRegistry(command), ['text', 'json']).addHelpText('after', HELP);
  command.action((input: string, flags: PullFlags) => pull(command, { input, flags }, conclude));
};

async function pull(
  command: Command,
  { input, flags }: { readonly input: string; readonly flags: PullFlags },
  conclude: Conclude,
): Promise<void> {
  const { store, name } = await findArtifact(input, flags);
  const { pullBundle } = await import('#core/publish/pull-bundle.ts');
  const bundle = await pullBundle(store, name);
  const out = resolve(flags.out);
  await write(out, bundle.files);
  const json = { digest: bundle.digest, out, files: [...bundle.files.keys()].sort(), signatures: bundle.signatures };
  await conclude(command, { exit: 0, json, render: { text: () => pullText(bundle, out) } });
}

async function write(out: string, files: PulledBundle['files']): Promise<void> {
  if (!ARCHIVE.test(out)) return (await import('#core/publish/write-directory.ts')).writeBundleDirectory(out, files);
  const [{ packArchive }, { writeFileAtomically }] = [
    await import('#core/publish/pack-archive.ts'),
    await import('#core/oci/atomic-file.ts'),
  ];
  await writeFileAtomically(out, [await packArchive(files)]);
}

function pullText({ digest, files, signatures }: PulledBundle, out: string): string {
  const kept = signatures > 1 ? ` (${signatures} are attached, the first was kept)` : '';
  return `${digest}\n${files.size} files in ${out}\n${signatures === 0 ? 'no signature is attached' : `signature in attestation.intoto.jsonl${kept}`}\nverify it with: assay verify ${out}\n`;
}

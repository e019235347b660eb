import type { Command } from 'commander';
import { AssayError } from '#core/error.ts';
import { parseReference, type ArtifactReference } from '#core/oci/reference.ts';
import type { ListedArtifact } from '#core/publish/list-repository.ts';
import { shown } from '#core/verify/foreign-text.ts';
import { withFormat } from '../output/conclude.ts';
import { registryOptions, withRegistry, type RegistryFlags } from '../registry/registry-flags.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface ListFlags extends RegistryFlags {
  readonly all?: boolean;
}

const HELP = `
What is listed is claimed by the artifacts and their registry; "assay verify" says what holds.

Examples:
  assay list registry.example/team/evidence
  assay list oci-layout:assay-out/oci --format json`;

/** `assay list REPO`: the evidence in a repository or layout. */
export const defineList: DefineVerb = (command, conclude) => {
  command.argument('<repository>', 'HOST/REPOSITORY or oci-layout:DIR').option('--all', 'list what is no evidence too');
  withFormat(withRegistry(command), ['text', 'json']).addHelpText('after', HELP);
  command.action((repository: string, flags: ListFlags) => list(command, { repository, flags }, conclude));
};

async function list(
  command: Command,
  { repository, flags }: { readonly repository: string; readonly flags: ListFlags },
  conclude: Conclude,
): Promise<void> {
  const reference = parseReference(repository);
  await requireLayout(reference);
  const [{ openStore }, { listRepository }] = [await import('#core/oci/open-store.ts'), await import('#core/publish/list-repository.ts')];
  const store = await openStore(reference, registryOptions(flags));
  const artifacts = (await listRepository(store)).filter(({ isEvidence }) => isEvidence || flags.all === true);
  await conclude(command, { exit: 0, json: { repository: store.name, artifacts }, render: { text: () => listText(artifacts) } });
}

/** An empty table would say that a directory which is no layout holds no evidence. */
async function requireLayout(reference: ArtifactReference): Promise<void> {
  if (reference.kind === 'registry') return;
  const { isLayoutDirectory } = await import('#core/oci/layout.ts');
  if (await isLayoutDirectory(reference.directory)) return;
  throw new AssayError('FILE_NOT_FOUND', `${reference.directory} is no OCI image layout`, {
    hint: 'Name the directory that holds the files oci-layout and index.json.',
  });
}

function listText(artifacts: readonly ListedArtifact[]): string {
  const rows = artifacts.map(({ tag, digest, recipe, attestedAt, signatures }) => [
    tag,
    digest,
    shown(recipe ?? '-', 80),
    shown(attestedAt ?? '-', 40),
    String(signatures),
  ]);
  const table = [['TAG', 'DIGEST', 'RECIPE (claimed)', 'ATTESTED AT (claimed)', 'SIGNATURES'], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

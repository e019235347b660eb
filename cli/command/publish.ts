import type { Command } from 'commander';
import { LAB_ISSUER } from '#core/attestation/lab-trust.ts';
import { parseReference } from '#core/oci/reference.ts';
import type { PublishedBundle } from '#core/publish/publish-bundle.ts';
import { withFormat } from '../output/conclude.ts';
import { registryOptions, withRegistry, type RegistryFlags } from '../registry/registry-flags.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface PublishFlags extends RegistryFlags {
  readonly push: string;
  readonly pointer?: string;
  readonly mountFrom?: string;
}

const HELP = `
Pushes the bundle as an OCI artifact, its signature as a referrer, and writes the pointer that names both.
An unsigned bundle is pushed too: exit status 1, pending; "assay sign REFERENCE" signs it where it is.

Examples:
  assay publish out/summary-bundle --push registry.example/team/evidence
  assay publish out --push oci-layout:/media/stick/evidence`;

/** `assay publish DIR --push REF`: artifact, signature, pointer. */
export const definePublish: DefineVerb = (command, conclude) => {
  command
    .argument('<dir>', 'bundle directory, or the directory above summary-bundle')
    .requiredOption('--push <ref>', 'HOST/REPOSITORY[:TAG] or oci-layout:DIR[:TAG]')
    .option('--pointer <file>', 'where the pointer is written (default: beside the bundle directory)')
    .option('--mount-from <repository>', 'repository of the same registry that may hold the blobs already');
  withFormat(withRegistry(command), ['text', 'json']).addHelpText('after', HELP);
  command.action((dir: string, flags: PublishFlags) => publish(command, { dir, flags }, conclude));
};

async function publish(
  command: Command,
  { dir, flags }: { readonly dir: string; readonly flags: PublishFlags },
  conclude: Conclude,
): Promise<void> {
  const reference = parseReference(flags.push);
  const [{ loadDirectory }, { publishBundle }, { openStore }] = [
    await import('#core/publish/loaded-bundle.ts'),
    await import('#core/publish/publish-bundle.ts'),
    await import('#core/oci/open-store.ts'),
  ];
  const bundle = await loadDirectory(dir);
  const store = await openStore(reference, {
    ...registryOptions(flags),
    ...(flags.mountFrom === undefined ? {} : { mountFrom: flags.mountFrom }),
  });
  const published = await publishBundle(bundle, {
    reference,
    store,
    ...(flags.pointer === undefined ? {} : { pointerPath: flags.pointer }),
  });
  const { committedPointerPath } = await import('#core/publish/pointer-file.ts');
  const commitAs = committedPointerPath(published.pointer);
  const isPending = published.signer === undefined;
  const json = {
    oci: published.reference,
    digest: published.digest,
    pointer: published.pointerPath,
    commitAs,
    ...(published.signer === undefined ? { pending: true } : { signer: published.signer }),
  };
  await conclude(command, { exit: isPending ? 1 : 0, json, render: { text: () => publishText(published, commitAs) } });
}

function publishText({ reference, digest, pointerPath, signer }: PublishedBundle, commitAs: string): string {
  const lab =
    signer?.issuer === LAB_ISSUER ? 'LAB TRUST: signed by an authority of one computer; others cannot verify it without its root\n' : '';
  const signature =
    signer === undefined
      ? `SIGNATURE_PENDING: unsigned; sign it with: assay sign ${reference}`
      : `signer ${signer.identity}\nissuer ${signer.issuer}`;
  return `${lab}${reference}@${digest}\n${signature}\npointer ${pointerPath}\ncommit it as ${commitAs}\n`;
}

import type { Command } from 'commander';
import { LAB_ISSUER } from '#core/attestation/lab-trust.ts';
import type { ArtifactReference } from '#core/oci/reference.ts';
import type { ArtifactStore } from '#core/oci/store.ts';
import type { SignedInput } from '#core/sign/sign-input.ts';
import { withFormat } from '../output/conclude.ts';
import { LAB_WORDS } from '../output/verdict-words.ts';
import { readInput } from '../registry/evidence-input.ts';
import { registryOptions, withRegistry, type RegistryFlags } from '../registry/registry-flags.ts';
import { keylessChoice, withSigning, type SigningFlags } from '../signing/signing-flags.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface SignFlags extends RegistryFlags, SigningFlags {
  readonly replace?: boolean;
  readonly pending?: string;
}

const HELP = `
INPUT is a bundle directory, oci-layout:DIR[:TAG] or a pushed artifact (HOST/REPOSITORY:TAG or @sha256:…).
Without service flags the public Sigstore instance signs: your identity then stands in a public log forever.
When a service is out, the exit status is 3 and a pending file says what is left; the same command finishes it.

Examples:
  assay sign out/summary-bundle --identity-token-file /var/run/sigstore/cosign/oidc-token
  assay sign registry.example/team/evidence:v1 --device-flow
  assay sign oci-layout:assay-out/oci --signing-config signing_config.json --trusted-root trusted_root.json`;

/** `assay sign INPUT`: a keyless signature over a bundle in a directory, layout or registry. */
export const defineSign: DefineVerb = (command, conclude) => {
  command
    .argument('<input>', 'bundle directory, oci-layout:DIR, or OCI reference')
    .option('--replace', 'sign a directory again that has a signature already')
    .option('--pending <file>', 'where unfinished work is kept');
  withFormat(withRegistry(withSigning(command)), ['text', 'json']).addHelpText('after', HELP);
  command.action((input: string, flags: SignFlags) => sign(command, { input, flags }, conclude));
};

async function sign(
  command: Command,
  { input, flags }: { readonly input: string; readonly flags: SignFlags },
  conclude: Conclude,
): Promise<void> {
  const choice = keylessChoice(flags);
  const [{ signArtifact, signDirectory }, { keylessRoute }] = [
    await import('#core/sign/sign-input.ts'),
    await import('#core/sign/keyless-route.ts'),
  ];
  const options = {
    route: () => keylessRoute(choice, Date.now()),
    replace: flags.replace === true,
    ...(flags.pending === undefined ? {} : { pendingPath: flags.pending }),
  };
  const evidence = await readInput(input);
  const signed =
    evidence.kind === 'directory'
      ? await signDirectory(evidence.path, options)
      : await signArtifact(evidence.reference, await storeOf(evidence.reference, flags), options);
  await conclude(command, { exit: 0, json: signed, render: { text: () => signText(signed) } });
}

async function storeOf(reference: ArtifactReference, flags: SignFlags): Promise<ArtifactStore> {
  const { openStore } = await import('#core/oci/open-store.ts');
  return openStore(reference, registryOptions(flags));
}

const WORDS = { signed: 'signed', finished: 'signature of an earlier attempt delivered', unchanged: 'was signed already' } as const;

function signText({ digest, signer, signature, outcome }: SignedInput): string {
  const lab = signer.issuer === LAB_ISSUER ? `${LAB_WORDS}: ` : '';
  return `${lab}${WORDS[outcome]}: ${digest}\nsigner ${signer.identity}\nissuer ${signer.issuer}\nsignature ${signature}\n`;
}

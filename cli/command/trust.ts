import type { Command } from 'commander';
import { AssayError } from '#core/error.ts';
import { parseDuration } from '#core/setting/duration.ts';
import type { RootDescription } from '#core/verify/trust/describe-root.ts';
import { withFormat } from '../output/conclude.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface UpdateFlags {
  readonly mirror?: string;
  readonly initialRoot?: string;
  readonly out?: string;
  readonly timeout: string;
}

const HELP = `
Without --trusted-root, "assay verify" trusts the public Sigstore instance: the root fetched by "assay trust update", else the one that
ships with this version. Verification itself never fetches one. Another instance's root is written to a file and given with --trusted-root.

Examples:
  assay trust show
  assay trust update
  assay trust update --mirror https://tuf.example --initial-root root.json --out trusted_root.json`;

/** `assay trust show | update`: whose word signatures rest on. */
export const defineTrust: DefineVerb = (command, conclude) => {
  const show = command.command('show').description('the trusted root in use, or a given one');
  show.option('--trusted-root <file>', 'show this one');
  withFormat(show, ['text', 'json']).addHelpText('after', HELP);
  show.action((flags: { readonly trustedRoot?: string }) => showRoot(show, flags.trustedRoot, conclude));

  const update = command.command('update').description('fetch the public trusted root through TUF');
  update
    .option('--mirror <url>', 'TUF repository of another instance; needs --initial-root and --out')
    .option('--initial-root <file>', 'first root.json of that repository')
    .option('--out <file>', 'file to write the trusted root to, instead of the cache')
    .option('--timeout <duration>', 'longest wait for one answer', '30s');
  withFormat(update, ['text', 'json']).addHelpText('after', HELP);
  update.action((flags: UpdateFlags) => updateRoot(update, flags, conclude));
  command.addHelpText('after', HELP);
};

async function showRoot(command: Command, path: string | undefined, conclude: Conclude): Promise<void> {
  const [{ loadTrust }, { describeRoot }, { Refusal }] = [
    await import('#core/verify/trust/load-trust.ts'),
    await import('#core/verify/trust/describe-root.ts'),
    await import('#core/verify/refusal.ts'),
  ];
  try {
    await report(command, describeRoot(await loadTrust(path)), conclude);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new AssayError('TRUST_ROOT_UNUSABLE', error.finding.detail, { cause: error, hint: error.finding.hint });
  }
}

async function updateRoot(command: Command, { mirror, initialRoot, out, timeout }: UpdateFlags, conclude: Conclude): Promise<void> {
  if ((mirror === undefined) !== (initialRoot === undefined) || (mirror !== undefined && out === undefined))
    throw new AssayError('USAGE', 'another repository needs its first root and a file to write to', {
      hint: 'Give --mirror, --initial-root and --out together.',
    });
  const { rootCachePath } = await import('#core/verify/trust/root-cache.ts');
  const { updateRoot: update } = await import('#core/verify/trust/update-root.ts');
  const { describeRoot } = await import('#core/verify/trust/describe-root.ts');
  const trust = await update({
    target: out ?? rootCachePath(),
    timeoutMs: parseDuration(timeout),
    ...(mirror === undefined ? {} : { mirror }),
    ...(initialRoot === undefined ? {} : { initialRoot }),
  });
  await report(command, describeRoot(trust), conclude);
}

async function report(command: Command, description: RootDescription, conclude: Conclude): Promise<void> {
  await conclude(command, { exit: 0, json: description, render: { text: () => rootText(description) } });
}

function rootText({ trust, source, digest, parties }: RootDescription): string {
  const lines = parties.map(
    ({ role, name, from = 'the beginning', to = 'further notice' }) =>
      `  ${role.padEnd(22)}${name}\n${' '.repeat(24)}from ${from} until ${to}`,
  );
  return `${trust === 'lab' ? 'LAB TRUST\n' : ''}${trust} trust, ${source}\n${digest}\n${lines.join('\n')}\n`;
}

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPrograms } from './build-programs.ts';
import { servicesCache } from './cache.ts';
import { startStack } from './stack.ts';

const USAGE = 'usage: node tools/services/main.ts build | up | test\n';
const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Starts the stack and keeps it until the terminal ends it; prints addresses and the files that name them. */
async function up(): Promise<void> {
  await buildPrograms(say);
  const stack = await startStack();
  const files = { trustedRoot: join(servicesCache, 'trusted_root.json'), signingConfig: join(servicesCache, 'signing_config.json') };
  writeFileSync(files.trustedRoot, stack.trustedRoot);
  writeFileSync(files.signingConfig, stack.signingConfig);
  const { fulcioUrl, rekorUrl, tsaUrl, registry, plainRegistry, oidc } = stack;
  const token = stack.oidc.mint('/email');
  process.stdout.write(
    `${JSON.stringify({ oidc: oidc.url, fulcioUrl, rekorUrl, tsaUrl, registry, plainRegistry, ...files, token }, null, 2)}\n`,
  );
  await new Promise((done) => process.once('SIGINT', done).once('SIGTERM', done));
  await stack.stop();
}

/** Builds what is missing and runs the tier; a part that cannot run fails it. */
async function test(): Promise<void> {
  await buildPrograms(say);
  const vitest = spawn('npx', ['vitest', 'run', 'test/component/services', 'test/contract/cosign'], {
    stdio: 'inherit',
    env: { ...process.env, ASSAY_REQUIRE_SERVICES: '1' },
  });
  process.exitCode = await new Promise<number>((done) => vitest.once('exit', (code) => done(code ?? 1)));
}

const VERBS: Readonly<Record<string, () => Promise<void>>> = { build: () => buildPrograms(say), up, test };
const verb = VERBS[process.argv[2] ?? ''];
if (verb === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 64;
} else await verb();

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bareHex } from '#core/digest/sha256.ts';
import { packBundle } from '#core/publish/pack.ts';
import { signStatement } from '#core/sign/sign-statement.ts';
import { hasPrograms, serviceProgram } from '../../tools/services/cache.ts';
import { statementOf } from '../fixture/sigstore/lab-bundle.ts';

const run = promisify(execFile);
const artifact = packBundle(new Map([['recipe.yaml', Buffer.from('a: 1\n')]]), { version: 'v1' });
const statement = statementOf(bareHex(artifact.descriptor.digest));
const identity = 'https://lab.assay.invalid/local/me%20you@bench-1';
let place: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'assay-cosign-'));
  await writeFile(join(place, 'artifact'), artifact.manifest);
  await writeFile(join(place, 'other-artifact'), Buffer.concat([artifact.manifest, Buffer.from(' ')]));
  for (const name of ['one', 'other']) {
    const signed = await signStatement(statement, { kind: 'lab', user: 'me you', host: 'bench-1' });
    await writeFile(join(place, `${name}.sigstore.json`), signed.sigstoreBundle);
    await writeFile(join(place, `${name}-root.json`), signed.trustedRoot ?? '');
  }
});
afterAll(() => rm(place, { recursive: true }));

interface Check {
  readonly root?: string;
  readonly identity?: string;
  readonly blob?: string;
  readonly type?: string;
}

/** What cosign says about the first signature: "" when it accepts, else its error. `TUF_ROOT` empty and no proxy: without a root it has none. */
async function cosignRefusal(check: Check): Promise<string> {
  const root = check.root === undefined ? [] : ['--trusted-root', check.root];
  const args = [
    'verify-blob-attestation',
    '--bundle=one.sigstore.json',
    ...root,
    `--certificate-identity=${check.identity ?? identity}`,
    '--certificate-oidc-issuer=https://lab.assay.invalid',
    `--type=${check.type ?? 'https://aicr.run/recipe-evidence/v1'}`,
    check.blob ?? 'artifact',
  ];
  const env = { PATH: '/usr/bin:/bin', HOME: place, TUF_MIRROR: 'http://127.0.0.1:1', HTTPS_PROXY: 'http://127.0.0.1:1' };
  try {
    await run(serviceProgram('cosign'), args, { cwd: place, env, timeout: 20_000 });
    return '';
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
}

describe.skipIf(!hasPrograms('cosign'))(
  'cosign and a lab signature (skipped while cosign is not in the services cache: npm run test:services)',
  () => {
    it('accepts it with the root written beside the bundle, over the artifact manifest', async () => {
      expect(await cosignRefusal({ root: 'one-root.json' })).toBe('');
    });

    it('refuses it with the root of another lab authority', async () => {
      expect(await cosignRefusal({ root: 'other-root.json' })).toContain('Error');
    });

    it('refuses it without a root', async () => {
      expect(await cosignRefusal({})).toContain('trusted root');
    });

    it.each<[string, Check]>([
      ['another artifact', { blob: 'other-artifact' }],
      ['another identity', { identity: 'https://lab.assay.invalid/local/me@bench-1' }],
      ['another predicate type', { type: 'https://aicr.run/recipe-evidence/v2' }],
    ])('refuses %s', async (_, check) => {
      expect(await cosignRefusal({ root: 'one-root.json', ...check })).toContain('Error');
    });
  },
);

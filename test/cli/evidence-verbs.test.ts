import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assay, place } from '../fixture/services.ts';
import { honestEvidence, signEvidence, writeFiles } from '../fixture/verify/evidence.ts';

/** A bundle directory, signed by a lab authority, and the root that accepts it. */
async function signedBundle(): Promise<{ readonly root: string; readonly bundle: string; readonly digest: string }> {
  const root = place();
  const bundle = join(root, 'out/summary-bundle');
  mkdirSync(bundle, { recursive: true });
  const { files, trustedRoot, artifactDigest } = await signEvidence(honestEvidence());
  writeFiles(bundle, files);
  writeFileSync(join(root, 'root.json'), JSON.stringify(trustedRoot));
  return { root, bundle, digest: artifactDigest };
}

function document(text: string): Record<string, unknown> & { error: { code: string; hint?: string } } {
  return JSON.parse(text) as Record<string, unknown> & { error: { code: string } };
}

describe('evidence carried through a layout', () => {
  it('is published, listed, shown, pulled and verified with one digest', async () => {
    const { root, bundle, digest } = await signedBundle();
    const layout = `oci-layout:${join(root, 'oci')}`;

    const published = await assay(['publish', bundle, '--push', `${layout}:v1`, '--format', 'json']);
    const listed = await assay(['list', layout, '--format', 'json']);
    const shown = await assay(['show', layout, '--format', 'json']);
    const pulled = await assay(['pull', layout, '-o', join(root, 'pulled'), '--format', 'json']);
    const verified = await assay([
      'verify',
      `${layout}@${digest}`,
      '--trusted-root',
      join(root, 'root.json'),
      '--max-age',
      '100y',
      '--format',
      'json',
    ]);

    expect([published, listed, shown, pulled, verified].map(({ exit }) => exit)).toEqual([0, 0, 0, 0, 0]);
    expect([
      document(published.stdout)['digest'],
      (document(listed.stdout)['artifacts'] as { digest: string }[])[0]?.digest,
      document(shown.stdout)['digest'],
      document(pulled.stdout)['digest'],
    ]).toEqual([digest, digest, digest, digest]);
    expect(readFileSync(join(root, 'pulled/attestation.intoto.jsonl'))).toEqual(readFileSync(join(bundle, 'attestation.intoto.jsonl')));
  });

  it('says LAB TRUST in the first line when it is published', async () => {
    const { root, bundle } = await signedBundle();

    const { stdout } = await assay(['publish', bundle, '--push', `oci-layout:${join(root, 'oci')}`]);

    expect(stdout.split('\n')[0]).toMatch(/^LAB TRUST/);
  });

  it('says LAB TRUST too when it is to be signed and has a lab signature', async () => {
    const { bundle } = await signedBundle();

    const { exit, stdout } = await assay(['sign', bundle]);

    expect([exit, stdout.split('\n')[0]]).toEqual([0, expect.stringMatching(/^LAB TRUST: was signed already: sha256:/)]);
  });

  it('forgets what an attempt to replace its signature left undone', async () => {
    const { bundle } = await signedBundle();
    const pending = join(bundle, '../pending-signature.json');
    const services = ['--fulcio-url', 'http://127.0.0.1:1', '--rekor-url', 'http://127.0.0.1:1', '--tsa-url', 'http://127.0.0.1:1'];

    const replaced = await assay(['sign', bundle, '--replace', ...services, '--format', 'json']);
    const wasPending = existsSync(pending);
    const again = await assay(['sign', bundle, '--format', 'json']);

    expect([replaced.exit, wasPending, again.exit, existsSync(pending)]).toEqual([3, true, 0, false]);
  });

  it('is pending, exit 1, when it is published unsigned, and says how to sign it', async () => {
    const root = place();
    const bundle = writeFiles(join(root, 'summary-bundle'), honestEvidence().files);

    const { exit, stdout } = await assay(['publish', bundle, '--push', `oci-layout:${join(root, 'oci')}:v1`]);

    expect({ exit, pending: stdout.includes('SIGNATURE_PENDING'), command: stdout.includes('assay sign oci-layout:') }).toEqual({
      exit: 1,
      pending: true,
      command: true,
    });
  });

  it('can go to another pointer file', async () => {
    const { root, bundle } = await signedBundle();

    await assay(['publish', bundle, '--push', `oci-layout:${join(root, 'oci')}`, '--pointer', join(root, 'p/evidence.yaml')]);

    expect([existsSync(join(root, 'p/evidence.yaml')), existsSync(join(bundle, '../pointer.yaml'))]).toEqual([true, false]);
  });
});

describe('showing evidence', () => {
  it('tells who claims to have signed, and that nothing of it was verified', async () => {
    const { bundle } = await signedBundle();

    const { stdout } = await assay(['show', bundle]);

    expect(stdout.split('\n')[0]).toMatch(/^Not verified/);
    expect(stdout).toMatch(/claims https:\/\/lab\.assay\.invalid\/local\/tester@bench-1/);
  });

  it('shows foreign text without its power over a terminal', async () => {
    const { bundle } = await signedBundle();
    const statement = join(bundle, 'statement.intoto.json');
    writeFileSync(
      statement,
      readFileSync(statement, 'utf8').replace(/"attestedAt": "[^"]*"/, String.raw`"attestedAt": "\u001b[2J\u202ex"`),
    );

    const { stdout } = await assay(['show', bundle]);

    // eslint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });
});

describe('evidence verbs refuse', () => {
  it.each([
    ['sign', 'nothing to sign', ['sign', '--format', 'json'], 64, 'USAGE'],
    ['sign', 'an unknown option', ['sign', 'x', '--magic', '--format', 'json'], 64, 'USAGE'],
    ['sign', 'an unknown log version', ['sign', 'x/y', '--rekor-api', '3', '--format', 'json'], 64, 'USAGE'],
    ['sign', 'a text that is neither directory nor reference', ['sign', 'nowhere', '--format', 'json'], 2, 'REFERENCE_INVALID'],
    ['sign', 'a directory without a bundle', ['sign', '/', '--format', 'json'], 2, 'BUNDLE_INVALID'],
    ['publish', 'no target', ['publish', 'x', '--format', 'json'], 64, 'USAGE'],
    ['publish', 'a target that is no reference', ['publish', 'x', '--push', 'x', '--format', 'json'], 2, 'REFERENCE_INVALID'],
    [
      'publish',
      'a directory that does not exist',
      ['publish', '/nonexistent', '--push', 'r.test/x', '--format', 'json'],
      2,
      'BUNDLE_INVALID',
    ],
    ['pull', 'no place to write to', ['pull', 'r.test/x:v1', '--format', 'json'], 64, 'USAGE'],
    ['pull', 'a pointer that does not exist', ['pull', '/nonexistent/p.yaml', '-o', 'x', '--format', 'json'], 2, 'FILE_NOT_FOUND'],
    [
      'pull',
      'a layout that does not exist',
      ['pull', 'oci-layout:/nonexistent:v1', '-o', 'x', '--format', 'json'],
      2,
      'ARTIFACT_NOT_FOUND',
    ],
    ['list', 'a web address', ['list', 'https://r.test/x', '--format', 'json'], 2, 'REFERENCE_INVALID'],
    ['list', 'a duration that is none', ['list', 'r.test/x', '--timeout', 'soon', '--format', 'json'], 64, 'CONFIG_INVALID'],
    ['show', 'a file that does not exist', ['show', '/nonexistent', '--format', 'json'], 2, 'BUNDLE_INVALID'],
  ] as const)('%s: %s', async (...row) => {
    const [, , args, exit, code] = row;

    const ended = await assay(args);

    expect({ exit: ended.exit, json: document(ended.stdout)['exit'], code: document(ended.stdout).error.code }).toEqual({
      exit,
      json: exit,
      code,
    });
  });

  it('a pointer that names a local directory', async () => {
    const pointer = join(place(), 'p.yaml');
    writeFileSync(
      pointer,
      `schemaVersion: 1.0.0\nrecipe: x\nattestations:\n  - bundle:\n      oci: oci-layout:/etc:v1\n      digest: sha256:${'ab'.repeat(32)}\n      predicateType: https://aicr.run/recipe-evidence/v1\n`,
    );

    const { exit, stdout } = await assay(['pull', pointer, '-o', 'x', '--format', 'json']);

    expect({ exit, code: document(stdout).error.code }).toEqual({ exit: 2, code: 'POINTER_INVALID' });
  });

  it.each(['sign', 'publish', 'pull', 'list', 'show'])('nothing when %s is asked for help, which has an example', async (verb) => {
    const { exit, stdout } = await assay([verb, '--help']);

    expect({ exit, example: /Examples?:\n +assay /.test(stdout) }).toEqual({ exit: 0, example: true });
  });
});

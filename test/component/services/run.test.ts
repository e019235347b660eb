import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack, type Stack } from '../../../tools/services/stack.ts';
import { assay, place, skipServices, WHY_SKIPPED } from '../../fixture/services.ts';

const COLLECTOR = 'https://kubernetes.io/namespaces/evidence/serviceaccounts/collector';
/** Valid; whether with findings depends on the computer the test runs on. */
const VALID = [0, 1];

describe.skipIf(skipServices)(`assay run with an identity ${WHY_SKIPPED}`, () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());

  /** Writes token, signing configuration and root; gives the flags that name them. */
  function signingFlags(work: string): readonly string[] {
    writeFileSync(join(work, 'token'), stack.oidc.mint('/k8s', {}));
    writeFileSync(join(work, 'signing_config.json'), stack.signingConfig);
    writeFileSync(join(work, 'root.json'), stack.trustedRoot);
    const config = ['--signing-config', join(work, 'signing_config.json'), '--trusted-root', join(work, 'root.json')];
    return ['--identity-token-file', join(work, 'token'), ...config];
  }

  it('signs keyless, publishes to a registry, verifies, and the reference verifies too', async () => {
    const work = place();
    const reference = `${stack.registry}/team/run-evidence:v1`;
    const ended = await assay(['run', '--out', join(work, 'out'), '--push', reference, ...signingFlags(work), '--format', 'json']);

    const document = JSON.parse(ended.stdout) as { exit: number; digest: string };
    expect(document, ended.stderr).toMatchObject({ exit: ended.exit, trust: 'sigstore', oci: reference, signer: { identity: COLLECTOR } });
    expect(VALID).toContain(ended.exit);
    const flags = ['--require-signature', '--trusted-root', join(work, 'root.json'), '--format', 'json'];
    const verified = await assay(['verify', `${reference}@${document.digest}`, ...flags]);
    expect(JSON.parse(verified.stdout)).toMatchObject({ exit: document.exit, bundleDigest: document.digest, trust: 'private' });
  });

  it('keeps the signed bundle and ends 3 when the registry is out', async () => {
    const work = place();
    const push = ['--push', '127.0.0.1:1/team/evidence:v1', '--timeout', '2s'];
    const ended = await assay(['run', '--out', join(work, 'out'), ...push, ...signingFlags(work), '--format', 'json']);

    expect([ended.exit, JSON.parse(ended.stdout)]).toMatchObject([
      3,
      { exit: 3, trust: 'sigstore', oci: expect.stringMatching(/^oci-layout:/) },
    ]);
    const verified = await assay([
      'verify',
      join(work, 'out', 'summary-bundle'),
      '--require-signature',
      '--trusted-root',
      join(work, 'root.json'),
    ]);
    expect(VALID).toContain(verified.exit);
  });

  it('hands the identity token to neither program', async () => {
    const work = place();
    const token = stack.oidc.mint('/k8s', {});
    const flags = ['--out', join(work, 'out'), '--verbose', ...signingFlags(work).slice(2), '--format', 'json'];
    const ended = await assay(['run', ...flags], { ASSAY_IDENTITY_TOKEN: token });

    expect([ended.exit, JSON.parse(ended.stdout)], ended.stderr).toMatchObject([expect.any(Number), { trust: 'sigstore' }]);
    expect(VALID).toContain(ended.exit);
    expect(ended.stderr + ended.stdout).not.toContain(token.split('.')[2]);
  });
});

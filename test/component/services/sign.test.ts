import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findIdentity } from '#core/sign/identity/identity-source.ts';
import { checkOwnBundle } from '#core/sign/own-bundle.ts';
import { signStatement } from '#core/sign/sign-statement.ts';
import { RUNNER_SECRET } from '../../../tools/services/oidc-issuer.ts';
import { startStack, type Stack } from '../../../tools/services/stack.ts';
import { place, routeTo, skipServices, tokenFor, tool, WHY_SKIPPED } from '../../fixture/services.ts';
import { editable, statementOf } from '../../fixture/sigstore/lab-bundle.ts';

const WORKFLOW = 'https://github.com/acme/evidence/.github/workflows/attest.yml@refs/heads/main';
const COLLECTOR = 'https://kubernetes.io/namespaces/evidence/serviceaccounts/collector';
const statement = statementOf('ab'.repeat(32));

describe.skipIf(skipServices)(`keyless signing at real services ${WHY_SKIPPED}`, () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());

  it.each([
    ['a service account', '/k8s', (): string => COLLECTOR],
    ['a person', '/email', (): string => 'person@example.test'],
    ['a URI', '/uri', (): string => `${stack.oidc.url}/users/1`],
    ['a workflow', '/gha', (): string => WORKFLOW],
  ] as const)('certifies %s and logs in Rekor v2', async (_, path, identity) => {
    const { signer, trust, sigstoreBundle } = await signStatement(statement, routeTo(stack, { token: tokenFor(stack, path) }));

    expect({ identity: signer.identity, issuer: signer.issuer, trust }).toEqual({
      identity: identity(),
      issuer: stack.oidc.url + path,
      trust: 'sigstore',
    });
    expect(editable(sigstoreBundle)['verificationMaterial'].tlogEntries[0].kindVersion).toEqual({ kind: 'hashedrekord', version: '0.0.2' });
  });

  it('logs in Rekor v1 too, with its own time and a timestamp', async () => {
    const services = { ...routeTo(stack).services, rekor: { url: new URL(stack.rekorV1.url), apiVersion: 1 as const } };

    const { sigstoreBundle } = await signStatement(statement, routeTo(stack, { services }));

    const { tlogEntries, timestampVerificationData } = editable(sigstoreBundle)['verificationMaterial'];
    expect(tlogEntries[0].kindVersion).toEqual({ kind: 'dsse', version: '0.0.1' });
    expect(timestampVerificationData.rfc3161Timestamps).toHaveLength(1);
  });

  it('signs for a service account whose token carries an e-mail address too', async () => {
    const token = tokenFor(stack, '/k8s', { email: 'robot@example.test', email_verified: true });

    expect((await signStatement(statement, routeTo(stack, { token }))).signer.identity).toBe(COLLECTOR);
  });

  it('makes many signatures with one token at the same time', async () => {
    const route = routeTo(stack);

    const signed = await Promise.all(Array.from({ length: 8 }, () => signStatement(statement, route)));

    expect(new Set(signed.map(({ sigstoreBundle }) => editable(sigstoreBundle)['verificationMaterial'].certificate.rawBytes)).size).toBe(8);
  });

  it('gives a bundle that the Sigstore verifier and cosign accept with the root, and refuse for another identity', async () => {
    const work = place();
    const { sigstoreBundle } = await signStatement(statement, routeTo(stack));
    writeFileSync(join(work, 'bundle.json'), sigstoreBundle);
    writeFileSync(join(work, 'root.json'), stack.trustedRoot);
    const cosign = (identity: string) =>
      tool(
        'cosign',
        [
          'verify-blob-attestation',
          '--bundle=bundle.json',
          '--trusted-root=root.json',
          `--certificate-identity=${identity}`,
          `--certificate-oidc-issuer=${stack.oidc.url}/k8s`,
          '--type=https://aicr.run/recipe-evidence/v1',
          `--digest=${'ab'.repeat(32)}`,
          '--digestAlg=sha256',
        ],
        work,
      );

    const root: unknown = JSON.parse(Buffer.from(stack.trustedRoot).toString());
    const verified = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(root))).verify(
      toSignedEntity(bundleFromJSON(editable(sigstoreBundle))),
    );

    expect(verified.identity?.subjectAlternativeName).toBe(COLLECTOR);
    expect(await cosign(COLLECTOR)).toMatchObject({ exit: 0 });
    expect((await cosign(`${COLLECTOR}-evil`)).exit).not.toBe(0);
  });

  it("reads cosign's own bundle as it reads ours", async () => {
    const work = place();
    const files = {
      'statement.json': statement,
      'signing.json': stack.signingConfig,
      'root.json': stack.trustedRoot,
      token: Buffer.from(stack.oidc.mint('/email')),
    };
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(work, name), bytes);

    const signed = await tool(
      'cosign',
      [
        'attest-blob',
        '--yes',
        '--statement=statement.json',
        '--signing-config=signing.json',
        '--trusted-root=root.json',
        '--identity-token=token',
        '--bundle=cosign.json',
      ],
      work,
    );

    expect(signed).toMatchObject({ exit: 0 });
    const theirs = readFileSync(join(work, 'cosign.json'));
    const payload = Buffer.from(editable(theirs)['dsseEnvelope'].payload, 'base64');
    expect(checkOwnBundle(theirs, { statement: payload, trustedRoot: stack.trustedRoot }).identity).toBe('person@example.test');
  });

  it('refuses its own signature when the trusted root is of other services', async () => {
    const other: { tlogs: unknown[] } = JSON.parse(Buffer.from(stack.trustedRoot).toString());
    const trustedRoot = Buffer.from(JSON.stringify({ ...other, tlogs: [] }));

    await expect(signStatement(statement, routeTo(stack, { trustedRoot }))).rejects.toMatchObject({ code: 'SIGNING_REJECTED', exit: 3 });
  });
});

describe.skipIf(skipServices)(`identity from real endpoints ${WHY_SKIPPED}`, () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());

  const github = () => ({
    ACTIONS_ID_TOKEN_REQUEST_URL: `${stack.oidc.url}/gha-token?api-version=2`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: RUNNER_SECRET,
  });

  it('asks GitHub Actions for a token with the right audience', async () => {
    expect(await findIdentity({ env: github() }, Date.now())).toMatchObject({ issuer: `${stack.oidc.url}/gha` });
  });

  it('says so when GitHub refuses, and does not go on to another source', async () => {
    const env = { ...github(), ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'wrong' };
    const projectedTokenFile = join(place(), 'token');
    writeFileSync(projectedTokenFile, stack.oidc.mint('/k8s'));

    await expect(findIdentity({ env, projectedTokenFile }, Date.now())).rejects.toMatchObject({
      code: 'IDENTITY_SOURCE_FAILED',
      message: expect.stringContaining('401') as string,
    });
  });

  it('signs in through the device flow once the person has entered the code', async () => {
    const said: string[] = [];
    const prompt = (text: string): void => {
      said.push(text);
      stack.oidc.approve(/code (\w+)$/.exec(text)?.[1] ?? '');
    };

    const token = await findIdentity(
      { env: {}, deviceFlow: { issuer: `${stack.oidc.url}/email`, clientId: 'sigstore', prompt } },
      Date.now(),
    );

    expect(token.issuer).toBe(`${stack.oidc.url}/email`);
    expect(said).toEqual([expect.stringMatching(/^To sign, open http:\/\/127\.0\.0\.1:\d+\/approve and enter the code \w+$/)]);
  });

  it('does not take a device flow token that is for another client', async () => {
    const deviceFlow = {
      issuer: `${stack.oidc.url}/email`,
      clientId: 'other',
      prompt: (text: string) => stack.oidc.approve(/code (\w+)$/.exec(text)?.[1] ?? ''),
    };
    const token = await findIdentity({ env: {}, deviceFlow }, Date.now());

    // The local issuer always mints for signing; what matters is that the audience is checked at all.
    expect(token.issuer).toBe(`${stack.oidc.url}/email`);
    await expect(findIdentity({ env: {}, deviceFlow, audience: 'elsewhere' }, Date.now())).rejects.toMatchObject({
      code: 'IDENTITY_TOKEN_AUDIENCE',
    });
  });

  it('refuses an issuer that is not the one in its discovery document', async () => {
    const deviceFlow = { issuer: `${stack.oidc.url}/email/`, clientId: 'sigstore', prompt: () => undefined };

    await expect(findIdentity({ env: {}, deviceFlow }, Date.now())).rejects.toMatchObject({ code: 'IDENTITY_SOURCE_FAILED' });
  });
});

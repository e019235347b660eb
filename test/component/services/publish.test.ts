import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registryStore } from '#core/oci/registry/registry-store.ts';
import { parsePointer } from '#core/publish/pointer-file.ts';
import { startFaultProxy } from '../../../tools/services/fault-proxy.ts';
import { startStack, type Stack } from '../../../tools/services/stack.ts';
import { assay, place, skipServices, tool, WHY_SKIPPED } from '../../fixture/services.ts';
import { honestEvidence, writeFiles } from '../../fixture/verify/evidence.ts';

const COLLECTOR = 'https://kubernetes.io/namespaces/evidence/serviceaccounts/collector';
const TYPE = 'https://aicr.run/recipe-evidence/v1';

interface Workplace {
  readonly root: string;
  readonly bundle: string;
  readonly signing: readonly string[];
}

describe.skipIf(skipServices)(`from a bundle to verified evidence in a registry ${WHY_SKIPPED}`, () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.stop());

  /** A fresh bundle directory, and the flags that sign it at the stack. */
  function workplace(config: Uint8Array = stack.signingConfig): Workplace {
    const root = place();
    const bundle = join(root, 'out/summary-bundle');
    mkdirSync(bundle, { recursive: true });
    writeFiles(bundle, honestEvidence().files);
    const [token, signingConfig, trustedRoot] = ['token', 'signing.json', 'root.json'].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(token, stack.oidc.mint('/k8s'));
    writeFileSync(signingConfig, config);
    writeFileSync(trustedRoot, stack.trustedRoot);
    return {
      root,
      bundle,
      signing: ['--identity-token-file', token, '--signing-config', signingConfig, '--trusted-root', trustedRoot, '--format', 'json'],
    };
  }

  function verify(input: string, root: string): ReturnType<typeof assay> {
    const pins = ['--expected-identity', COLLECTOR, '--expected-issuer', `${stack.oidc.url}/k8s`, '--require-signature'];
    return assay(['verify', input, '--trusted-root', join(root, 'root.json'), ...pins, '--max-age', '100y', '--format', 'json']);
  }

  it.each(['registry', 'plainRegistry'] as const)(
    'signs, publishes and verifies by pointer in the %s, and cosign agrees',
    async (which) => {
      const { root, bundle, signing } = workplace();
      const repository = `${stack[which]}/team/evidence`;

      const signed = await assay(['sign', bundle, ...signing]);
      const published = await assay(['publish', bundle, '--push', repository, '--format', 'json']);

      expect(JSON.parse(signed.stdout)).toMatchObject({ exit: 0, outcome: 'signed', signer: { identity: COLLECTOR } });
      const { digest, oci, pointer, commitAs } = JSON.parse(published.stdout) as {
        digest: string;
        oci: string;
        pointer: string;
        commitAs: string;
      };
      expect({ exit: published.exit, digest }).toEqual({ exit: 0, digest: JSON.parse(signed.stdout).digest });
      expect(parsePointer(readFileSync(pointer)).attestations[0]).toMatchObject({
        bundle: { oci, digest },
        signer: { identity: COLLECTOR },
      });
      expect(commitAs).toMatch(new RegExp(`^recipes/evidence/[a-z0-9-]+/[0-9a-f]{32}/${digest.replace(':', '-')}.yaml$`));

      const verdict = await verify(pointer, root);
      expect({ exit: verdict.exit, signer: JSON.parse(verdict.stdout).signer.identity }).toEqual({ exit: 0, signer: COLLECTOR });
      const identity = [
        `--certificate-identity=${COLLECTOR}`,
        `--certificate-oidc-issuer=${stack.oidc.url}/k8s`,
        `--type=${TYPE}`,
        '--trusted-root=root.json',
      ];
      expect(await tool('cosign', ['verify-attestation', ...identity, `${repository}@${digest}`], root)).toMatchObject({ exit: 0 });
      writeFileSync(join(root, 'manifest'), (await tool('crane', ['manifest', '--insecure', `${repository}@${digest}`])).stdout);
      expect(
        await tool(
          'cosign',
          ['verify-blob-attestation', `--bundle=${join(bundle, 'attestation.intoto.jsonl')}`, ...identity, 'manifest'],
          root,
        ),
      ).toMatchObject({ exit: 0 });
    },
  );

  it('is caught by both when the registry gives other bytes', async () => {
    const { root, bundle, signing } = workplace();
    const repository = 'team/tampered';
    await assay(['sign', bundle, ...signing]);
    const { digest } = JSON.parse(
      (await assay(['publish', bundle, '--push', `${stack.plainRegistry}/${repository}`, '--format', 'json'])).stdout,
    ) as { digest: string };
    const proxy = await startFaultProxy(`http://${stack.plainRegistry}`);
    const host = proxy.url.slice('http://'.length);
    const reference = `${host}/${repository}@${digest}`;
    const identity = [
      `--certificate-identity=${COLLECTOR}`,
      `--certificate-oidc-issuer=${stack.oidc.url}/k8s`,
      `--type=${TYPE}`,
      '--trusted-root=root.json',
    ];
    expect([
      (await verify(reference, root)).exit,
      (await tool('cosign', ['verify-attestation', ...identity, reference], root)).exit,
    ]).toEqual([0, 0]);

    proxy.setFault(({ path }) =>
      path.includes('/blobs/')
        ? { kind: 'edit-answer', edit: (body) => Buffer.from(body.toString('latin1').replace('a', 'b'), 'latin1') }
        : undefined,
    );

    const verdict = await verify(reference, root);
    expect({ exit: verdict.exit, codes: JSON.parse(verdict.stdout).findings.map(({ code }: { code: string }) => code) }).toEqual({
      exit: 2,
      codes: ['DIGEST_MISMATCH'],
    });
    expect((await tool('cosign', ['verify-attestation', ...identity, reference], root)).exit).not.toBe(0);
    await proxy.close();
  });

  it('gives the same digest when it is published unsigned and signed where it is', async () => {
    const first = workplace();
    const second = workplace();
    await assay(['sign', first.bundle, ...first.signing]);
    const here = JSON.parse((await assay(['publish', first.bundle, '--push', `${stack.registry}/team/here`, '--format', 'json'])).stdout);

    const pending = await assay(['publish', second.bundle, '--push', `${stack.registry}/team/there:v1`, '--format', 'json']);
    const signed = await assay(['sign', `${stack.registry}/team/there:v1`, ...second.signing]);

    expect({ exit: pending.exit, pending: JSON.parse(pending.stdout).pending }).toEqual({ exit: 1, pending: true });
    expect([JSON.parse(pending.stdout).digest, JSON.parse(signed.stdout).digest]).toEqual([here.digest, here.digest]);
    expect((await verify(`${stack.registry}/team/there@${here.digest}`, second.root)).exit).toBe(0);
  });

  it('carries the signatures of two signers, and verifies as either', async () => {
    const { root, bundle, signing } = workplace();
    await assay(['sign', bundle, ...signing]);
    const { digest } = JSON.parse(
      (await assay(['publish', bundle, '--push', `${stack.registry}/team/both:v1`, '--format', 'json'])).stdout,
    ) as { digest: string };
    writeFileSync(join(root, 'token'), stack.oidc.mint('/email'));

    const countersigned = await assay(['sign', `${stack.registry}/team/both:v1`, ...signing]);

    expect(JSON.parse(countersigned.stdout)).toMatchObject({ digest, signer: { identity: 'person@example.test' } });
    const reference = `${stack.registry}/team/both@${digest}`;
    const asPerson = await assay([
      'verify',
      reference,
      '--trusted-root',
      join(root, 'root.json'),
      '--expected-identity',
      'person@example.test',
      '--expected-issuer',
      `${stack.oidc.url}/email`,
      '--max-age',
      '100y',
      '--format',
      'json',
    ]);
    expect([(await verify(reference, root)).exit, asPerson.exit]).toEqual([0, 0]);
    expect((await assay(['show', reference, '--format', 'json'])).stdout).toContain('person@example.test');
  });

  it('comes back out of the registry file by file, as directory and as archive', async () => {
    const { root, bundle, signing } = workplace();
    await assay(['sign', bundle, ...signing]);
    const published = JSON.parse(
      (await assay(['publish', bundle, '--push', `${stack.plainRegistry}/team/pull`, '--format', 'json'])).stdout,
    ) as { pointer: string; digest: string };

    const pulled = await assay(['pull', published.pointer, '-o', join(root, 'pulled'), '--format', 'json']);
    await assay(['pull', `${stack.plainRegistry}/team/pull@${published.digest}`, '-o', join(root, 'pulled.tar.gz')]);

    const { files } = JSON.parse(pulled.stdout) as { files: string[] };
    expect(files.map((file) => readFileSync(join(root, 'pulled', file)).equals(readFileSync(join(bundle, file))))).toEqual(
      files.map(() => true),
    );
    expect([(await verify(join(root, 'pulled'), root)).exit, (await verify(join(root, 'pulled.tar.gz'), root)).exit]).toEqual([0, 0]);
    const listed = JSON.parse((await assay(['list', `${stack.plainRegistry}/team/pull`, '--format', 'json'])).stdout) as {
      artifacts: unknown[];
    };
    expect(listed.artifacts).toEqual([
      expect.objectContaining({ digest: published.digest, isEvidence: true, signatures: 1, recipe: 'h100-eks-ubuntu-training' }),
    ]);
  });

  it('ends with exit 3 and a pending file when a service is out, and the same command finishes it', async () => {
    const proxy = await startFaultProxy(stack.fulcioUrl);
    const config = JSON.parse(Buffer.from(stack.signingConfig).toString()) as { caUrls: { url: string }[] };
    const { root, bundle, signing } = workplace(
      Buffer.from(JSON.stringify({ ...config, caUrls: [{ ...config.caUrls[0], url: proxy.url }] })),
    );
    proxy.setFault(() => ({ kind: 'answer', status: 403 }));

    const failed = await assay(['sign', bundle, ...signing]);

    const pending = join(root, 'out/pending-signature.json');
    const { exit, error } = JSON.parse(failed.stdout) as { exit: number; error: { code: string; details: unknown } };
    expect({ os: failed.exit, exit, code: error.code, details: error.details }).toEqual({
      os: 3,
      exit: 3,
      code: 'FULCIO_REFUSED',
      details: { httpStatus: 403, pending },
    });
    const { subject, ...left } = JSON.parse(readFileSync(pending, 'utf8')) as { subject: { digest: string } };
    expect(left).toMatchObject({ input: bundle, reason: { code: 'FULCIO_REFUSED' } });
    expect(existsSync(join(bundle, 'attestation.intoto.jsonl'))).toBe(false);
    expect(readFileSync(pending, 'utf8')).not.toContain(readFileSync(join(root, 'token'), 'utf8'));

    proxy.setFault(() => undefined);
    const finished = await assay(['sign', bundle, ...signing]);
    expect({ exit: finished.exit, digest: JSON.parse(finished.stdout).digest, left: existsSync(pending) }).toEqual({
      exit: 0,
      digest: subject.digest,
      left: false,
    });
    await proxy.close();
  });

  it('delivers a signature that was made before the registry failed, without signing again', async () => {
    const { root, bundle, signing } = workplace();
    await assay(['publish', bundle, '--push', `${stack.plainRegistry}/team/deliver:v1`]);
    const proxy = await startFaultProxy(`http://${stack.plainRegistry}`);
    const reference = `${proxy.url.slice('http://'.length)}/team/deliver:v1`;
    proxy.setFault(({ method }) => (method === 'PUT' ? { kind: 'answer', status: 403 } : undefined));
    const pendingFile = join(root, 'pending.json');

    const failed = await assay(['sign', reference, ...signing, '--pending', pendingFile]);
    proxy.setFault(() => undefined);
    writeFileSync(join(root, 'token'), 'no token any more');
    const finished = await assay(['sign', reference, ...signing, '--pending', pendingFile]);

    expect({ exit: failed.exit, code: JSON.parse(failed.stdout).error.code }).toEqual({ exit: 3, code: 'REGISTRY_FORBIDDEN' });
    expect(JSON.parse(finished.stdout)).toMatchObject({ exit: 0, outcome: 'finished', signer: { identity: COLLECTOR } });
    expect(existsSync(pendingFile)).toBe(false);
    await proxy.close();
  });

  it.each([
    ['no identity at all', (w: Workplace) => ['sign', w.bundle, '--format', 'json'], 'IDENTITY_MISSING'],
    [
      'one service named alone',
      (w: Workplace) => ['sign', w.bundle, '--fulcio-url', 'https://fulcio.invalid', '--format', 'json'],
      'SIGNING_SERVICES_INVALID',
    ],
    [
      'a token for another audience',
      (w: Workplace) => [
        'sign',
        w.bundle,
        ...w.signing,
        '--identity-token',
        stack.oidc.mint('/k8s', { aud: 'https://kubernetes.default.svc' }),
      ],
      'IDENTITY_TOKEN_AUDIENCE',
    ],
    [
      'an expired token',
      (w: Workplace) => ['sign', w.bundle, ...w.signing, '--identity-token', stack.oidc.mint('/k8s', { exp: 1 })],
      'IDENTITY_TOKEN_EXPIRED',
    ],
  ])('is left pending by %s: exit 3, nothing sent, nothing half signed', async (_, args, code) => {
    const work = workplace();

    const failed = await assay(args(work));

    expect({ exit: failed.exit, code: JSON.parse(failed.stdout).error.code }).toEqual({ exit: 3, code });
    expect(existsSync(join(work.root, 'out/pending-signature.json'))).toBe(true);
    expect(existsSync(join(work.bundle, 'attestation.intoto.jsonl'))).toBe(false);
    expect(failed.stdout + failed.stderr).not.toMatch(/eyJ[\w-]{10}/);
  });

  it('is refused when the bundle contradicts itself, before anybody is asked to sign', async () => {
    const work = workplace();
    writeFileSync(join(work.bundle, 'recipe.yaml'), 'changed');

    const signed = await assay(['sign', work.bundle, ...work.signing]);
    const published = await assay(['publish', work.bundle, '--push', `${stack.registry}/team/bad`, '--format', 'json']);

    expect([signed, published].map(({ exit, stdout }) => ({ exit, code: JSON.parse(stdout).error.code }))).toEqual([
      { exit: 2, code: 'BUNDLE_INVALID' },
      { exit: 2, code: 'BUNDLE_INVALID' },
    ]);
  });

  it('is not published with a signature that is about other content', async () => {
    const work = workplace();
    await assay(['sign', work.bundle, ...work.signing]);
    writeFiles(work.bundle, honestEvidence({ toolVersion: '9.9.9' }).files);

    const published = await assay(['publish', work.bundle, '--push', `${stack.registry}/team/stale`, '--format', 'json']);

    expect({ exit: published.exit, code: JSON.parse(published.stdout).error.code }).toEqual({ exit: 2, code: 'SIGNATURE_STALE' });
    expect(await registryStore({ registry: stack.registry, repository: 'team/stale' }, {}).resolve('v1')).toBeUndefined();
  });
});

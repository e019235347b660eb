import { X509Certificate as NodeCertificate } from 'node:crypto';
import { bundleFromJSON } from '@sigstore/bundle';
import { X509Certificate } from '@sigstore/core';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { describe, expect, it } from 'vitest';
import { labIdentity } from '#core/sign/lab/identity.ts';
import { checkOwnBundle } from '#core/sign/own-bundle.ts';
import { editable, fixedClock, signInTest, statementOf } from '../../fixture/sigstore/lab-bundle.ts';

function rootOf(bytes: Uint8Array | undefined): unknown {
  return JSON.parse(Buffer.from(bytes ?? []).toString());
}

function verifyAs(bundle: unknown, root: unknown, policy = {}): unknown {
  return new Verifier(toTrustMaterial(TrustedRoot.fromJSON(root))).verify(toSignedEntity(bundleFromJSON(bundle)), policy).identity;
}

describe('a lab signature', () => {
  it('is accepted by the Sigstore verifier with its own root, identity and issuer', async () => {
    const { sigstoreBundle, trustedRoot } = await signInTest();

    const identity = verifyAs(editable(sigstoreBundle), rootOf(trustedRoot), {
      subjectAlternativeName: '^https://lab\\.assay\\.invalid/local/tester@bench-1$',
      extensions: { issuer: 'https://lab.assay.invalid' },
    });

    expect(identity).toMatchObject({
      subjectAlternativeName: 'https://lab.assay.invalid/local/tester@bench-1',
      extensions: { issuer: 'https://lab.assay.invalid' },
    });
  });

  it('names its signer without a log index, because upstream reads index 0 as none', async () => {
    const { signer, trust } = await signInTest();

    expect({ signer, trust }).toEqual({
      signer: { identity: 'https://lab.assay.invalid/local/tester@bench-1', issuer: 'https://lab.assay.invalid' },
      trust: 'lab',
    });
  });

  it('is refused with the root of another lab authority of the same name', async () => {
    const [one, other] = [await signInTest(), await signInTest()];

    expect(() => verifyAs(editable(one.sigstoreBundle), rootOf(other.trustedRoot))).toThrow();
  });

  it.each(['certificateAuthorities', 'tlogs', 'ctlogs'])('is refused when only the %s come from another lab authority', async (part) => {
    const [one, other] = [await signInTest(), await signInTest()];
    const mixed = { ...(rootOf(one.trustedRoot) as object), [part]: (rootOf(other.trustedRoot) as Record<string, unknown>)[part] };

    expect(() => verifyAs(editable(one.sigstoreBundle), mixed)).toThrow();
  });

  it('has a certificate in the shape Fulcio gives', async () => {
    const raw = Buffer.from(editable((await signInTest()).sigstoreBundle)['verificationMaterial'].certificate.rawBytes, 'base64');
    const [leaf, node] = [X509Certificate.parse(raw), new NodeCertificate(raw)];
    const oids = leaf.extensions.map((extension) => extension.subs[0]?.toOID());

    expect(leaf.root.subs[0]?.subs[5]?.toDER().toString('hex')).toBe('3000');
    expect(node.keyUsage).toEqual(['1.3.6.1.5.5.7.3.3']);
    expect(leaf.extKeyUsage).toMatchObject({ critical: true, digitalSignature: true });
    expect(oids).toEqual([
      '2.5.29.15',
      '2.5.29.37',
      '2.5.29.14',
      '2.5.29.35',
      '2.5.29.17',
      '1.3.6.1.4.1.57264.1.1',
      '1.3.6.1.4.1.57264.1.8',
      '1.3.6.1.4.1.11129.2.4.2',
    ]);
    expect(leaf.extSubjectAltName?.critical).toBe(true);
    expect(leaf.notAfter.getTime() - leaf.notBefore.getTime()).toBe(600_000);
    expect(leaf.notBefore.getTime()).toBe(Math.floor(fixedClock.nowMs() / 1000) * 1000);
  });

  it('carries a certificate authority that can sign leaves only', async () => {
    const root = rootOf((await signInTest()).trustedRoot) as {
      certificateAuthorities: { certChain: { certificates: { rawBytes: string }[] } }[];
    };
    const ca = X509Certificate.parse(Buffer.from(root.certificateAuthorities[0]?.certChain.certificates[0]?.rawBytes ?? '', 'base64'));

    expect({ isCA: ca.isCA, pathLength: ca.extBasicConstraints?.pathLenConstraint }).toEqual({ isCA: true, pathLength: 0n });
  });

  it('uses every key once: two signatures share no key, certificate or log', async () => {
    const [one, other] = [await signInTest(), await signInTest()].map(
      (signed) => rootOf(signed.trustedRoot) as { tlogs: { logId: unknown }[]; ctlogs: { logId: unknown }[] },
    );

    expect(one?.tlogs[0]?.logId).not.toEqual(other?.tlogs[0]?.logId);
    expect(one?.ctlogs[0]?.logId).not.toEqual(other?.ctlogs[0]?.logId);
  });
});

describe('a lab identity', () => {
  it.each([
    ['user name with an at sign', 'a@b', 'host', 'https://lab.assay.invalid/local/a%40b@host'],
    ['a host with a slash', 'u', 'a/b', 'https://lab.assay.invalid/local/u@a%2Fb'],
    ['letters beyond ASCII', 'jürg', 'büro', 'https://lab.assay.invalid/local/j%C3%BCrg@b%C3%BCro'],
    ['no name at all', '', ' ', 'https://lab.assay.invalid/local/unknown@unknown'],
    ['half a character', '\u{d800}', 'h', 'https://lab.assay.invalid/local/%EF%BF%BD@h'],
  ])('escapes %s', (_, user, host, identity) => {
    expect(labIdentity(user, host)).toBe(identity);
  });
});

describe('the check of our own signature', () => {
  it('refuses a bundle that signs other bytes', async () => {
    const { sigstoreBundle, trustedRoot } = await signInTest();

    expect(() =>
      checkOwnBundle(sigstoreBundle, { statement: statementOf('cd'.repeat(32)), trustedRoot: trustedRoot ?? new Uint8Array() }),
    ).toThrow(expect.objectContaining({ code: 'SIGNING_REJECTED' }));
  });

  it('refuses a bundle that the root does not cover', async () => {
    const [one, other] = [await signInTest(), await signInTest()];

    expect(() =>
      checkOwnBundle(one.sigstoreBundle, { statement: statementOf('ab'.repeat(32)), trustedRoot: other.trustedRoot ?? new Uint8Array() }),
    ).toThrow(expect.objectContaining({ code: 'SIGNING_REJECTED' }));
  });

  it('refuses every flipped bit of a sample over the whole document', async () => {
    const { sigstoreBundle, trustedRoot } = await signInTest();
    const accepted: string[] = [];
    for (let bit = 0; bit < sigstoreBundle.length * 8; bit += 17) {
      const damaged = Buffer.from(sigstoreBundle);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        checkOwnBundle(damaged, { statement: statementOf('ab'.repeat(32)), trustedRoot: trustedRoot ?? new Uint8Array() });
        accepted.push(`byte ${bit >> 3} bit ${bit & 7}`);
      } catch {
        // refused, as it must be
      }
    }

    expect(accepted).toEqual([]);
  });
});

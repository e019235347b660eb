import { beforeAll, describe, expect, it } from 'vitest';
import { isLabRoot, rootKind } from '#core/attestation/lab-trust.ts';
import { signInTest } from '../../fixture/sigstore/lab-bundle.ts';

interface Root {
  certificateAuthorities: { subject: { organization: string }; uri: string; certChain: { certificates: { rawBytes: string }[] } }[];
  tlogs: { baseUrl: string }[];
  ctlogs: { baseUrl: string }[];
}

let lab: Root;
const services = {
  certificateAuthorities: [{ subject: { organization: 'sigstore.dev' }, uri: 'https://fulcio.example' }],
  tlogs: [{ baseUrl: 'https://rekor.example' }],
  ctlogs: [],
};

beforeAll(async () => {
  const { trustedRoot } = await signInTest();
  lab = JSON.parse(Buffer.from(trustedRoot ?? []).toString()) as Root;
});

describe('the kind of a trusted root', () => {
  it('is lab for a root that a lab authority made', () => {
    expect(rootKind(lab)).toBe('lab');
  });

  it('is services for a root without any lab part', () => {
    expect(rootKind(services)).toBe('services');
    expect(isLabRoot(services)).toBe(false);
  });

  it('is mixed when lab parts were joined with others', () => {
    expect(rootKind({ ...services, certificateAuthorities: [...services.certificateAuthorities, ...lab.certificateAuthorities] })).toBe(
      'mixed',
    );
    expect(rootKind({ ...lab, tlogs: services.tlogs })).toBe('mixed');
  });

  it('shows a lab authority whose labels were edited away by the name in its own certificate', () => {
    const disguised = structuredClone(lab);
    for (const authority of disguised.certificateAuthorities)
      Object.assign(authority, { subject: { organization: 'sigstore.dev' }, uri: 'https://fulcio.example' });

    expect(isLabRoot({ certificateAuthorities: disguised.certificateAuthorities })).toBe(true);
  });

  it.each([
    [undefined],
    [null],
    ['text'],
    [[]],
    [{ tlogs: 'x' }],
    [{ certificateAuthorities: [null, 1, { certChain: { certificates: [{ rawBytes: 1 }, { rawBytes: 'AAAA' }] } }] }],
  ])('is services for %j, which verifies nothing', (value) => {
    expect(rootKind(value)).toBe('services');
  });
});

import { describe, expect, it } from 'vitest';
import { verifyEvidence } from '#core/verify/verify-evidence.ts';
import type { Verdict } from '#core/verify/verdict.ts';
import type { VerifyOptions } from '#core/verify/verify-options.ts';
import { honestEvidence, NOW_MS, scratch, sealedRun, signEvidence, writeFiles, type Files } from '../../fixture/verify/evidence.ts';

async function verifyFiles(files: Files, options: VerifyOptions = {}): Promise<Verdict> {
  using directory = scratch();
  return await verifyEvidence(writeFiles(directory.path, files), { nowMs: NOW_MS, ...options });
}

function statuses(verdict: Verdict): readonly string[] {
  return verdict.steps.map(({ name, status }) => `${name} ${status}`);
}

function weighty(verdict: Verdict): readonly string[] {
  return verdict.findings.filter(({ severity }) => severity !== 'info').map(({ code }) => code);
}

describe('verifying honest evidence', () => {
  it('passes every step of a signed bundle and says whose word it rests on', async () => {
    const { files, trustedRoot } = await signEvidence(honestEvidence());

    const verdict = await verifyFiles(files, { trustedRoot, requireSignature: true });

    expect(statuses(verdict)).toEqual([
      'materialize passed',
      'signature passed',
      'predicate passed',
      'inventory passed',
      'recipe passed',
      'binding passed',
      'replay passed',
      'results passed',
      'bom passed',
      'coverage passed',
      'redaction passed',
      'age passed',
    ]);
    const { exit, verdict: word, trust, signer, recipeName, ageDays, coverage, pending, failureCause, input, mode } = verdict;
    expect({ exit, word, trust, signer, recipeName, ageDays, coverage, pending, failureCause, input, mode }).toEqual({
      exit: 0,
      word: 'valid',
      trust: 'lab',
      signer: { identity: 'https://lab.assay.invalid/local/tester@bench-1', issuer: 'https://lab.assay.invalid' },
      recipeName: 'h100-eks-ubuntu-training',
      ageDays: 0,
      coverage: { expected: 3, reported: 3, missing: [] },
      pending: undefined,
      failureCause: undefined,
      input: 'dir',
      mode: 'full',
    });
  });

  it('ends with 1 and pending for the same bundle without a signature', async () => {
    const verdict = await verifyFiles(honestEvidence().files);

    expect([verdict.exit, verdict.verdict, verdict.pending, verdict.trust, weighty(verdict)]).toEqual([
      1,
      'valid-with-findings',
      true,
      'none',
      ['SIGNATURE_PENDING'],
    ]);
  });

  it.each([
    { requireSignature: true },
    { expectedIssuer: 'https://issuer.test' },
    { expectedIdentity: 'me@example.test' },
    { expectedIdentityRegexp: '.*' },
  ])('ends with 2 for an unsigned bundle when %j is asked for', async (options) => {
    const verdict = await verifyFiles(honestEvidence().files, options);

    expect([verdict.exit, weighty(verdict), verdict.predicate]).toEqual([2, ['SIGNATURE_REQUIRED'], undefined]);
  });

  it('counts an absent node as a finding', async () => {
    const [first, second] = sealedRun().reports;
    const run = sealedRun({
      reports: [first, second].filter((report) => report !== undefined),
      absences: [{ node: sealedRun().expected[2] ?? first!.node, reason: 'never-connected', detail: 'no agent connected' }],
    });
    const { files, trustedRoot } = await signEvidence(honestEvidence({ run }));

    const verdict = await verifyFiles(files, { trustedRoot });

    expect([verdict.exit, weighty(verdict), verdict.coverage]).toEqual([
      1,
      ['PHASE_FAILED', 'NODE_MISSING'],
      { expected: 3, reported: 2, missing: [{ node: 'node-0003', reason: 'never-connected' }] },
    ]);
  });

  it('proves one node of the signed tree, and refuses one that is not in it', async () => {
    const { files, trustedRoot } = await signEvidence(honestEvidence());

    const known = await verifyFiles(files, { trustedRoot, node: 'node-0002' });
    const unknown = await verifyFiles(files, { trustedRoot, node: 'node-0009' });

    expect([known.exit, known.steps[9]?.subRows?.at(-1)]).toEqual([
      0,
      { key: 'node node-0002', value: 'proof of inclusion recomputed against the root' },
    ]);
    expect([unknown.exit, weighty(unknown)]).toEqual([2, ['NODE_UNPROVEN']]);
  });

  it('calls a full bundle full and does not look for redaction', async () => {
    const { files, trustedRoot } = await signEvidence(honestEvidence({ redaction: 'full' }));

    const verdict = await verifyFiles(files, { trustedRoot });

    expect([verdict.exit, verdict.steps[10]?.status]).toEqual([0, 'skipped']);
  });
});

describe('trust', () => {
  it('refuses a lab bundle when a loaded root does not cover it, and shows nothing of it', async () => {
    const { files } = await signEvidence(honestEvidence());
    const other = await signEvidence(honestEvidence());

    const byPublic = await verifyFiles(files);
    const byOther = await verifyFiles(files, { trustedRoot: other.trustedRoot });

    for (const verdict of [byPublic, byOther])
      expect([verdict.exit, weighty(verdict), verdict.predicate, verdict.signer, verdict.recipeName, verdict.trust]).toEqual([
        2,
        ['SIGNATURE_INVALID'],
        undefined,
        undefined,
        undefined,
        'none',
      ]);
  });

  it.each(['/does/not/exist.json', 'package.json'])('cannot decide when the given root is %s', async (trustedRoot) => {
    const { files } = await signEvidence(honestEvidence());

    const verdict = await verifyFiles(files, { trustedRoot });

    expect([verdict.exit, verdict.verdict, weighty(verdict), verdict.failureCause?.class]).toEqual([
      3,
      'undecided',
      ['TRUST_ROOT_UNAVAILABLE'],
      'unavailable',
    ]);
  });

  it('cannot decide with a root that mixes a lab authority with others', async () => {
    const { files, trustedRoot } = await signEvidence(honestEvidence());
    const [log] = (trustedRoot as { tlogs: object[] }).tlogs;
    const mixed = { ...trustedRoot, tlogs: [log, { ...log, baseUrl: 'https://rekor.example' }] };

    expect((await verifyFiles(files, { trustedRoot: mixed })).exit).toBe(3);
  });

  it('cannot decide with a root whose keys cannot be read', async () => {
    const { files, trustedRoot } = await signEvidence(honestEvidence());
    const broken = { ...trustedRoot, tlogs: [{ baseUrl: 'https://log.lab.assay.invalid' }] };

    const verdict = await verifyFiles(files, { trustedRoot: broken });

    expect([verdict.exit, weighty(verdict)]).toEqual([3, ['TRUST_ROOT_UNAVAILABLE']]);
  });
});

describe('expected signer', () => {
  const identity = 'https://lab.assay.invalid/local/tester@bench-1';
  const issuer = 'https://lab.assay.invalid';

  it.each([
    { expectedIdentity: identity },
    { expectedIssuer: issuer },
    { expectedIdentityRegexp: 'https://lab\\.assay\\.invalid/local/[a-z]+@bench-1' },
    { expectedIdentity: identity, expectedIssuer: issuer },
  ])('is found as %j', async (pins) => {
    const { files, trustedRoot } = await signEvidence(honestEvidence());

    expect((await verifyFiles(files, { trustedRoot, ...pins })).exit).toBe(0);
  });

  it.each([
    { expectedIdentity: `${identity}-evil` },
    { expectedIdentity: identity.slice(0, -1) },
    { expectedIssuer: `${issuer}/` },
    { expectedIdentityRegexp: 'tester@bench' },
    { expectedIdentityRegexp: 'local/tester@bench-1$' },
    { expectedIdentityRegexp: '^https://lab.*/local' },
    { expectedIdentity: identity, expectedIssuer: 'https://other.test' },
  ])('is not found as %j', async (pins) => {
    const { files, trustedRoot } = await signEvidence(honestEvidence());

    const verdict = await verifyFiles(files, { trustedRoot, ...pins });

    expect([verdict.exit, new Set(weighty(verdict)), verdict.predicate, verdict.trust]).toEqual([
      2,
      new Set(['SIGNER_UNEXPECTED']),
      undefined,
      'none',
    ]);
  });

  it('cannot be an expression that RE2 refuses', async () => {
    const { files, trustedRoot } = await signEvidence(honestEvidence());

    for (const expectedIdentityRegexp of ['([', 'a(?=b)'])
      expect(weighty(await verifyFiles(files, { trustedRoot, expectedIdentityRegexp }))).toEqual(['IDENTITY_PATTERN_INVALID']);
  });
});

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { verifyEvidence } from '#core/verify/verify-evidence.ts';
import type { VerifyOptions } from '#core/verify/verify-options.ts';

const DATA = '../shared/data/bundles';
const present = existsSync(DATA);
const work = mkdtempSync(join(tmpdir(), 'assay-upstream-'));

afterAll(() => rmSync(work, { recursive: true, force: true }));

/**
 * Verdicts that differ from upstream's, each with the rule that forces it. The copy of this probe holds a text file where
 * upstream had a link to a file: with the link put back, the two agree (own test below).
 */
const DIFFERENT: Readonly<Record<string, string>> = { 'symlink-file-listed': 'a manifest entry has the size and digest of its file' };

/** Distance of flipped bits in bytes; all bits were tried once. */
const STEP = 13;

interface Case {
  readonly name: string;
  readonly input: string;
  readonly options: VerifyOptions;
  readonly exit: number;
}

function exitIn(text: string): number {
  return Number(/json_exit[=:] ?(\d)/.exec(text)?.[1]);
}

function probeCases(): readonly Case[] {
  const lines = readFileSync(join(DATA, 'probes-summary.tsv'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [name = ''] = line.split('\t');
    return { name, input: join(DATA, 'probes', name, 'summary-bundle'), options: {}, exit: exitIn(line) };
  });
}

function plainCases(): readonly Case[] {
  return ['all-pass', 'failed-phase', 'status-other-pending', 'tampered-ctrf'].map((name) => ({
    name,
    input: join(DATA, name, 'summary-bundle'),
    options: {},
    exit: exitIn(readFileSync(join(DATA, name, 'verify.exit'), 'utf8')),
  }));
}

function signedCases(): readonly Case[] {
  return readdirSync(join(DATA, 'signed/cases')).map((name) => {
    const input = join(work, name);
    cpSync(join(DATA, 'signed/summary-bundle'), input, { recursive: true });
    const source = join(DATA, 'signed/cases', name);
    for (const file of readdirSync(source))
      if (!file.startsWith('verify')) writeFileSync(join(input, file), readFileSync(join(source, file)));
    if (name === 'statement-file-missing') rmSync(join(input, 'statement.intoto.json'));
    const report = readFileSync(join(source, 'verify.exit'), 'utf8');
    return { name, input, options: { trustedRoot: join(DATA, 'signed/trusted_root.json'), ...pinsIn(report) }, exit: exitIn(report) };
  });
}

function pinsIn(report: string): VerifyOptions {
  const issuer = /--expected-issuer (\S+)/.exec(report)?.[1];
  const pattern = /--expected-identity-regexp (\S+)/.exec(report)?.[1];
  return {
    ...(issuer === undefined ? {} : { expectedIssuer: issuer }),
    ...(pattern === undefined ? {} : { expectedIdentityRegexp: pattern }),
  };
}

describe.skipIf(!present)('upstream mode on bundles with upstream verdicts (needs ../shared/data/bundles)', () => {
  it('gives upstream’s JSON exit on every bundle, probe and signed variant', async () => {
    const cases = [...plainCases(), ...probeCases(), ...signedCases()];
    const differing: string[] = [];
    for (const { name, input, options, exit } of cases) {
      const verdict = await verifyEvidence(input, { ...options, upstream: true });
      if (verdict.exit !== exit) differing.push(name);
    }
    process.stdout.write(
      `upstream verdicts: ${cases.length - differing.length} of ${cases.length} agree; ${differing.map((name) => `${name}: ${DIFFERENT[name] ?? 'no rule forces it'}`).join('; ')}\n`,
    );

    expect(differing).toEqual(Object.keys(DIFFERENT));
    expect(cases.length).toBeGreaterThanOrEqual(66);
  });

  it('follows a link to a listed file, as upstream does, and refuses it otherwise', async () => {
    const input = join(work, 'linked');
    cpSync(join(DATA, 'probes/symlink-file-listed/summary-bundle'), input, { recursive: true });
    cpSync(join(DATA, 'probes/ok-manifest-1.0/summary-bundle/snapshot.yaml'), join(work, 'target'));
    rmSync(join(input, 'snapshot.yaml'));
    symlinkSync('../target', join(input, 'snapshot.yaml'));

    expect((await verifyEvidence(input, { upstream: true })).exit).toBe(0);
    expect((await verifyEvidence(input)).findings.map(({ code }) => code)).toEqual(['FILE_KIND_REFUSED']);
  });

  it('ends unsigned evidence with 0 and pending, whatever signer is expected', async () => {
    const { exit, pending } = await verifyEvidence(join(DATA, 'all-pass/summary-bundle'), {
      upstream: true,
      expectedIssuer: 'https://nobody.example',
      expectedIdentityRegexp: '^nobody$',
    });

    expect([exit, pending]).toEqual([0, true]);
  });
});

describe.skipIf(!present)('the full verifier on upstream’s bundles (needs ../shared/data/bundles)', () => {
  it('ends an honest unsigned bundle with 1 and pending', async () => {
    const { exit, pending, steps } = await verifyEvidence(join(DATA, 'all-pass/summary-bundle'));

    expect([exit, pending, steps.filter(({ status }) => status === 'failed')]).toEqual([1, true, []]);
  });

  it('does not let crashed and pending tests pass', async () => {
    const { exit, findings } = await verifyEvidence(join(DATA, 'status-other-pending/summary-bundle'));

    expect([exit, findings.some(({ code }) => code === 'TESTS_INCONCLUSIVE')]).toEqual([1, true]);
  });

  it.each([
    'ok-bom-digest-wrong',
    'ok-ctrf-not-json',
    'ok-phase-counts-disagree-with-ctrf',
    'ok-predicate-only-manifest',
    'ok-predicate-schema-9.9.9',
    'ok-recipe-digest-wrong',
    'ok-statement-subject-wrong-digest',
    'symlink-file-listed',
  ])('refuses %s, which upstream lets pass', async (name) => {
    expect((await verifyEvidence(join(DATA, 'probes', name, 'summary-bundle'))).exit).toBe(2);
  });

  it('verifies a pushed artifact with its signature referrer by digest', async () => {
    const trustedRoot = join(DATA, 'signed/trusted_root.json');
    const verdict = await verifyEvidence(`oci-layout:${DATA}/oci/layout:h100-eks-ubuntu-training-1cdec8857098`, {
      trustedRoot,
      requireSignature: true,
    });

    const failed = verdict.steps.filter(({ status }) => status === 'failed');
    expect([failed, verdict.bundleDigest, verdict.trust]).toEqual([
      [],
      'sha256:b981b1c8e2555d60a7bc78da77a88284b6e295c588b496466fa842a31628b5a3',
      'private',
    ]);
  });

  it('refuses a bit flipped anywhere in a signature with a timestamp of another authority', { timeout: 60_000 }, async () => {
    const input = join(work, 'flipped');
    cpSync(join(DATA, 'signed/summary-bundle'), input, { recursive: true });
    const honest = readFileSync(join(DATA, 'signed/cases/ok-uri/attestation.intoto.jsonl'));
    const options = { trustedRoot: join(DATA, 'signed/trusted_root.json'), requireSignature: true };
    const missed: number[] = [];
    for (let place = 0; place < honest.length; place += STEP) {
      const flipped = Buffer.from(honest);
      flipped[place] = (honest[place] ?? 0) ^ (1 << (place % 8));
      writeFileSync(join(input, 'attestation.intoto.jsonl'), flipped);
      if ((await verifyEvidence(input, options)).exit !== 2) missed.push(place);
    }

    expect(missed).toEqual([]);
  });

  it('accepts the same artifact through the pointer that names its signer', async () => {
    const verdict = await verifyEvidence(join(DATA, 'oci/pointer.signed.yaml'), {
      trustedRoot: join(DATA, 'signed/trusted_root.json'),
      bundle: `oci-layout:${DATA}/oci/layout`,
    });

    expect([verdict.exit, verdict.input, verdict.signer?.rekorLogIndex]).toEqual([1, 'pointer', 3]);
  });
});

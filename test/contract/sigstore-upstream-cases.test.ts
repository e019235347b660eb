import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { describe, expect, it } from 'vitest';
import { parseStrictSigstoreBundle } from '#core/attestation/strict-sigstore-bundle.ts';

const SIGNED = '../shared/data/bundles/signed';
const present = existsSync(SIGNED);
const cases = present ? readdirSync(`${SIGNED}/cases`) : [];
/** Refused by upstream for a reason that the form of the bundle does not show: content, identity, or the signed statement. */
const LATER_CHECKS = [
  'bad-payload-edited',
  'bad-pin-issuer',
  'bad-pin-regexp-syntax',
  'bad-pinned-and-statement-lies',
  'bad-signature-bytes',
  'bad-subject-prefixed-hex',
  'bad-tlog-swapped',
];

function read(path: string): Buffer {
  return readFileSync(`${SIGNED}/${path}`);
}

function strictAccepts(name: string): boolean {
  try {
    parseStrictSigstoreBundle(read(`cases/${name}/attestation.intoto.jsonl`));
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!present)("upstream's signed probes (skipped where the shared test data is absent)", () => {
  it.each(cases.filter((name) => !name.startsWith('bad-')))('%s, accepted there, is well formed here and verifies', (name) => {
    const strict = parseStrictSigstoreBundle(read(`cases/${name}/attestation.intoto.jsonl`));
    const root: unknown = JSON.parse(read('trusted_root.json').toString());
    const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(root)), { ctlogThreshold: 0 });

    expect(verifier.verify(toSignedEntity(bundleFromJSON(strict.json))).identity?.subjectAlternativeName).toBeTypeOf('string');
  });

  it.each(cases.filter((name) => name.startsWith('bad-') && !LATER_CHECKS.includes(name)))(
    '%s, refused there, is refused here by its form alone',
    (name) => {
      expect(strictAccepts(name)).toBe(false);
    },
  );
});

describe.skipIf(!existsSync('../shared/data/sigstore'))(
  'bundles of a full keyless stack (skipped where the shared test data is absent)',
  () => {
    it.each(['k8s-dsse', 'gha-dsse', 'cosign-dsse'])('%s is well formed and verifies', (name) => {
      const strict = parseStrictSigstoreBundle(readFileSync(`../shared/data/sigstore/${name}.sigstore.json`));
      const root: unknown = JSON.parse(readFileSync('../shared/data/sigstore/trusted_root.json', 'utf8'));

      expect(
        new Verifier(toTrustMaterial(TrustedRoot.fromJSON(root))).verify(toSignedEntity(bundleFromJSON(strict.json))).identity?.extensions
          ?.issuer,
      ).toMatch(/^http/);
    });
  },
);

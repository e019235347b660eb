import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readRecipeFile } from '#core/catalog/read-recipe.ts';
import { bareHex } from '#core/digest/sha256.ts';
import { canonicalRecipe } from '#core/recipe/canonical-recipe.ts';
import { parseSnapshot, snapshotYaml } from '#core/snapshot/document.ts';
import { redactSnapshot } from '#core/snapshot/redaction.ts';

const CANONICAL = '../shared/data/bundles/canonical';
const SNAPSHOT = '../shared/data/bundles/all-pass/summary-bundle/snapshot.yaml';
const present = existsSync(`${CANONICAL}/digests.txt`) && existsSync(SNAPSHOT);

describe.skipIf(!present)('canonical texts of the upstream tool (skipped where its files are not at hand)', () => {
  const lines = present ? readFileSync(`${CANONICAL}/digests.txt`, 'utf8').trim().split('\n') : [];
  const vectors = lines.map((line) => line.split(' ')).map(([file = '', digest = '']) => ({ file, digest }));

  it.each(vectors)('$file has digest $digest', async ({ file, digest }) => {
    const canonical = canonicalRecipe(await readRecipeFile(`${CANONICAL}/${file}`));

    expect(bareHex(canonical.digest)).toBe(digest);
  });

  it.each(vectors)('$file has exactly the recorded text', async ({ file }) => {
    const candidates = [`${file}.canonical.yaml`, `${file.replace(/\.\w+$/, '')}.canonical.yaml`].map((name) => `${CANONICAL}/${name}`);
    const expected = candidates.find((path) => existsSync(path)) ?? '';
    const canonical = canonicalRecipe(await readRecipeFile(`${CANONICAL}/${file}`));

    expect(Buffer.from(canonical.bytes).toString()).toBe(readFileSync(expected, 'utf8'));
  });

  it('writes a redacted snapshot byte for byte as recorded', () => {
    const text = readFileSync(SNAPSHOT, 'utf8');
    const snapshot = parseSnapshot(text, 'snapshot.yaml');

    expect(snapshotYaml(redactSnapshot(snapshot).snapshot)).toBe(text);
  });
});

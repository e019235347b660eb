import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { honestEvidence, scratch, signEvidence, writeFiles } from '../fixture/verify/evidence.ts';

function verifyWithoutNetwork(...args: readonly string[]): number | string | null {
  const run = spawnSync(process.execPath, ['--import', './test/fixture/verify/refuse-network.ts', 'cli/main.ts', 'verify', ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return run.status ?? run.signal;
}

describe('assay verify without a network', () => {
  it('verifies a signed bundle directory to the end, with and without --offline', async () => {
    using directory = scratch();
    const { files, trustedRoot } = await signEvidence(honestEvidence());
    const bundle = writeFiles(join(directory.path, 'summary-bundle'), files);
    const root = join(directory.path, 'root.json');
    writeFileSync(root, JSON.stringify(trustedRoot));

    const args = [directory.path, '--trusted-root', root, '--require-signature'];
    expect([verifyWithoutNetwork(...args), verifyWithoutNetwork(...args, '--offline')]).toEqual([0, 0]);
    expect([verifyWithoutNetwork(bundle), verifyWithoutNetwork(bundle, '--offline')]).toEqual([2, 2]);
  });

  it.each([
    ['SIGKILL', []],
    [3, ['--offline']],
  ])('ends with %s for a registry, given %j', (exit, args) => {
    expect(verifyWithoutNetwork(`127.0.0.1:50999/assay/evidence@sha256:${'0'.repeat(64)}`, '--plain-http', ...args)).toBe(exit);
  });
});

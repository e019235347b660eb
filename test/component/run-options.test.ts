import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../fixture/run/assay.ts';
import { assay } from '../fixture/services.ts';

const RUN = ['run', '--lab', '--phase', 'conformance', '--format', 'json', '--quiet'];

interface Predicate {
  readonly redaction?: unknown;
  readonly 'x-assay': { readonly expiresAt?: string; readonly logs?: string };
}

function predicateOf(out: string): Predicate {
  const statement = JSON.parse(readFileSync(join(out, 'summary-bundle/statement.intoto.json'), 'utf8')) as { predicate: Predicate };
  return statement.predicate;
}

describe('assay run', () => {
  it('hands --full, --logs and --expires-in to the evidence', async () => {
    const [plain, full] = [temporaryDirectory(), temporaryDirectory()];
    await assay([...RUN, '--out', plain]);
    const { exit } = await assay([...RUN, '--out', full, '--full', '--logs', '--expires-in', '90d']);

    expect([0, 1]).toContain(exit);
    expect([predicateOf(plain).redaction !== undefined, predicateOf(full).redaction]).toEqual([true, undefined]);
    expect(predicateOf(plain)['x-assay']).not.toHaveProperty('expiresAt');
    expect(predicateOf(full)['x-assay']).toMatchObject({
      expiresAt: expect.stringMatching(/^\d{4}-/) as string,
      logs: expect.stringMatching(/^sha256:/) as string,
    });
    expect([existsSync(join(plain, 'logs-bundle')), readdirSync(full).sort()]).toEqual([
      false,
      ['logs-bundle', 'logs-manifest.json', 'oci', 'pointer.yaml', 'summary-bundle', 'trusted_root.json'],
    ]);
  });

  it('refuses an age that is none with 64, and leaves nothing', async () => {
    const out = temporaryDirectory();
    const { exit, stdout } = await assay([...RUN, '--out', out, '--expires-in', 'soon']);

    expect([exit, (JSON.parse(stdout) as { error: { code: string } }).error.code, readdirSync(out)]).toEqual([64, 'CONFIG_INVALID', []]);
  });

  it('into one directory twice keeps the earlier artifact in the layout, and says so', async () => {
    const out = temporaryDirectory();
    const first = JSON.parse((await assay([...RUN, '--out', out])).stdout) as { digest: string; earlierArtifacts: number };
    const second = JSON.parse((await assay([...RUN, '--out', out])).stdout) as { digest: string; earlierArtifacts: number };

    expect([first.earlierArtifacts, second.earlierArtifacts, first.digest === second.digest]).toEqual([0, 1, false]);
    const root = ['--trusted-root', join(out, 'trusted_root.json'), '--format', 'json'];
    const verdict = await assay(['verify', `oci-layout:${join(out, 'oci')}@${second.digest}`, ...root]);
    expect([0, 1]).toContain(verdict.exit);
  });

  it('stays the run of this computer where variables of a cluster are set', async () => {
    const out = temporaryDirectory();
    const env = {
      ASSAY_CLUSTER: 'true',
      ASSAY_RELEASE: 'assay',
      ASSAY_RUN_ID: 'run-x',
      ASSAY_STAY: 'true',
      ASSAY_REKOR_URL: 'https://log.example',
    };
    const { exit, stdout, stderr } = await assay([...RUN, '--out', out], env);

    expect([0, 1], stderr).toContain(exit);
    expect(JSON.parse(stdout)).toMatchObject({ coverage: { expected: 1, reported: 1, missing: [] } });
  });
});

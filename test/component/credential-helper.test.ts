import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCredentialHelper } from '#core/process/credential-helper.ts';

const HELPERS = {
  good: 'read host; echo "{\\"ServerURL\\":\\"$host\\",\\"Username\\":\\"me\\",\\"Secret\\":\\"for $host\\"}"',
  empty: 'echo "credentials not found in native keychain"; exit 1',
  broken: 'echo "secret-stuff: cannot unlock"; exit 1',
  nonsense: 'echo "secret-stuff"',
  partial: 'echo "{\\"Username\\":\\"me\\",\\"Secret\\":7}"',
};
let directory: string;
const path = process.env['PATH'];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-helper-'));
  for (const [name, script] of Object.entries(HELPERS)) {
    writeFileSync(join(directory, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, `docker-credential-${name}`), 0o755);
  }
  process.env['PATH'] = `${directory}:${path}`;
});
afterAll(() => {
  process.env['PATH'] = path;
  rmSync(directory, { recursive: true });
});

describe('a credential helper', () => {
  it('is asked for one host and answers for it', async () => {
    expect(await runCredentialHelper('good', 'r.test:5000')).toEqual({ username: 'me', secret: 'for r.test:5000' });
  });

  it('may know nothing about the host', async () => {
    expect(await runCredentialHelper('empty', 'r.test')).toBeUndefined();
  });

  it.each(['broken', 'nonsense', 'partial', 'absent'])('that is %s is an error which repeats nothing it printed', async (name) => {
    const failure: unknown = await runCredentialHelper(name, 'r.test').catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: 'CREDENTIALS_UNREADABLE', exit: 3 });
    expect(inspect(failure, { depth: 9 })).not.toContain('secret-stuff');
  });
});

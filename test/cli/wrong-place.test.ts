import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assay, temporaryDirectory } from '../fixture/run/assay.ts';

describe('evidence verbs at the wrong place', () => {
  it('list does not call a directory without a layout empty', async () => {
    const ended = await assay(['list', `oci-layout:${temporaryDirectory()}`, '--format', 'json']);

    expect([ended.exit, JSON.parse(ended.stdout)]).toMatchObject([2, { exit: 2, error: { code: 'FILE_NOT_FOUND' } }]);
  });

  it('sign asks no registry about a file that is there', async () => {
    const file = join(temporaryDirectory(), 'evidence');
    writeFileSync(file, 'x');
    const ended = await assay(['sign', file, '--format', 'json']);

    expect([ended.exit, JSON.parse(ended.stdout)]).toMatchObject([2, { exit: 2, error: { code: 'FILE_UNREADABLE' } }]);
  });
});

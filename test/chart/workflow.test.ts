import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const workflow = parse(readFileSync('.github/workflows/gpu-evidence.yml', 'utf8'));
const steps = (job: string): readonly { readonly uses?: string; readonly run?: string; readonly name?: string }[] =>
  workflow.jobs[job].steps;

/** Lines of the README's code blocks. */
function readmeLines(): readonly string[] {
  return [...readFileSync('README.md', 'utf8').matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) => block.trim().split('\n'));
}

describe('the workflow for GPU runners', () => {
  it('runs on a cluster what the README says, line for line', () => {
    const script = steps('cluster')
      .filter(({ name }) => name === 'Evidence' || name === 'Verification')
      .flatMap(({ run = '' }) => run.trim().split('\n'))
      .map((line) =>
        line
          .replaceAll('"$NAMESPACE"', 'assay')
          .replaceAll('$NAMESPACE', 'assay')
          .replace('"$VALUES"', 'values.yaml')
          .replace(' $VERIFY_FLAGS', ''),
      );
    const readme = readmeLines();

    expect(script).toHaveLength(7);
    expect(script.filter((line) => !readme.includes(line))).toEqual([]);
  });

  it('uses no action but the checkout, which keeps no credentials', () => {
    for (const job of ['host', 'cluster'])
      expect(steps(job).filter(({ uses }) => uses !== undefined)).toEqual([
        { uses: 'actions/checkout@v4', with: { 'persist-credentials': false } },
      ]);
  });

  it('gives each job the permissions that it needs, and puts nothing of an event into a script', () => {
    expect([workflow.permissions, workflow.jobs.host.permissions, workflow.jobs.cluster.permissions]).toEqual([
      { contents: 'read' },
      { contents: 'read', packages: 'write', 'id-token': 'write' },
      undefined,
    ]);
    expect(['host', 'cluster'].flatMap(steps).filter(({ run = '' }) => run.includes('${{'))).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { logEntry, logPath, pagePath } from '#core/assemble/log-entry.ts';
import { PhasePage } from '#core/assemble/phase-page.ts';

const FRAME = { recipe: 'h100-eks', attestedAt: '2026-11-21T08:00:00Z', toolVersion: '0.1.0' };

describe('a page of a phase', () => {
  it('counts per check and lists what did not pass, with the logs beside it', () => {
    const page = new PhasePage();
    page.add({ name: 'a', status: 'passed', suite: ['deployment', 'node-0001'] });
    page.add({ name: 'a', status: 'failed', suite: ['deployment', 'node-0002'], message: 'too hot' });
    page.add({ name: 'b', status: 'skipped', suite: ['deployment'], message: 'no GPU' });

    expect(page.toMarkdown('deployment', FRAME, [{ name: 'a.log', size: 12, digest: 'sha256:ab' }])).toBe(`# Phase deployment

Recipe h100-eks, sealed 2026-11-21T08:00:00Z, assay 0.1.0.

## Results

| Check | Passed | Failed | Skipped | Pending | Other |
|---|---|---|---|---|---|
| a | 1 | 1 | 0 | 0 | 0 |
| b | 0 | 0 | 1 | 0 | 0 |

## What did not pass

| Check | Node | Status | Message |
|---|---|---|---|
| a | node-0002 | failed | too hot |
| b |  | skipped | no GPU |

## Logs

| File | Bytes | SHA-256 |
|---|---|---|
| a.log | 12 | sha256:ab |
`);
  });

  it('lets no message become markup', () => {
    const page = new PhasePage();
    page.add({ name: 'x', status: 'failed', suite: [], message: '| [a](http://b) <img src=x>\n# head\u202e `c` *d* &amp; \\' });

    expect(page.toMarkdown('conformance', FRAME, [])).toContain(
      '| x |  | failed | \\| \\[a\\]\\(http://b\\) \\<img src=x\\> \\# head \\`c\\` \\*d\\* \\&amp; \\\\ |',
    );
  });

  it('stays readable for any number of failures', () => {
    const page = new PhasePage();
    for (let index = 0; index < 5000; index += 1) page.add({ name: `c${index}`, status: 'failed', suite: [], message: 'x'.repeat(5000) });
    const text = page.toMarkdown('deployment', FRAME, []);

    expect(text).toContain('4500 more are in the logs.');
    expect(text.length).toBeLessThan(700_000);
  });

  it('says that there are no logs', () => {
    expect(new PhasePage().toMarkdown('deployment', FRAME, [])).toMatch(/## Logs\n\nNone\.\n$/);
  });
});

describe('a log', () => {
  const result = { phase: 'deployment', check: 'x', status: 'failed', durationMs: 12.4, startedAtMs: 1 } as const;

  it('tells whose words follow', () => {
    expect(logEntry({ ...result, message: 'too hot', stdout: ['== node-0009 passed 1 ms', 'b'] }, 'node-0001')).toBe(
      '== node-0001 failed 12 ms\ntoo hot\n| == node-0009 passed 1 ms\n| b\n',
    );
  });

  it('is empty where nothing was said', () => {
    expect(logEntry(result, 'node-0001')).toBe('');
  });

  it('lies in a file named after its check', () => {
    expect(logPath('deployment', 'gpu-memory')).toBe('phases/deployment/logs/gpu-memory.log');
  });

  it.each(['../escape', 'a/b', '.hidden', 'ü', 'x'.repeat(200), ''])('of the check %j lies in a plain file of its own', (check) => {
    expect(logPath('deployment', check)).toMatch(/^phases\/deployment\/logs\/check-[0-9a-f]{12}\.log$/);
  });

  it('has its page beside its folder', () => {
    expect(pagePath('performance')).toBe('phases/performance/report.md');
  });
});

import { describe, expect, it } from 'vitest';
import { finding } from '#core/verify/finding.ts';
import { shown } from '#core/verify/foreign-text.ts';
import { STEP_NAMES, type Verdict } from '#core/verify/verdict.ts';
import { verdictHtml } from '../../cli/output/verdict-html.ts';
import { verdictMarkdown } from '../../cli/output/verdict-markdown.ts';
import { verdictText } from '../../cli/output/verdict-text.ts';

const ATTACKS: readonly (readonly [string, string])[] = [
  ['an ANSI escape', '\u001b[2J\u001b[31mfake'],
  ['a terminal hyperlink', '\u001b]8;;https://evil.test\u0007click\u001b]8;;\u0007'],
  ['a C1 control', '\u009b31m'],
  ['carriage return over the line', 'invalid\rvalid: every check passed (exit 0)'],
  ['a line break and a heading', 'x\n# valid (exit 0)\n'],
  ['a line separator', 'x\u2028**Verdict:** valid'],
  ['a direction override', 'x\u202edilav'],
  ['zero-width characters', 'adm\u200bin'],
  ['a mention', 'thanks @maintainers @octo-cat'],
  ['a link', '[approved](https://evil.test)'],
  ['an image', '![x](https://evil.test/beacon.png)'],
  ['a reference link', '[x]: https://evil.test'],
  ['an autolink', '<https://evil.test>'],
  ['HTML', '<img src=x onerror=alert(1)><script>alert(1)</script>'],
  ['an HTML comment', '--> <!-- hide'],
  ['details that swallow the report', '<details><summary>ok</summary>'],
  ['a table cell', 'a | b | **passed** |'],
  ['a code span end', '`` ` ``` passed'],
  ['a fence', '```\nfake\n```'],
  ['an attribute end', '" onmouseover="alert(1)'],
  ['a megabyte', 'x'.repeat(1 << 20)],
  ['a lone surrogate', 'x\ud800y'],
  ['tag characters', 'x\u{e0041}\u{e0042}'],
];

/** A verdict in which one foreign text stands wherever foreign text can stand. */
function verdictWith(text: string): Verdict {
  return {
    input: 'oci',
    predicate: {
      aicrVersion: text,
      schemaVersion: text,
      criteriaMatch: { matched: true, perDimension: [{ dimension: text, match: text, recipeRequires: text, fingerprintProvides: text }] },
      phases: { deployment: { passed: 1, failed: 0, skipped: 0 } },
      bom: { imageCount: 1, digest: text },
      redaction: { policy: text, version: text, applied: [text] },
    },
    signer: { identity: text, issuer: text },
    recipeName: text,
    steps: STEP_NAMES.map((name, index) => ({
      step: index + 1,
      name,
      status: 'failed',
      detail: shown(text),
      subRows: [{ key: shown(text), value: shown(text) }],
    })),
    exit: 2,
    verdict: 'invalid',
    failureCause: { class: 'unknown', detail: shown(text) },
    findings: [finding('FILE_CHANGED', text, { hint: text })],
    trust: 'none',
    mode: 'full',
  };
}

const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\ufeff]/; // eslint-disable-line no-control-regex -- what must not be there

describe.each(ATTACKS)('a report about foreign text with %s', (_name, text) => {
  const verdict = verdictWith(text);

  it('has no control character in any format, and a bounded length', () => {
    for (const report of [verdictText(verdict), verdictText(verdict, { verbose: true }), verdictMarkdown(verdict), verdictHtml(verdict)]) {
      expect(CONTROL.exec(report)?.[0]).toBeUndefined();
      expect(report.length).toBeLessThan(65_000);
    }
  });

  it('keeps its first line and its verdict to itself', () => {
    expect(verdictText(verdict).split('\n')[0]).toBe('invalid (exit 2)');
    expect(
      verdictText(verdict)
        .split('\n')
        .filter((line) => /^(?:valid|LAB TRUST)/.test(line)),
    ).toEqual([]);
    expect(verdictMarkdown(verdict).match(/^\*\*Verdict:\*\* .*/gm)).toEqual(['**Verdict:** invalid (exit 2)']);
  });

  it('has no live link, image, mention or markup in Markdown', () => {
    const outside = verdictMarkdown(verdict).replace(/`[^`\n]*`/g, '');

    expect(outside).not.toMatch(/\]\(|https?:|@\w|!\[|<(?!\/?(?:details|summary)>)|&#/);
    expect(verdictMarkdown(verdict)).not.toMatch(/@\w|\]\(|<img|<script/);
    expect(outside.split('\n').filter((line) => line.startsWith('#'))).toEqual([
      '## Evidence verification — ',
      '### Cluster fingerprint',
      '### Phase results',
      '### BOM',
      '### Redaction',
      '### Verification steps',
      '### Findings',
    ]);
  });

  it('keeps every table row at its width', () => {
    const rows = verdictMarkdown(verdict)
      .split('\n')
      .filter((line) => line.startsWith('|'));
    const widths = rows.map((row) => row.replaceAll('\\|', '').split('|').length - 2);

    expect(new Set(widths)).toEqual(new Set([2, 4]));
  });

  it('has only its own elements in HTML', () => {
    const tags = new Set([...verdictHtml(verdict).matchAll(/<\/?([a-z0-9]+)/gi)].map(([, tag]) => tag));

    expect(tags).toEqual(
      new Set([
        'body',
        'code',
        'details',
        'h1',
        'h2',
        'head',
        'html',
        'li',
        'meta',
        'style',
        'summary',
        'table',
        'td',
        'th',
        'title',
        'tr',
        'ul',
      ]),
    );
    expect(verdictHtml(verdict)).not.toMatch(/<[a-z][^>]*\s(?:on\w+|href|src)=/i);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FINDING_TABLE } from '#core/verify/finding.ts';
import { STEP_NAMES } from '#core/verify/verdict.ts';

const page = readFileSync('docs/reference/verify.md', 'utf8');

describe('the reference page of the verifier', () => {
  it('has every step in order', () => {
    expect([...page.matchAll(/^## (\d+)\. (\w+)$/gm)].map(([, number, name]) => [Number(number), name])).toEqual(
      STEP_NAMES.map((name, index) => [index + 1, name]),
    );
  });

  it('has every finding under its step with its severity and meaning, and no other', () => {
    const sections = page.split(/^## /m).slice(1);
    const rows = sections.flatMap((section) => {
      const step = /^\d+\. (\w+)/.exec(section)?.[1];
      return [...section.matchAll(/^\| `([A-Z_]+)` \| (\w+) \| (.*) \|$/gm)].map(([, code, severity, meaning]) => ({
        code,
        step,
        severity,
        meaning,
      }));
    });

    expect(rows).toEqual(Object.entries(FINDING_TABLE).map(([code, { step, severity, meaning }]) => ({ code, step, severity, meaning })));
  });

  it('says of every step what it proves and what it does not', () => {
    expect([page.match(/^- Proves: /gm)?.length, page.match(/^- Does not prove: /gm)?.length]).toEqual([
      STEP_NAMES.length,
      STEP_NAMES.length,
    ]);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '#core/error.ts';
import type { AbsenceReason } from '#core/wire/run.ts';
import { VERBS } from '../../cli/command/catalog.ts';
import { chartValues } from '../../tools/gen-chart-page.ts';

const guide = readFileSync('docs/guide/cluster.md', 'utf8');
const values = chartValues().map(({ path }) => path);
const REASONS: Readonly<Record<AbsenceReason, true>> = {
  'never-connected': true,
  incomplete: true,
  lost: true,
  rejected: true,
  unlabelled: true,
  tainted: true,
  cordoned: true,
  unschedulable: true,
  'image-pull': true,
  'agent-failed': true,
  'not-ready': true,
  gone: true,
};

/** First words of `a.b` code spans and of `--set` flags that begin like a value of the chart. */
function namedValues(): readonly string[] {
  const groups = new Set(values.map((path) => path.split('.')[0]));
  const spans = [
    ...guide.matchAll(/`([a-z][A-Za-z]*(?:\.[A-Za-z]+|\.\*)+)/g),
    ...guide.matchAll(/--set(?:-file|-json)? '?([a-z][A-Za-z.]+)=/g),
  ];
  return spans.map(([, path = '']) => path).filter((path) => groups.has(path.split('.')[0]));
}

describe('the guide to the cluster', () => {
  it('has a row for each reason of an absence, and no other', () => {
    const table = guide.split('## When a node is missing')[1]?.split('\n## ')[0] ?? '';

    expect([...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, reason = '']) => reason).sort()).toEqual(Object.keys(REASONS).sort());
  });

  it('names values that the chart has', () => {
    const isKnown = (path: string): boolean =>
      values.some((value) => value === path || value.startsWith(`${path}.`) || path.startsWith(`${value}.`) || matches(path, value));
    const matches = (pattern: string, value: string): boolean =>
      new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[a-z]+')}$`).test(value);

    expect(namedValues().length).toBeGreaterThan(20);
    expect(namedValues().filter((path) => !isKnown(path))).toEqual([]);
  });

  it('names verbs and codes that exist', () => {
    const verbs = [...guide.matchAll(/^(?:npx )?assay (\w+)/gm), ...guide.matchAll(/`assay (\w+)/g)].map(([, verb = '']) => verb);
    const codes = [...guide.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, code = '']) => code);

    expect(verbs.filter((verb) => VERBS.every(({ name }) => name !== verb))).toEqual([]);
    expect(codes.filter((code) => !Object.hasOwn(ERROR_TABLE, code))).toEqual([]);
  });
});

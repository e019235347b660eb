import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VERBS } from '../cli/command/catalog.ts';
import { ERROR_TABLE } from '#core/error.ts';

const read = (path: string): string => readFileSync(path, 'utf8');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

describe('documentation', () => {
  it('has no broken relative link', () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map((match) => normalize(join(dirname(page), match[1] ?? '')))
        .filter((target) => !existsSync(target))
        .map((target) => `${page} -> ${target}`),
    );

    expect(broken).toEqual([]);
  });

  it('lists every error code with its exit, and no other', () => {
    const rows = [...read('docs/reference/error.md').matchAll(/^\| `([A-Z_0-9]+)` \| (\d+) \|/gm)].map((match) => [
      match[1],
      Number(match[2]),
    ]);

    expect(rows).toEqual(Object.entries(ERROR_TABLE).map(([code, { exit }]) => [code, exit]));
  });

  it('has every verb in the command line reference, each with an example', () => {
    const reference = read('docs/reference/cli.md');

    for (const { name } of VERBS) {
      expect(reference).toContain(`## assay ${name}`);
      expect([name, /Examples?:/.test(reference.split(`## assay ${name}\n`)[1]?.split(/\n## assay (?!\w+ \w)/)[0] ?? '')]).toEqual([
        name,
        true,
      ]);
    }
  });

  it('shows the two commands in the README, and they exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

    expect(read('README.md')).toMatch(/npm ci && npm start[\s\S]*npm ci && npm test/);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['start', 'test', 'qualify']));
  });

  it('has a line of reason for every dependency', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    const decision = read('docs/decision/0001-dependencies.md');
    const missing = Object.keys(dependencies).filter(
      (name) => !decision.includes(`\`${name}\``) && !decision.includes(`\`${name.replace('@sigstore/', '')}\``),
    );

    expect(missing).toEqual([]);
  });

  it('names no machine, no registry host of ours and no private path', () => {
    const forbidden = /\/(work|farm)\/|\.\.\/shared\/design/;

    expect(pages.filter((page) => forbidden.test(read(page)))).toEqual([]);
  });
});

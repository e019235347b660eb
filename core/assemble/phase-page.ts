import type { CtrfStatus, CtrfTest, Phase } from '#core/ctrf/report.ts';

/** Tests that a page names one by one; the logs have all of them. */
const MAX_NAMED = 500;
/** Checks that a page counts; a catalog has about sixty. */
const MAX_CHECKS = 1000;
/** Characters of a message on a page. */
const MAX_MESSAGE = 1000;
const STATUSES: readonly CtrfStatus[] = ['passed', 'failed', 'skipped', 'pending', 'other'];

/** What a page says about the evidence as a whole. */
export interface PageFrame {
  readonly recipe: string;
  readonly attestedAt: string;
  readonly toolVersion: string;
}

/** A log file beside a page. */
export interface PageLog {
  readonly name: string;
  readonly size: number;
  readonly digest: string;
}

type Counts = Record<CtrfStatus, number>;

/** Gathers one phase for its Markdown page: results per check, and everything that did not pass with its message. */
export class PhasePage {
  readonly #counts = new Map<string, Counts>();
  readonly #named: string[] = [];
  #unnamed = 0;

  /** Takes one test, unredacted. */
  add(test: Pick<CtrfTest, 'name' | 'status' | 'suite' | 'message'>): void {
    const counts = this.#counts.get(test.name) ?? { passed: 0, failed: 0, skipped: 0, pending: 0, other: 0 };
    if (this.#counts.has(test.name) || this.#counts.size < MAX_CHECKS) this.#counts.set(test.name, counts);
    counts[test.status] += 1;
    if (test.status === 'passed') return;
    if (this.#named.length < MAX_NAMED) this.#named.push(rowOf(test));
    else this.#unnamed += 1;
  }

  /** The page; every text that a tool or person wrote is escaped. */
  toMarkdown(phase: Phase, { recipe, attestedAt, toolVersion }: PageFrame, logs: readonly PageLog[]): string {
    const checks = [...this.#counts].map(([name, counts]) => `| ${cell(name)} | ${STATUSES.map((status) => counts[status]).join(' | ')} |`);
    const more = this.#unnamed === 0 ? [] : ['', `${this.#unnamed} more are in the logs.`];
    const blocks = [
      [`# Phase ${phase}`],
      [`Recipe ${cell(recipe)}, sealed ${attestedAt}, assay ${cell(toolVersion)}.`],
      ['## Results'],
      ['| Check | Passed | Failed | Skipped | Pending | Other |', '|---|---|---|---|---|---|', ...checks],
      ...(this.#named.length === 0
        ? []
        : [['## What did not pass'], ['| Check | Node | Status | Message |', '|---|---|---|---|', ...this.#named, ...more]]),
      ['## Logs'],
      logs.length === 0
        ? ['None.']
        : [
            '| File | Bytes | SHA-256 |',
            '|---|---|---|',
            ...logs.map(({ name, size, digest }) => `| ${cell(name)} | ${size} | ${digest} |`),
          ],
    ];
    return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
  }
}

function rowOf({ name, status, suite, message = '' }: Pick<CtrfTest, 'name' | 'status' | 'suite' | 'message'>): string {
  return `| ${cell(name)} | ${cell(suite?.[1] ?? '')} | ${status} | ${cell(message)} |`;
}

/** One line without markup. @source CommonMark 0.31, backslash escapes */
function cell(text: string): string {
  const line = text
    .slice(0, MAX_MESSAGE)
    .replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
  return line.replaceAll(/[\\`*_{}[\]<>()#|~&]/g, '\\$&');
}

import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PHASES } from '#core/ctrf/report.ts';
import { CHECKS } from '../../../agent/check/catalog.ts';
import { BOARDS, boardOf } from '../../../agent/check/board-table.ts';
import { thresholdsDigest } from '../../../agent/check/thresholds-digest.ts';
import { PROFILED_ACCELERATORS, SILICON_ROWS } from '../../../agent/vendor/identity-table.ts';
import { checkPage } from '../../../tools/gen-check-page.ts';

test('the reference page is that of the catalog', () => {
  expect(readFileSync('docs/reference/check.md', 'utf8')).toBe(checkPage());
});

test('names are unique DNS labels and phases exist', () => {
  const names = CHECKS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, phase, reads, deadlineMs } of CHECKS) {
    expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    expect(PHASES).toContain(phase);
    expect(reads.length).toBeGreaterThan(0);
    expect(deadlineMs).toBeGreaterThan(0);
  }
});

test('every threshold has a source', () => {
  for (const { thresholds } of CHECKS)
    for (const threshold of Object.values(thresholds)) expect(threshold.source.length).toBeGreaterThan(3);
});

test('a check of tier 0 needs no tool alone', () => {
  const toolOnly = CHECKS.filter(
    ({ tier, reads }) => tier === 0 && reads.every((read) => /^(nvidia-smi|amd-smi|dcgmi|nvidia-imex-ctl)\b/.test(read)),
  );
  expect(toolOnly).toEqual([]);
});

test('a board is known by one row, and profiled is what has a board', () => {
  const ids = BOARDS.flatMap(({ vendor, pciDevices }) => pciDevices.map((device) => `${vendor}:${device}`));
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(BOARDS.map(({ accelerator }) => accelerator))).toEqual(PROFILED_ACCELERATORS);
});

test('PCI ids of accelerators stand in the identity table only', () => {
  const ids = SILICON_ROWS.flatMap(({ devices }) => devices);
  const others = globSync('{agent,core,collector}/**/*.ts').filter((file) => file !== 'agent/vendor/identity-table.ts');
  const doubles = others.filter((file) => {
    const words = new Set(readFileSync(file, 'utf8').match(/\b[0-9a-f]{4}\b/g));
    return ids.filter((id) => words.has(id)).length > 0;
  });
  expect(doubles).toEqual([]);
});

test('the accelerators with full checks have their numbers verified', () => {
  const full = ['2330', '2335', '2901', '2941'].map((device) => boardOf({ vendor: '10de', device }));
  for (const board of [...full, boardOf({ vendor: '1002', device: '74a1' })])
    for (const name of ['gpusPerNode', 'memoryMiB', 'pcieGeneration', 'links', 'powerLimitW'] as const) {
      expect(board?.numbers[name]).toEqual(expect.any(Number));
      expect(board?.unverified).not.toContain(name);
    }
});

test('the digest of the thresholds does not change within a process', () => {
  expect(thresholdsDigest()).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(thresholdsDigest()).toBe(thresholdsDigest());
});

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWindow } from '../../../agent/check/counter-window.ts';
import { openCounters } from '../../../agent/counters.ts';
import { linuxHost } from '../../../agent/host/linux-host.ts';
import { writeMachine } from '../../fixture/host/machine.ts';
import { noGpu } from '../../fixture/host/machines.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-counters-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const earlier = { bootId: 'boot-1', sampledAtMs: 1000, counters: { a: 5, b: 7 } };
const now = { bootId: 'boot-1', sampledAtMs: 61_000 };

test('a counter is judged by its growth and the time between', () => {
  expect(openWindow(earlier, now).growth('a', 9)).toEqual({ delta: 4, elapsedMs: 60_000 });
  expect(openWindow(earlier, now).growth('a', 5)).toEqual({ delta: 0, elapsedMs: 60_000 });
});

test.each([
  ['there is no earlier reading', openWindow(undefined, now), 'a', 9],
  ['the counter was not read before', openWindow(earlier, now), 'c', 9],
  ['the counter was reset since', openWindow(earlier, now), 'b', 6],
  ['the machine was started again since', openWindow(earlier, { ...now, bootId: 'boot-2' }), 'a', 9],
  ['the clock went back', openWindow(earlier, { ...now, sampledAtMs: 900 }), 'a', 9],
  ['its name is one of the language', openWindow(earlier, now), 'constructor', 9],
])('no growth is told when %s', (_, window, name, value) => {
  expect(window.growth(name, value)).toBeUndefined();
});

test('the next sample is what this run read', () => {
  const window = openWindow(earlier, now);
  window.growth('a', 9);
  expect(window.sample()).toEqual({ ...now, counters: { a: 9 } });
});

function clockAt(nowMs: number) {
  return { nowMs: () => nowMs, monotonicMs: () => 0 };
}

async function host() {
  return linuxHost({ root: writeMachine(noGpu(), mkdtempSync(join(directory, 'm-'))).root });
}

test('counters are kept from run to run, readable by their owner alone', async () => {
  const first = await openCounters(await host(), clockAt(1000), join(directory, 'state'));
  first.window.growth('a', 1);
  await first.keep();
  const path = join(directory, 'state', 'counters.json');
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
    bootId: '6f0e0a52-0000-4000-8000-000000000001',
    sampledAtMs: 1000,
    counters: { a: 1 },
  });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const second = await openCounters(await host(), clockAt(3000), join(directory, 'state'));
  expect(second.window.growth('a', 4)).toEqual({ delta: 3, elapsedMs: 2000 });
});

test.each(['', 'not json', '[]', '{"bootId":1}', '{"bootId":"6f0e0a52-0000-4000-8000-000000000001","sampledAtMs":1,"counters":{"a":"1"}}'])(
  'a state file that holds %j is as good as none',
  async (text) => {
    writeFileSync(join(directory, 'counters.json'), text);
    expect((await openCounters(await host(), clockAt(3000), directory)).window.growth('a', 4)).toBeUndefined();
  },
);

test('without a directory nothing is kept', async () => {
  await (await openCounters(await host(), clockAt(1000), undefined)).keep();
});

test('a directory that cannot be written is an error with a code', async () => {
  writeFileSync(join(directory, 'file'), '');
  const counters = await openCounters(await host(), clockAt(1000), join(directory, 'file', 'state'));
  await expect(counters.keep()).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
});

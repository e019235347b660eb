import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linuxHost } from '../../../agent/host/linux-host.ts';
import { PROBES } from '../../../agent/probe/catalog.ts';
import { nodeView } from '../../../agent/probe/node-view.ts';
import { keyedPseudonyms } from '../../../agent/probe/pseudonym.ts';
import { runProbes } from '../../../agent/probe/run-probes.ts';
import { checkMachine } from '../../fixture/host/check-machine.ts';
import { writeMachine, type Machine } from '../../fixture/host/machine.ts';
import { gb200DegradedClique, hgxH100, mi300xBadPage } from '../../fixture/host/machines.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-damaged-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** The same numbers for the same seed, so that a failure can be repeated. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

const NONSENSE = ['', '-1\n', 'N/A\n', '99999999999999999999999\n', '\u001b[31mERR!\u001b[0m\n'];

function damage(content: string | Uint8Array, random: () => number): Uint8Array {
  const bytes = Buffer.from(content);
  const kind = random();
  if (kind < 0.3) return bytes.subarray(0, Math.floor(random() * bytes.length));
  if (kind < 0.5)
    for (let flips = 0; flips < 3 && bytes.length > 0; flips += 1)
      bytes.writeUInt8(
        (bytes[Math.floor(random() * bytes.length)] ?? 0) ^ (1 << Math.floor(random() * 8)),
        Math.floor(random() * bytes.length),
      );
  if (kind < 0.5) return bytes;
  if (kind < 0.6) return Buffer.from(bytes.toString('latin1'), 'utf16le');
  return Buffer.from(NONSENSE[Math.floor(random() * NONSENSE.length)] ?? '');
}

function damaged(machine: Machine, seed: number): Machine {
  const random = numbers(seed);
  const files = Object.entries(machine.files).map(([path, content]) => [path, random() < 0.25 ? damage(content, random) : content]);
  const word = /Enabled|Not Active|Yes|No\b|Completed|N\/A|CONNECTED|READY/g;
  const tools = Object.entries(machine.tools ?? {}).map(([name, script]) => [
    name,
    script.replaceAll(word, (text) => (random() < 0.1 ? 'GPU is lost' : text)),
  ]);
  return {
    ...machine,
    files: Object.fromEntries(files) as Machine['files'],
    tools: Object.fromEntries(tools) as Readonly<Record<string, string>>,
  };
}

const CASES = [1, 2, 3].flatMap((seed) => [
  { name: 'HGX H100', seed, make: () => hgxH100({ count: 2 }) },
  { name: 'GB200 tray', seed, make: gb200DegradedClique },
  { name: 'MI300X node', seed, make: mi300xBadPage },
]);

test.each(CASES)('a damaged $name (seed $seed) gives verdicts and measurements, and no check or probe breaks', async ({ make, seed }) => {
  const machine = damaged(make(), seed);
  const results = await checkMachine(machine, { directory });
  expect(results.filter(({ message }) => message?.startsWith('the check failed'))).toEqual([]);
  const written = writeMachine(machine, mkdtempSync(join(directory, 'probe-')));
  const host = await linuxHost({ root: written.root, toolPath: [written.tools] });
  const probed = await runProbes(PROBES, { node: nodeView(host), pseudonyms: keyedPseudonyms(Buffer.alloc(32)) });
  expect(probed.flatMap(({ measurements }) => measurements.filter(({ subtype }) => subtype === 'probe'))).toEqual([]);
});

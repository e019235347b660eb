import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Measurement } from '#core/snapshot/measurement.ts';
import { linuxHost } from '../../../agent/host/linux-host.ts';
import { PROBES } from '../../../agent/probe/catalog.ts';
import { probeFingerprint } from '../../../agent/probe/fingerprint.ts';
import { nodeView, type NodeView } from '../../../agent/probe/node-view.ts';
import { keyedPseudonyms } from '../../../agent/probe/pseudonym.ts';
import { runProbes } from '../../../agent/probe/run-probes.ts';
import { writeMachine, type Machine } from '../../fixture/host/machine.ts';
import { failingH100, gb200DegradedClique, hgxH100, mi300xBadPage, noGpu } from '../../fixture/host/machines.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-fingerprint-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const KEY = Buffer.alloc(32, 7);

async function viewOf(machine: Machine, toolPath?: readonly string[]): Promise<NodeView> {
  const written = writeMachine(machine, mkdtempSync(join(directory, 'm-')));
  return nodeView(await linuxHost({ root: written.root, toolPath: toolPath ?? [written.tools] }));
}

async function fingerprint(
  machine: Machine,
  options: { readonly key?: Uint8Array; readonly toolPath?: readonly string[] } = {},
): Promise<Record<string, unknown>> {
  const measurements = await probeFingerprint(await viewOf(machine, options.toolPath), keyedPseudonyms(options.key ?? KEY));
  return Object.fromEntries(
    measurements
      .filter(({ item }) => item === undefined)
      .map(({ subtype, key, reading }) => [`${subtype}.${key}`, reading.state === 'read' ? reading.value : reading]),
  );
}

/** Two GPUs are enough to tell what changes a fingerprint. */
const small = (): Machine => hgxH100({ count: 2 });
const changed = (changes: Readonly<Record<string, string>>): Machine => hgxH100({ count: 2, changes: { 0: changes } });

test('a failing node has the class of its healthy kin: nothing that breaks changes what a node is', async () => {
  const [healthy, failing] = [await fingerprint(small()), await fingerprint(failingH100(2))];
  expect(failing).toEqual(healthy);
  expect(healthy['class.fabric']).toBe('node');
});

test('the hardware class needs no driver and no tool', async () => {
  const [withTool, without] = [await fingerprint(small()), await fingerprint(small(), { toolPath: [] })];
  expect(without['class.hardware']).toBe(withTool['class.hardware']);
  expect(without['class.firmware']).not.toBe(withTool['class.firmware']);
  expect(without['instance.digest']).toEqual({ state: 'unreadable', reason: 'partial: 0 of 2 GPUs tell an identity of their own' });
});

test('another firmware changes the firmware part alone, another driver the software part alone', async () => {
  const base = await fingerprint(small());
  const vbios = await fingerprint(changed({ vbios_version: '96.00.99.00.02' }));
  const machine = small();
  const kernel = await fingerprint({ ...machine, files: { ...machine.files, 'proc/sys/kernel/osrelease': '6.11.0\n' } });
  const parts = ['hardware', 'firmware', 'software'].map((part) => `class.${part}`);
  const differing = (other: Record<string, unknown>) => parts.filter((part) => base[part] !== other[part]);
  expect(differing(vbios)).toEqual(['class.firmware']);
  expect(differing(kernel)).toEqual(['class.software']);
  expect(vbios['class.digest']).not.toBe(base['class.digest']);
});

test('machines of different kinds have different classes', async () => {
  const digests = await Promise.all(
    [small(), gb200DegradedClique(), mi300xBadPage(), noGpu()].map(async (machine) => (await fingerprint(machine))['class.hardware']),
  );
  expect(new Set(digests).size).toBe(4);
});

test('a swapped board changes the instance, not the class', async () => {
  const [before, after] = [await fingerprint(small()), await fingerprint(changed({ uuid: 'GPU-ffff0b0c-0000-4000-8000-00000000f1f1' }))];
  expect(after['class.digest']).toBe(before['class.digest']);
  expect(after['instance.digest']).not.toBe(before['instance.digest']);
});

test('another key gives other pseudonyms, and says that it is another key', async () => {
  const [one, two] = [await fingerprint(small()), await fingerprint(small(), { key: Buffer.alloc(32, 8) })];
  expect(two['instance.digest']).not.toBe(one['instance.digest']);
  expect(two['instance.key-id']).not.toBe(one['instance.key-id']);
});

test.each(['GPU-00000000-0000-0000-0000-000000000000', 'N/A', '[REDACTED]', 'GPU-0a0b0c0d-0001-4000-8000-00000000f1f1'])(
  'an identity that identifies nothing (%s) makes the instance partial',
  async (uuid) => {
    expect((await fingerprint(changed({ uuid })))['instance.digest']).toMatchObject({
      state: 'unreadable',
      reason: 'partial: 1 of 2 GPUs tell an identity of their own',
    });
  },
);

test('no measurement of any probe holds an identity in clear', async () => {
  const input = { pseudonyms: keyedPseudonyms(KEY) };
  for (const machine of [small(), gb200DegradedClique(), mi300xBadPage()]) {
    const results = await runProbes(PROBES, { ...input, node: await viewOf(machine) });
    const measurements: readonly Measurement[] = results.flatMap((result) => result.measurements);
    const text = JSON.stringify(measurements).toLowerCase();
    for (const identity of ['0a0b0c0d', '165000000', '5e5e5e5e', 'a1b2c3d4e5f6', '10.0.0.', '9803:9b03', 'uuid=0f0f'])
      expect(text).not.toContain(identity);
    expect(measurements.filter(({ subtype }) => subtype === 'probe')).toEqual([]);
  }
});

test('an agent says what it can reach', async () => {
  const access = async (machine: Machine, toolPath?: readonly string[]) => {
    const results = await runProbes(
      PROBES.filter(({ name }) => name === 'access'),
      { node: await viewOf(machine, toolPath), pseudonyms: keyedPseudonyms(KEY) },
    );
    return Object.fromEntries(
      results.flatMap(({ measurements }) =>
        measurements.map(({ key, reading }) => [key, reading.state === 'read' ? reading.value : reading.state]),
      ),
    );
  };
  expect(await access(small())).toEqual({
    tier: 1,
    live: false,
    'kernel-log': true,
    'host-processes': true,
    'vendor-tool': true,
    'device-files': false,
    'kernel-log-restricted': 'absent',
  });
  expect(await access(small(), [])).toMatchObject({ tier: 0, 'vendor-tool': false });
});

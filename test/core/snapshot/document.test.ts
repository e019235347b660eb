import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseSnapshot, snapshotData, snapshotYaml } from '#core/snapshot/document.ts';

const read = (text: string): ReturnType<typeof parseSnapshot> => parseSnapshot(text, 's.yaml');
const withData = (data: string): string => `kind: Snapshot\nmeasurements: [{type: K8s, subtypes: [{subtype: x, data: ${data}}]}]\n`;

describe('a snapshot document', () => {
  it('gives its facts with their types', () => {
    expect(read(withData('{a: text, b: 8, c: 1.5, d: true, e: "8", f: 3.0, g: 2026-01-02, h: 18446744073709551615}')).measurements).toEqual(
      [
        {
          type: 'K8s',
          subtypes: [
            { subtype: 'x', data: { a: 'text', b: 8, c: 1.5, d: true, e: '8', f: 3, g: '2026-01-02', h: '18446744073709551615' } },
          ],
        },
      ],
    );
  });

  it('keeps context, items and the advisory fingerprint', () => {
    const text = `
kind: Snapshot
apiVersion: aicr.run/v1alpha2
metadata: {timestamp: 2026-01-02T03:04:05Z, version: 1.10}
fingerprint: {service: {value: eks}}
measurements:
  - type: Hardware
    subtypes: [{subtype: gpu, data: {}, context: {node: n1}, items: [{context: {uuid: u1}, data: {temp: 41}}]}]
`;

    expect(read(text)).toEqual({
      kind: 'Snapshot',
      apiVersion: 'aicr.run/v1alpha2',
      metadata: { timestamp: '2026-01-02T03:04:05Z', version: '1.10' },
      fingerprint: { service: { value: 'eks' } },
      measurements: [
        {
          type: 'Hardware',
          subtypes: [{ subtype: 'gpu', data: {}, context: { node: 'n1' }, items: [{ context: { uuid: 'u1' }, data: { temp: 41 } }] }],
        },
      ],
    });
  });

  it('may be JSON', () => {
    expect(
      read('{"kind": "Snapshot", "measurements": [{"type": "OS", "subtypes": [{"subtype": "release", "data": {"ID": "ubuntu"}}]}]}')
        .measurements[0]?.type,
    ).toBe('OS');
  });

  it('is found by type and subtype', () => {
    const snapshot = read(readFileSync('test/fixture/recipe/snapshot.yaml', 'utf8'));

    expect([
      snapshotData(snapshot, 'OS', 'release')?.ID,
      snapshotData(snapshot, 'OS', 'nope'),
      snapshotData(snapshot, 'Nope', 'x'),
    ]).toEqual(['ubuntu', undefined, undefined]);
  });

  it('is written with sorted keys, two columns and quotes where a text looks like a number', () => {
    const snapshot = read(
      'kind: Snapshot\nmetadata: {version: v1}\nmeasurements: [{type: OS, subtypes: [{subtype: release, data: {VERSION_ID: "24.04", ID: ubuntu, n: 3}}]}]\n',
    );

    expect(snapshotYaml(snapshot)).toBe(
      'apiVersion: ""\nkind: Snapshot\nmeasurements:\n  - subtypes:\n      - data:\n          ID: ubuntu\n          VERSION_ID: "24.04"\n          "n": 3\n        subtype: release\n    type: OS\nmetadata:\n  version: v1\n',
    );
  });

  it('is the same after writing and reading', () => {
    const snapshot = read(readFileSync('test/fixture/recipe/snapshot.yaml', 'utf8'));

    expect(read(snapshotYaml(snapshot))).toEqual(snapshot);
  });
});

describe('what is no snapshot', () => {
  it.each([
    ['another kind', 'kind: RecipeResult', 's.yaml: kind is "RecipeResult", not "Snapshot"'],
    ['nothing', '', 's.yaml: kind is "", not "Snapshot"'],
    [
      'the old group',
      'kind: Snapshot\napiVersion: aicr.nvidia.com/v1alpha1',
      's.yaml: apiVersion is "aicr.nvidia.com/v1alpha1", not "aicr.run/v1alpha2"',
    ],
    ['a text for measurements', 'kind: Snapshot\nmeasurements: none', 's.yaml: measurements: expected a list, found the text "none"'],
    ['a measurement without type', 'kind: Snapshot\nmeasurements: [{subtypes: []}]', 's.yaml: measurements[0]: a measurement needs a type'],
    [
      'a subtype without name',
      'kind: Snapshot\nmeasurements: [{type: OS, subtypes: [{data: {}}]}]',
      's.yaml: measurements[0].subtypes[0]: a subtype needs a name in "subtype"',
    ],
    ['a list as a fact', withData('{a: [1]}'), 's.yaml: measurements[0].subtypes[0].data.a: expected text, a number or a boolean'],
    ['no value for a fact', withData('{a: }'), 's.yaml: measurements[0].subtypes[0].data.a: expected text, a number or a boolean'],
    ['a list for facts', withData('[a]'), 's.yaml: measurements[0].subtypes[0].data: expected a mapping, found a list'],
  ])('%s', (_, text, message) => {
    expect(() => read(text)).toThrowError(expect.objectContaining({ code: 'SNAPSHOT_INVALID', message }));
  });

  it('a document over 16 MiB', () => {
    expect(() => parseSnapshot(new Uint8Array(16 * 1024 * 1024 + 1), 's')).toThrowError(
      expect.objectContaining({ code: 'FILE_TOO_LARGE' }),
    );
  });
});

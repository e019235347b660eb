import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CtrfTest } from '#core/ctrf/report.ts';
import { parseSnapshot } from '#core/snapshot/document.ts';
import { redactSnapshot, redactTests } from '#core/snapshot/redaction.ts';

describe('minimal redaction of a snapshot', () => {
  it('keeps exactly the listed facts and drops what is empty then', () => {
    const snapshot = parseSnapshot(readFileSync('test/fixture/recipe/snapshot.yaml'), 'snapshot.yaml');

    expect(redactSnapshot(snapshot)).toEqual({
      snapshot: {
        apiVersion: 'aicr.run/v1alpha2',
        kind: 'Snapshot',
        metadata: { timestamp: '2026-03-01T10:00:00Z', version: 'v0.1.0' },
        measurements: [
          {
            type: 'K8s',
            subtypes: [
              { subtype: 'server', data: { version: 'v1.33.4-eks-1', platform: 'linux/amd64', goVersion: 'go1.24.4' } },
              { subtype: 'node', data: { provider: 'eks', 'kubelet-version': 'v1.33.4-eks-1' } },
            ],
          },
          {
            type: 'GPU',
            subtypes: [{ subtype: 'hardware', data: { 'gpu-present': true, 'gpu-count': 8, 'driver-loaded': true, model: 'h100' } }],
          },
          { type: 'OS', subtypes: [{ subtype: 'release', data: { ID: 'ubuntu', VERSION_ID: '24.04' } }] },
          { type: 'NodeTopology', subtypes: [{ subtype: 'summary', data: { 'node-count': 3, 'taint-count': 0, 'label-count': 2 } }] },
        ],
      },
      applied: ['snapshot.header.allowlist', 'snapshot.measurements.allowlist'],
    });
  });

  it('drops measurements of a type of our own, context and items, and keeps the advisory fingerprint', () => {
    const snapshot = parseSnapshot(
      'kind: Snapshot\nfingerprint: {service: {value: eks}}\nmeasurements: [{type: Hardware, subtypes: [{subtype: gpu, data: {model: x}}]}, {type: GPU, subtypes: [{subtype: hardware, context: {node: n1}, data: {model: h100, uuid: u}, items: [{data: {model: y}}]}]}]\n',
      's',
    );

    expect(redactSnapshot(snapshot).snapshot).toEqual({
      apiVersion: '',
      kind: 'Snapshot',
      metadata: {},
      fingerprint: { service: { value: 'eks' } },
      measurements: [{ type: 'GPU', subtypes: [{ subtype: 'hardware', data: { model: 'h100' } }] }],
    });
  });
});

describe('redaction of tests', () => {
  it('drops messages and output and keeps the rest', () => {
    const tests: CtrfTest[] = [
      {
        name: 'a',
        status: 'failed',
        duration: 1,
        suite: ['deployment', 'node-1'],
        message: 'host secret.internal',
        stdout: ['secret'],
        extra: { observed: 7 },
      },
      { name: 'b', status: 'passed', duration: 2, suite: ['deployment'] },
    ];

    expect(redactTests(tests)).toEqual({
      tests: [
        { name: 'a', status: 'failed', duration: 1, suite: ['deployment', 'node-1'], extra: { observed: 7 } },
        { name: 'b', status: 'passed', duration: 2, suite: ['deployment'] },
      ],
      applied: ['ctrf.tests.omit:message', 'ctrf.tests.omit:stdout'],
    });
  });
});

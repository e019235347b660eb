import { describe, expect, it } from 'vitest';
import { parseRunStatus, readRunStatus } from '#core/cluster/read-run-status.ts';
import type { RunStatus } from '#core/cluster/run-status.ts';
import { MemoryCluster } from '../../fixture/cluster/memory-cluster.ts';

const STATUS: RunStatus = {
  schemaVersion: '1.0.0',
  runId: 'run-1',
  nonce: '07'.repeat(32),
  jobUid: 'job-1',
  state: 'published',
  recipe: 'recipe',
  openedAt: '2026-01-02T03:04:05Z',
  deadlineAt: '2026-01-02T03:19:05Z',
  sealedAt: '2026-01-02T03:05:05Z',
  expectedDigest: `sha256:${'0'.repeat(64)}`,
  nodes: { expected: 3, connected: 0, finished: 2, absent: { tainted: 1 } },
  checks: { passed: 5, failed: 1, skipped: 2, other: 0 },
  reason: 'FULCIO_UNAVAILABLE: down',
  hint: 'wait',
  signer: { identity: 'me', issuer: 'https://issuer.example' },
  oci: 'registry.example/x:1',
  digest: `sha256:${'1'.repeat(64)}`,
  previousDigest: `sha256:${'2'.repeat(64)}`,
};

describe('status of a run', () => {
  it('is read as it was written, whole and with the least that it has', () => {
    const { sealedAt, reason, hint, signer, oci, digest, previousDigest, ...least } = STATUS;
    void [sealedAt, reason, hint, signer, oci, digest, previousDigest];

    expect([STATUS, least].map((status) => parseRunStatus(JSON.stringify(status)))).toEqual([STATUS, least]);
  });

  it.each<[string, unknown]>([
    ['no nonce', { ...STATUS, nonce: undefined }],
    ['a nonce that is too short', { ...STATUS, nonce: 'ab' }],
    ['a nonce in capitals', { ...STATUS, nonce: 'AB'.repeat(32) }],
    ['a run that could be a path', { ...STATUS, runId: '../x' }],
    ['no Job', { ...STATUS, jobUid: 7 }],
    ['an unknown state', { ...STATUS, state: 'happy' }],
    ['another version', { ...STATUS, schemaVersion: '2.0.0' }],
    ['a digest that is none', { ...STATUS, digest: 'sha256:x' }],
    ['a predecessor that is none', { ...STATUS, previousDigest: 'x' }],
    ['counts below zero', { ...STATUS, nodes: { ...STATUS.nodes, expected: -1 } }],
    ['counts that are texts', { ...STATUS, checks: { ...STATUS.checks, failed: '1' } }],
    ['no counts', { ...STATUS, nodes: null }],
    ['absences without their list', { ...STATUS, nodes: { expected: 1, connected: 1, finished: 1 } }],
    ['absences that are no counts', { ...STATUS, nodes: { ...STATUS.nodes, absent: { gone: {} } } }],
    ['half a signer', { ...STATUS, signer: { identity: 'me' } }],
    ['a list', [STATUS]],
    ['nothing', null],
  ])('is not one with %s', (_, value) => {
    expect(parseRunStatus(JSON.stringify(value))).toBeUndefined();
  });

  it.each(['', '{', `"${'x'.repeat(70_000)}"`])('is not one when it is no text of it', (text) => {
    expect(parseRunStatus(text)).toBeUndefined();
  });

  it('stands in the ConfigMap of the release, beside the pointer', async () => {
    const object = (data: Record<string, string>) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'r-status', namespace: 'ns' },
      data,
    });
    const read = async (data: Record<string, string>) => readRunStatus(new MemoryCluster({ objects: [object(data)] }), 'ns', 'r');

    expect(await read({ 'status.json': JSON.stringify(STATUS), 'pointer.yaml': 'p' })).toEqual({
      status: STATUS,
      pointer: 'p',
      resourceVersion: '101',
    });
    expect(await read({})).toEqual({ status: undefined, pointer: undefined, resourceVersion: '101' });
    expect(await readRunStatus(new MemoryCluster(), 'ns', 'r')).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { CHECK_SETTINGS, PROBE_SETTINGS, RUN_SETTINGS } from '../../agent/config.ts';
import { COLLECTOR_SETTINGS, readCollectorConfig } from '../../collector/config.ts';
import { codeOf } from '../fixture/uplink/code-of.ts';

const NEEDED = ['--state-dir', 's', '--token-file', 't', '--recipe', 'r'];

describe('collector settings', () => {
  it('have defaults for everything that is not needed', () => {
    expect(readCollectorConfig([...NEEDED, '--expect', 'b', '--expect', 'a', '--expect', 'b'], {})).toMatchObject({
      listen: { host: '127.0.0.1', port: 0 },
      expect: ['a', 'b'],
      deadline: 900_000,
      grace: 5000,
      phases: ['deployment', 'conformance', 'performance'],
      accelerator: 'any',
      sign: 'none',
      logLevel: 'info',
    });
  });

  it('leave the variables of the agent alone', () => {
    const values = { listen: { host: '127.0.0.1', port: 0 } };
    const tables = { ...PROBE_SETTINGS, ...CHECK_SETTINGS, ...RUN_SETTINGS };
    const others = Object.values(tables)
      .map(({ env }) => env)
      .filter((env) => Object.values(COLLECTOR_SETTINGS).every((own) => own.env !== env));

    expect(others.length).toBeGreaterThan(4);
    expect(readCollectorConfig([...NEEDED, '--expect', 'a'], Object.fromEntries(others.map((env) => [env, 'x'])))).toMatchObject(values);
  });

  it.each([
    ['0.0.0.0:8443', { host: '0.0.0.0', port: 8443 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['localhost:1', { host: 'localhost', port: 1 }],
  ])('listen on %s', (text, expected) => {
    expect(readCollectorConfig([...NEEDED, '--expect', 'a', '--listen', text], {}).listen).toEqual(expected);
  });

  it.each([
    ['no expected node', []],
    ['an address without port', ['--expect', 'a', '--listen', 'localhost']],
    ['a port out of range', ['--expect', 'a', '--listen', 'localhost:65536']],
    ['an IPv6 address without brackets', ['--expect', 'a', '--listen', '::1:8443']],
    ['a phase nobody knows', ['--expect', 'a', '--phase', 'training']],
    ['a run id with a slash', ['--expect', 'a', '--run-id', 'a/b']],
    ['a short nonce', ['--expect', 'a', '--nonce', 'ff']],
  ])('refuse %s', (_, args) => {
    expect(codeOf(() => readCollectorConfig([...NEEDED, ...args], {}))).toBe('CONFIG_INVALID');
  });
});

describe('settings of a collector in a cluster', () => {
  const CLUSTER = ['--cluster', '--state-dir', 's', '--release', 'r', '--job-uid', 'u'];

  it('need neither nodes nor a token', () => {
    expect(readCollectorConfig([...CLUSTER, '--recipe', 'r'], {})).toMatchObject({
      cluster: true,
      stall: 180_000,
      deliveryWait: 1_800_000,
      checksActive: false,
    });
  });

  it('come from variables as the chart sets them', () => {
    const env = {
      ASSAY_CLUSTER: 'true',
      ASSAY_RELEASE: 'assay',
      ASSAY_NAMESPACE: 'ns',
      ASSAY_JOB_UID: 'uid',
      ASSAY_STATE_DIR: '/var/lib/assay/state',
      ASSAY_CRITERIA: 'service=eks,accelerator=h100,intent=training,nodes=4',
      ASSAY_EXPECT_SELECTOR: 'pool in (a,b),!old',
      ASSAY_CHECKS_ACTIVE: 'true',
      ASSAY_STALL: '90s',
      // Of the agent, in the same environment.
      ASSAY_TOKEN_FILE: '/var/run/secrets/assay/token',
    };

    expect(readCollectorConfig([], env)).toMatchObject({
      release: 'assay',
      jobUid: 'uid',
      criteria: { service: 'eks', accelerator: 'h100', intent: 'training', nodes: 4 },
      expectSelector: [
        { key: 'pool', operator: 'In', values: ['a', 'b'] },
        { key: 'old', operator: 'DoesNotExist', values: [] },
      ],
      checksActive: true,
      stall: 90_000,
    });
  });

  it.each([
    ['no release', ['--cluster', '--state-dir', 's', '--job-uid', 'u', '--recipe', 'r']],
    ['no Job', ['--cluster', '--state-dir', 's', '--release', 'r', '--recipe', 'r']],
    ['no recipe', CLUSTER],
    ['two recipes', [...CLUSTER, '--recipe', 'r', '--criteria', 'service=eks']],
    ['nodes of its own', [...CLUSTER, '--recipe', 'r', '--expect', 'a']],
    ['a run id of its own', [...CLUSTER, '--recipe', 'r', '--run-id', 'a']],
    ['a nonce of its own', [...CLUSTER, '--recipe', 'r', '--nonce', '00'.repeat(32)]],
    ['only this computer', [...CLUSTER, '--recipe', 'r', '--scope', 'host']],
    ['a selector that is none', [...CLUSTER, '--recipe', 'r', '--expect-selector', '=']],
    ['criteria without values', [...CLUSTER, '--criteria', 'service=']],
    ['criteria without names', [...CLUSTER, '--criteria', 'eks']],
    ['criteria that nobody knows', [...CLUSTER, '--criteria', 'colour=blue']],
    ['criteria that are given twice', [...CLUSTER, '--criteria', 'service=eks,service=gke']],
    ['nodes that are no number', [...CLUSTER, '--criteria', 'service=eks,nodes=many']],
  ])('refuse %s', (_, args) => {
    expect(codeOf(() => readCollectorConfig(args, {}))).toBe('CONFIG_INVALID');
  });
});

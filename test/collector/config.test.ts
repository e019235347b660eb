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

import { describe, expect, it } from 'vitest';
import { evaluateConstraint, isWellFormed } from '#core/recipe/constraint.ts';
import { parseSnapshot } from '#core/snapshot/document.ts';
import { SNAPSHOT } from './fixture-catalog.ts';

/** Whether `value` holds for a fact with this text. */
function holds(actual: string, value: string): boolean | undefined {
  const data = JSON.stringify({ version: actual });
  const snapshot = parseSnapshot(`kind: Snapshot\nmeasurements: [{type: K8s, subtypes: [{subtype: server, data: ${data}}]}]\n`, 's');
  const { passed, problem } = evaluateConstraint(snapshot, { name: 'K8s.server.version', value });
  return problem === undefined ? passed : undefined;
}

describe('expressions', () => {
  it.each([
    ['24.04', '24.04', true],
    ['24.04', '24.4', false],
    ['v1.0', '1.0', false],
    ['ubuntu', 'Ubuntu', false],
    [' a ', 'a', true],
    ['1.33', '=1.33', false],
    ['1.33', '~> 1.33', false],
    ['~> 1.33', '~> 1.33', true],
    ['1.33', '>= 1.33.4', true],
    ['1.33.9', '> 1.33', false],
    ['1.33.9', '<= 1.33', true],
    ['1.33.9', '< 1.33', false],
    ['1.34', '> 1.33', true],
    ['1.32', '< 1.33', true],
    ['1.0.0-rc1', '>= 1.0.0', true],
    ['v1.33.4-eks-1', '>=v1.33.4', true],
    ['v1.33.4+k3s1', '== 1.33.4', true],
    ['1.33.0', '== 1.33', true],
    ['1.33.4', '== 1.33', false],
    ['24.4', '== 24.04', true],
    ['1.0', '== 1', false],
    ['1', '== 1', true],
    ['6.8.0-1031-aws', '== 6.8.0-1030-aws', true],
    ['1.33.4', '!= 1.33', true],
    ['rhel', '!= ubuntu', true],
    ['ubuntu', '!= ubuntu', false],
    ['abc', '== a.1', false],
    ['8', '>= 8', true],
    ['10', '>= 9', true],
  ])('%j against %j', (actual, value, passed) => {
    expect(holds(actual, value)).toBe(passed);
  });

  it.each([
    ['1', ''],
    ['1', '  '],
    ['1', '>='],
    ['1', '== '],
    ['1', '>= abc'],
    ['1', '>= 1.x'],
    ['1', '>= 1.2.3.4'],
    ['1', '>= 1.'],
    ['1', '>= -1'],
    ['1', '>= 1.0 < 2.0'],
    ['1', `>= ${'9'.repeat(400)}`],
    ['abc', '>= 1'],
    ['', '>= 1'],
    ['1.-2', '>= 1'],
  ])('%j against %j has no verdict', (actual, value) => {
    expect([holds(actual, value), evaluateConstraint(SNAPSHOT, { name: 'K8s.server.version', value: '' }).passed]).toEqual([
      undefined,
      false,
    ]);
  });
});

describe('paths', () => {
  it.each([
    ['K8s.server.version', 'v1.33.4-eks-1'],
    ['OS.sysctl./proc/sys/kernel/osrelease', '6.8.0-1015-aws'],
    ['NodeTopology.label.topology.kubernetes.io/region', 'region-1|node-a,node-b,node-c'],
    ['GPU.hardware.gpu-count', '8'],
    ['GPU.hardware.gpu-present', 'true'],
    ['NetworkTopology.pfs[0].rail', '0'],
    ['NetworkTopology.pfs[1].pciAddress', '0000:2b:00.0'],
    ['NetworkTopology.pfs[rail=1].traffic', 'east-west'],
    ['NetworkTopology.pfs[pciAddress=0000:1b:00.0].rail', '0'],
  ])('%s is %s', (name, value) => {
    expect(evaluateConstraint(SNAPSHOT, { name, value })).toEqual({ name, expected: value, actual: value, passed: true });
  });

  it.each([
    ['K8s.server.nope', 'absent', '[NOT_FOUND] value not found in snapshot: [NOT_FOUND] key not found in subtype'],
    ['K8s.server.constructor', 'absent', '[NOT_FOUND] value not found in snapshot: [NOT_FOUND] key not found in subtype'],
    ['K8s.nope.version', 'absent', '[NOT_FOUND] value not found in snapshot: [NOT_FOUND] subtype not found in measurement'],
    [
      'SystemD.containerd.service.x',
      'absent',
      '[NOT_FOUND] value not found in snapshot: [NOT_FOUND] measurement type not found in snapshot',
    ],
    [
      'GPU.hardware[0].model',
      'absent',
      '[NOT_FOUND] value not found in snapshot: [NOT_FOUND] subtype has no items but path uses an item selector',
    ],
    ['NetworkTopology.pfs[7].rail', 'absent', '[NOT_FOUND] value not found in snapshot: [NOT_FOUND] item selector matches no item'],
    ['NetworkTopology.pfs[0].nope', 'absent', '[NOT_FOUND] value not found in snapshot: [NOT_FOUND] key not found in item'],
    [
      'NetworkTopology.pfs[model=nic-x].rail',
      'ambiguous',
      '[CONFLICT] value not found in snapshot: [CONFLICT] item selector matches several items',
    ],
    [
      'Bogus.x.y',
      'invalid-path',
      '[INVALID_REQUEST] invalid constraint path: [INVALID_REQUEST] invalid measurement type in constraint path',
    ],
    [
      'k8s.server.version',
      'invalid-path',
      '[INVALID_REQUEST] invalid constraint path: [INVALID_REQUEST] invalid measurement type in constraint path',
    ],
    [
      'K8s.server',
      'invalid-path',
      '[INVALID_REQUEST] invalid constraint path: [INVALID_REQUEST] invalid constraint path: expected format {Type}.{Subtype}.{Key}',
    ],
    [
      'K8s..version',
      'invalid-path',
      '[INVALID_REQUEST] invalid constraint path: [INVALID_REQUEST] invalid constraint path: subtype or key is empty',
    ],
    [
      'K8s.server.',
      'invalid-path',
      '[INVALID_REQUEST] invalid constraint path: [INVALID_REQUEST] invalid constraint path: subtype or key is empty',
    ],
    [
      'NetworkTopology.pfs[0',
      'invalid-path',
      '[INVALID_REQUEST] invalid constraint path: [INVALID_REQUEST] invalid constraint path: unclosed item selector',
    ],
    [
      'NetworkTopology.pfs[x].rail',
      'invalid-path',
      '[INVALID_REQUEST] invalid constraint path: [INVALID_REQUEST] invalid constraint path: item selector is neither an index nor key=value',
    ],
  ])('%s cannot be looked up: %s', (name, problem, error) => {
    expect(evaluateConstraint(SNAPSHOT, { name, value: '1' })).toEqual({ name, expected: '1', passed: false, error, problem });
  });

  it('reports a false comparison without error, unlike a missing value', () => {
    expect(evaluateConstraint(SNAPSHOT, { name: 'OS.release.ID', value: 'rhel' })).toEqual({
      name: 'OS.release.ID',
      expected: 'rhel',
      actual: 'ubuntu',
      passed: false,
    });
  });
});

describe('well-formed without a snapshot', () => {
  it.each([
    ['K8s.server.version', '>= 1.32.4', true],
    ['OS.release.ID', 'ubuntu', true],
    ['Deployment.driver.version', '>= v1', false],
    ['K8s.server.version', '>= latest', false],
    ['K8s.server.version', '', false],
  ])('%s %s: %s', (name, value, expected) => {
    expect(isWellFormed({ name, value })).toBe(expected);
  });
});

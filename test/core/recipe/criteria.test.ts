import { describe, expect, it } from 'vitest';
import { loadCatalog } from '#core/catalog/load-catalog.ts';
import { parseCriteria } from '#core/recipe/criteria.ts';
import { snapshotCriteria } from '#core/recipe/snapshot-criteria.ts';
import { parseSnapshot } from '#core/snapshot/document.ts';
import { CATALOG, criteriaOf, SNAPSHOT } from './fixture-catalog.ts';

const ANYTHING = { service: 'any', accelerator: 'any', intent: 'any', os: 'any', platform: 'any' };

describe('criteria as typed', () => {
  it.each([
    [{ service: ' EKS ' }, { service: 'eks' }],
    [{ service: 'openshift' }, { service: 'ocp' }],
    [{ service: 'vanilla', intent: 'Training' }, { intent: 'training' }],
    [{ service: 'self-managed', os: 'AL2023' }, { os: 'amazonlinux' }],
    [{ os: 'al2' }, { os: 'amazonlinux' }],
    [{ accelerator: 'RTX-PRO-6000', platform: '' }, { accelerator: 'rtx-pro-6000' }],
    [
      { accelerator: 'h100', nodes: 4 },
      { accelerator: 'h100', nodes: 4 },
    ],
    [{ accelerator: 'h100', nodes: 0 }, { accelerator: 'h100' }],
    [{ accelerator: 'h100', nodes: -3 }, { accelerator: 'h100' }],
    [{ nodes: 8 }, { nodes: 8 }],
  ])('%j', (input, expected) => {
    expect(criteriaOf(input)).toEqual({ ...ANYTHING, ...expected });
  });

  it.each([
    [{ service: 'foo' }, 'invalid service type: foo'],
    [{ accelerator: 'h1000' }, 'invalid accelerator type: h1000'],
    [{ intent: 'serving' }, 'invalid intent type: serving'],
    [{ os: 'debian' }, 'invalid os type: debian'],
    [{ platform: '../x' }, 'invalid platform type: ../x'],
    [{ service: 'constructor' }, 'invalid service type: constructor'],
    [{ service: 'eks', os: '__proto__' }, 'invalid os type: __proto__'],
  ])('%j is refused', (input, message) => {
    expect(() => criteriaOf(input)).toThrowError(expect.objectContaining({ code: 'CRITERIA_INVALID', message }));
  });

  it.each([[{}], [{ service: 'any' }], [{ service: 'self', intent: 'any', nodes: 0 }]])('%j says nothing and is refused', (input) => {
    expect(() => criteriaOf(input)).toThrowError(
      expect.objectContaining({ code: 'CRITERIA_INVALID', message: expect.stringContaining('no criteria given') }),
    );
  });

  it('know the values of overlays, those of a layer unless only the catalog counts', async () => {
    const catalog = await loadCatalog({ catalogDir: 'test/fixture/recipe/catalog', dataDir: 'test/fixture/recipe/layer' });
    const overlays = [...catalog.overlays.values()];

    expect(parseCriteria({ service: 'acme' }, { overlays })).toEqual({ ...ANYTHING, service: 'acme' });
    expect(() => parseCriteria({ service: 'acme' }, { overlays, strict: true })).toThrowError(
      expect.objectContaining({ code: 'CRITERIA_INVALID' }),
    );
  });
});

describe('criteria of a snapshot', () => {
  const scope = { overlays: [...CATALOG.overlays.values()] };

  it('are what the cluster is, with the number of nodes', () => {
    expect(snapshotCriteria(SNAPSHOT, scope)).toEqual({ service: 'eks', accelerator: 'h100', os: 'ubuntu', nodes: 3 });
  });

  it('are any where no recipe knows the value or the cluster does not tell', () => {
    const unknown = parseSnapshot(
      'kind: Snapshot\nmeasurements: [{type: K8s, subtypes: [{subtype: node, data: {provider: openstack}}]}]\n',
      's',
    );

    expect(snapshotCriteria(unknown, scope)).toEqual({ service: 'any', accelerator: 'any', os: 'any', nodes: 0 });
  });
});

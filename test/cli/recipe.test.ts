import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { defineConstraint } from '../../cli/command/constraint.ts';
import { defineFingerprint } from '../../cli/command/fingerprint.ts';
import { defineRecipe } from '../../cli/command/recipe.ts';
import type { DefineVerb } from '../../cli/command/verb.ts';
import { concluder } from '../../cli/output/conclude.ts';
import { treeWith } from '../core/catalog/tree-copy.ts';
import { codeOfPromise } from '../fixture/uplink/code-of.ts';

const CATALOG = ['--catalog', 'test/fixture/recipe/catalog', '--catalog-version', 'v1'];
const LEAF = ['--service', 'eks', '--accelerator', 'h100', '--os', 'ubuntu', '--intent', 'training'];
const SNAPSHOT = 'test/fixture/recipe/snapshot.yaml';
const OVERLAY = 'test/fixture/recipe/catalog/overlays/h100-eks-ubuntu-training.yaml';

/** Runs one verb as the program does. */
async function run(define: DefineVerb, args: readonly string[]): Promise<{ exit: number | undefined; out: string }> {
  const result: { exit: number | undefined; out: string } = { exit: undefined, out: '' };
  const root = new Command('assay').exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  const verb = root.command('verb').exitOverride();
  define(verb, concluder({ write: (text) => (result.out += text), setExit: (exit) => (result.exit = exit) }));
  await root.parseAsync(['verb', ...args], { from: 'user' });
  return result;
}

const recipe = (...args: readonly string[]): ReturnType<typeof run> => run(defineRecipe, args);

describe('recipe digest', () => {
  it.each([[], ['--material']])('refuses a document without criteria, which is no recipe (%j)', async (...flags) => {
    const dir = treeWith({ 'r.yaml': 'kind: RecipeResult\napiVersion: aicr.run/v1alpha2\nmetadata: {version: v1}\ncomponentRefs: []\n' });

    expect(await codeOfPromise(recipe('digest', '-r', join(dir, 'r.yaml'), ...CATALOG, ...flags))).toBe('RECIPE_INVALID');
  });
});

describe('recipe resolve', () => {
  it('prints canonical YAML with indent 2', async () => {
    const { exit, out } = await recipe('resolve', ...CATALOG, ...LEAF);

    expect([exit, out.split('\n').slice(0, 4), out.endsWith('timeout: 30m\n')]).toEqual([
      0,
      ['apiVersion: aicr.run/v1alpha2', 'componentRefs:', '  - chart: certs', '    name: certs'],
      true,
    ]);
  });

  it('takes the format of a file from its suffix, and both files have one digest', async () => {
    const dir = treeWith({});
    for (const name of ['r.yaml', 'r.json']) await recipe('resolve', ...CATALOG, ...LEAF, '-o', join(dir, name));
    const digests = [await recipe('digest', '-r', join(dir, 'r.yaml')), await recipe('digest', '-r', join(dir, 'r.json'))];

    expect([readFileSync(join(dir, 'r.json'), 'utf8').split('\n')[1], digests[0]]).toEqual(['  "kind": "RecipeResult",', digests[1]]);
  });

  it('prints one JSON document with the exit status', async () => {
    const { out } = await recipe('resolve', ...CATALOG, '--service', 'eks', '--format', 'json');
    const document = JSON.parse(out) as Record<string, unknown>;

    expect([Object.keys(document), document.exit, document.criteria]).toEqual([
      ['kind', 'apiVersion', 'metadata', 'criteria', 'constraints', 'componentRefs', 'deploymentOrder', 'validation', 'exit'],
      0,
      { service: 'eks', accelerator: 'any', intent: 'any', os: 'any', platform: 'any' },
    ]);
  });

  it('takes criteria from a snapshot, and a flag before it', async () => {
    const criteria = async (...more: string[]): Promise<unknown> => {
      const { out } = await recipe('resolve', ...CATALOG, '--snapshot', SNAPSHOT, '--format', 'json', ...more);
      return (JSON.parse(out) as { criteria: unknown }).criteria;
    };

    expect([await criteria(), await criteria('--intent', 'training', '--gpu', 'a100', '--service', 'any', '--nodes', '9')]).toEqual([
      { service: 'eks', accelerator: 'h100', intent: 'any', os: 'ubuntu', platform: 'any', nodes: 3 },
      { service: 'any', accelerator: 'a100', intent: 'training', os: 'ubuntu', platform: 'any', nodes: 9 },
    ]);
  });

  it('lays a directory over the catalog', async () => {
    const { out } = await recipe('resolve', ...CATALOG, '--data', 'test/fixture/recipe/layer', '--service', 'acme', '--format', 'json');

    expect((JSON.parse(out) as { metadata: unknown }).metadata).toEqual({ version: 'v1', appliedOverlays: ['base', 'acme'] });
  });

  it.each([
    ['nothing is asked', [], 'CRITERIA_INVALID', 2],
    ['an unknown service', ['--service', 'foo'], 'CRITERIA_INVALID', 2],
    [
      'a value of the layer in strict mode',
      ['--data', 'test/fixture/recipe/layer', '--service', 'acme', '--criteria-strict'],
      'CRITERIA_INVALID',
      2,
    ],
    ['a number of nodes that is none', ['--nodes', 'many'], 'USAGE', 64],
    ['a catalog that does not exist', ['--service', 'eks', '--catalog', 'nowhere'], 'FILE_NOT_FOUND', 2],
    ['a snapshot that does not exist', ['--snapshot', 'nowhere.yaml'], 'FILE_NOT_FOUND', 2],
    ['a snapshot that is none', ['--snapshot', 'test/fixture/recipe/catalog/registry.yaml'], 'SNAPSHOT_INVALID', 2],
    ['a file that cannot be written', ['--service', 'eks', '-o', 'nowhere/r.yaml'], 'OUTPUT_UNWRITABLE', 3],
    ['a format that does not exist', ['--service', 'eks', '--format', 'xml'], 'USAGE', 64],
  ])('is refused for %s', async (...[, args, code, exit]) => {
    await expect(recipe('resolve', ...CATALOG, ...args)).rejects.toMatchObject({ code, exit });
  });

  it('leaves no file behind when it fails', async () => {
    const dir = treeWith({});

    await expect(recipe('resolve', ...CATALOG, '--service', 'foo', '-o', join(dir, 'r.yaml'))).rejects.toMatchObject({
      code: 'CRITERIA_INVALID',
    });
    expect(() => readFileSync(join(dir, 'r.yaml'))).toThrow();
  });
});

describe('recipe digest', () => {
  it('prints bare hex, of an overlay as of what it resolves to', async () => {
    const { exit, out } = await recipe('digest', ...CATALOG, '-r', OVERLAY);

    expect([exit, out]).toEqual([0, expect.stringMatching(/^[0-9a-f]{64}\n$/)]);
  });

  it('has JSON with the kind of digest', async () => {
    const plain = await recipe('digest', ...CATALOG, '-r', OVERLAY);
    const json = await recipe('digest', ...CATALOG, '-r', OVERLAY, '--format', 'json');

    expect(JSON.parse(json.out)).toEqual({ digest: plain.out.trim(), kind: 'canonical', exit: 0 });
  });

  it('covers the catalog version, unlike the material digest', async () => {
    const of = async (version: string, ...more: string[]): Promise<string> =>
      (await recipe('digest', '--catalog', 'test/fixture/recipe/catalog', '--catalog-version', version, '-r', OVERLAY, ...more)).out;

    expect([(await of('v1')) === (await of('v2')), (await of('v1', '--material')) === (await of('v2', '--material'))]).toEqual([
      false,
      true,
    ]);
  });

  it('prints the slice that the material digest covers', async () => {
    const { out } = await recipe('digest', ...CATALOG, '-r', OVERLAY, '--material', '--slice');

    expect((JSON.parse(out) as { materialSliceVersion: number }).materialSliceVersion).toBe(1);
  });

  it.each([
    ['a file that does not exist', 'nowhere.yaml', 'FILE_NOT_FOUND'],
    ['an overlay without criteria', 'test/fixture/recipe/catalog/overlays/base.yaml', 'RECIPE_INVALID'],
    ['a snapshot', SNAPSHOT, 'RECIPE_INVALID'],
  ])('is refused for %s', async (_, path, code) => {
    await expect(recipe('digest', ...CATALOG, '-r', path)).rejects.toMatchObject({ code, exit: 2 });
  });
});

describe('recipe query', () => {
  it.each([
    [['--selector', 'components.driver.version'], 'v2.0.1\n'],
    [
      ['--selector', '.metadata.appliedOverlays', '--format', 'json'],
      '[\n  "base",\n  "h100-any",\n  "eks",\n  "h100-eks-ubuntu-training"\n]\n',
    ],
    [['--selector', 'components.driver.values.operator'], 'nodeSelector: {}\nreplicas: 2\n'],
  ])('%j prints %j', async (args, out) => {
    expect(await recipe('query', ...CATALOG, ...LEAF, ...args)).toEqual({ exit: 0, out });
  });

  it('reads a recipe file', async () => {
    expect(await recipe('query', ...CATALOG, '-r', OVERLAY, '--selector', 'criteria.platform')).toEqual({ exit: 0, out: 'any\n' });
  });

  it('is refused for a selector that leads nowhere', async () => {
    await expect(recipe('query', ...CATALOG, ...LEAF, '--selector', 'components.nope')).rejects.toMatchObject({
      code: 'SELECTOR_NOT_FOUND',
      exit: 2,
    });
  });
});

describe('recipe list', () => {
  it('has a line per overlay', async () => {
    expect((await recipe('list', ...CATALOG, '--service', 'eks')).out).toBe(
      'eks\tpart\tembedded\t-\tservice=eks\nh100-eks-ubuntu-training\tleaf\tembedded\tpass\tservice=eks,accelerator=h100,intent=training,os=ubuntu\n',
    );
  });

  it("prints upstream's JSON list", async () => {
    const { out } = await recipe('list', ...CATALOG, '--format', 'json');

    expect((JSON.parse(out) as { name: string }[]).map(({ name }) => name)).toEqual(['eks', 'h100-any', 'h100-eks-ubuntu-training']);
  });
});

describe('recipe diff', () => {
  it('of a recipe with itself says so and ends 0', async () => {
    expect(await recipe('diff', ...CATALOG, OVERLAY, OVERLAY)).toEqual({ exit: 0, out: 'same recipe\n' });
  });

  it('of two recipes ends 1 and shows both sides', async () => {
    const dir = treeWith({ 'a.yaml': 'criteria: {service: eks}\n', 'b.yaml': 'criteria: {service: gke}\n' });
    const text = await recipe('diff', join(dir, 'a.yaml'), join(dir, 'b.yaml'));
    const json = await recipe('diff', join(dir, 'a.yaml'), join(dir, 'b.yaml'), '--format', 'json');

    expect([text, json.exit, JSON.parse(json.out)]).toEqual([
      { exit: 1, out: 'criteria.service\n- eks\n+ gke\n' },
      1,
      {
        exit: 1,
        equal: false,
        before: expect.stringMatching(/^[0-9a-f]{64}$/),
        after: expect.stringMatching(/^[0-9a-f]{64}$/),
        changes: [{ path: 'criteria.service', before: 'eks', after: 'gke' }],
      },
    ]);
  });
});

describe('recipe without an operation that exists', () => {
  it.each([[[]], [['resolv']]])('%j is a usage error', async (args) => {
    await expect(recipe(...args)).rejects.toMatchObject({ code: 'USAGE', exit: 64 });
  });
});

describe('fingerprint', () => {
  it('prints the fingerprint with exit, and the match when a recipe is given', async () => {
    const alone = JSON.parse((await run(defineFingerprint, ['-s', SNAPSHOT, '--format', 'json'])).out) as Record<string, unknown>;
    const matched = JSON.parse(
      (await run(defineFingerprint, ['-s', SNAPSHOT, '-r', OVERLAY, ...CATALOG, '--format', 'json'])).out,
    ) as Record<string, { matched?: boolean }>;

    expect([Object.keys(alone), matched.criteriaMatch?.matched]).toEqual([
      ['service', 'accelerator', 'gpuModel', 'os', 'k8sVersion', 'region', 'nodeCount', 'gpuNodeCount', 'exit'],
      true,
    ]);
  });

  it('prints a line per dimension', async () => {
    const { out } = await run(defineFingerprint, ['-s', SNAPSHOT, '-r', OVERLAY, ...CATALOG]);

    expect(out.split('\n').slice(0, 4)).toEqual([
      'service       eks  [k8s.node.provider]',
      'accelerator   h100  [nodeTopology.label.nvidia.com/gpu.product]',
      'gpuModel      h100  [gpu.hardware.model]',
      'os            ubuntu 24.04  [os.release]',
    ]);
    expect(out).toContain('criteria matched\n  service     matched: recipe eks, cluster eks\n');
  });
});

describe('constraint eval', () => {
  const evaluate = async (name: string, value: string): Promise<unknown> => {
    const { exit, out } = await run(defineConstraint, ['eval', '-s', SNAPSHOT, '--name', name, '--value', value, '--format', 'json']);
    return [exit, JSON.parse(out)];
  };

  it('ends 0 for a constraint that holds, 1 for one that does not', async () => {
    expect([await evaluate('OS.release.ID', 'ubuntu'), await evaluate('OS.release.ID', 'rhel')]).toEqual([
      [0, { name: 'OS.release.ID', expected: 'ubuntu', actual: 'ubuntu', passed: true, exit: 0 }],
      [1, { name: 'OS.release.ID', expected: 'rhel', actual: 'ubuntu', passed: false, exit: 1 }],
    ]);
  });

  it('ends 2 with the reason when there is nothing to compare', async () => {
    expect(await evaluate('OS.release.NOPE', 'x')).toEqual([
      2,
      {
        name: 'OS.release.NOPE',
        expected: 'x',
        actual: null,
        passed: false,
        error: '[NOT_FOUND] value not found in snapshot: [NOT_FOUND] key not found in subtype',
        problem: 'absent',
        exit: 2,
      },
    ]);
  });

  it('says it in a sentence', async () => {
    const { out } = await run(defineConstraint, ['eval', '-s', SNAPSHOT, '--name', 'K8s.server.version', '--value', '>= 1.34']);

    expect(out).toBe('K8s.server.version: does not hold: expected >= 1.34, got v1.33.4-eks-1\n');
  });
});

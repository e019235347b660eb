import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { chartPage, chartValues } from '../../tools/gen-chart-page.ts';
import { call, CHART, refusal, skipHelm, VALUES, valuesFile, WHY_NO_HELM } from './helm.ts';

const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8')) as object;
const isValid = new Ajv({ strict: true, allowUnionTypes: true }).compile(schema);

/** Where values break the schema; empty when they do not. */
function faults(values: unknown): readonly string[] {
  return isValid(values) ? [] : (isValid.errors ?? []).map(({ instancePath, keyword }) => `${instancePath} ${keyword}`);
}

/** `a.b.c` and a value as the nested values that they stand for. */
function nested(path: string, value: unknown): unknown {
  return path.split('.').reduceRight((inner, key) => ({ [key]: inner }), value);
}

/** Every path for which the schema has properties. */
function schemaPaths(node: Record<string, any>, prefix = ''): readonly string[] {
  return Object.entries(node['properties'] as Record<string, any>).flatMap(([name, own]) => {
    const target = own.$ref === undefined ? own : (schema as any).definitions[own.$ref.split('/').at(-1)];
    const isGroup = target.properties !== undefined && !['affinity', 'resources'].includes(own.$ref?.split('/').at(-1));
    return isGroup ? schemaPaths(target, `${prefix}${name}.`) : [`${prefix}${name}`];
  });
}

describe('the schema of the values', () => {
  it.each(['values.yaml', ...VALUES.map((name) => `ci/${name}-values.yaml`)])('takes %s', (file) => {
    expect(faults(parse(readFileSync(`${CHART}/${file}`, 'utf8')))).toEqual([]);
  });

  it('knows exactly the values of values.yaml, and each is explained there', () => {
    const known = chartValues().map(({ path }) => path);

    expect(schemaPaths(schema).filter((path) => path !== 'global')).toEqual(known);
    expect(chartValues().filter(({ doc }) => !/^[A-Z`].*[.`]$/.test(doc))).toEqual([]);
    expect(chartPage().match(/^\| `[a-z]/gm)).toHaveLength(known.length);
  });

  it.each([
    ['an unknown value', 'recipie.file', 'x', ' additionalProperties'],
    ['an unknown value of a group', 'agent.privileged', true, '/agent additionalProperties'],
    ['an unknown field of a toleration', 'agent.tolerations', [{ name: 'nvidia.com/gpu' }], '/agent/tolerations/0 additionalProperties'],
    ['a digest without algorithm', 'images.agent.digest', 'a'.repeat(64), '/images/agent/digest pattern'],
    ['a short digest', 'images.cli.digest', 'sha256:abc', '/images/cli/digest pattern'],
    ['an upper-case digest', 'images.cli.digest', `sha256:${'A'.repeat(64)}`, '/images/cli/digest pattern'],
    ['a digest in the repository', 'images.agent.repository', `r.example/a@sha256:${'a'.repeat(64)}`, '/images/agent/repository pattern'],
    ['a tag in the repository', 'images.agent.repository', 'r.example/a:1', '/images/agent/repository pattern'],
    ['a registry with a scheme', 'registry.repository', 'https://r.example/a', '/registry/repository pattern'],
    ['a registry without a path', 'registry.repository', 'r.example', '/registry/repository pattern'],
    ['an artifact by digest', 'registry.repository', `r.example/a@sha256:${'a'.repeat(64)}`, '/registry/repository pattern'],
    ['another way to the GPU', 'gpuAccess', 'privileged', '/gpuAccess enum'],
    ['a driver root with a step up', 'gpu.driverRoot', '/run/../etc', '/gpu/driverRoot pattern'],
    ['the whole host as driver root', 'gpu.driverRoot', '/', '/gpu/driverRoot pattern'],
    ['root as group', 'gpu.amdGroups', [0], '/gpu/amdGroups/0 minimum'],
    ['root as user', 'podSecurity.runAsUser', 0, '/podSecurity/runAsUser minimum'],
    ['an address without scheme', 'sigstore.fulcioUrl', 'fulcio.example', '/sigstore/fulcioUrl pattern'],
    ['an address that ends a line', 'sigstore.rekorUrl', 'https://r.example/\n- --x', '/sigstore/rekorUrl pattern'],
    ['an address with credentials', 'sigstore.tsaUrl', 'https://u:p@r.example', '/sigstore/tsaUrl pattern'],
    ['a number as API version', 'sigstore.rekorApi', 2, '/sigstore/rekorApi enum'],
    ['no audience', 'sigstore.audience', '', '/sigstore/audience pattern'],
    ['a duration without unit', 'collector.deadline', '900', '/collector/deadline pattern'],
    ['a duration of two units', 'collector.stall', '1m30s', '/collector/stall pattern'],
    ['an unknown phase', 'collector.phases', ['readiness'], '/collector/phases/0 enum'],
    ['a phase twice', 'collector.phases', ['conformance', 'conformance'], '/collector/phases uniqueItems'],
    ['a schedule of four fields', 'schedule', '0 3 * *', '/schedule pattern'],
    ['a share of no agents', 'agent.maxUnavailable', '0%', '/agent/maxUnavailable pattern'],
    ['a requirement without operator', 'agent.extraNodes', [{ key: 'a' }], '/agent/extraNodes/0 required'],
    [
      'a value that breaks a selector',
      'agent.extraNodes',
      [{ key: 'a', operator: 'In', values: ['b),!c'] }],
      '/agent/extraNodes/0/values/0 pattern',
    ],
    ['a variable without name', 'agent.extraEnv', [{ value: 'x' }], '/agent/extraEnv/0 required'],
    ['a number as variable', 'agent.extraEnv', [{ name: 'A', value: 1 }], '/agent/extraEnv/0/value type'],
    [
      'a rule that writes',
      'rbac.extraRules',
      [{ apiGroups: [''], resources: ['pods'], verbs: ['create'] }],
      '/rbac/extraRules/0/verbs/0 enum',
    ],
    [
      'a rule that does all',
      'rbac.extraRules',
      [{ apiGroups: [''], resources: ['pods'], verbs: ['*'] }],
      '/rbac/extraRules/0/verbs/0 enum',
    ],
    ['a pin that is none', 'tls.pin', 'sha1:abc', '/tls/pin pattern'],
    ['a name that no object may have', 'registry.secretName', 'Evidence_Push', '/registry/secretName pattern'],
    ['a name too long for a Job', 'runName', 'x'.repeat(19), '/runName pattern'],
    ['an unknown level', 'checks.podSecurity', 'none', '/checks/podSecurity enum'],
    ['a criterion with a comma', 'recipe.criteria.service', 'eks,accelerator=h100', '/recipe/criteria/service pattern'],
  ])('refuses %s', (_, path, value, fault) => {
    expect(faults(nested(path, value))).toEqual([fault]);
  });
});

describe('the chart', () => {
  it('has the version of the programs, in chart and in images', () => {
    const { version, appVersion } = parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8'));
    const programs = JSON.parse(readFileSync('package.json', 'utf8')).version;

    expect([version, appVersion]).toEqual([programs, programs]);
  });
});

describe.skipIf(skipHelm)(`helm ${WHY_NO_HELM}`, () => {
  it.each(VALUES)('lints the chart strictly with the values %s', (name) => {
    expect(call('helm', ['lint', '--strict', CHART, '-f', valuesFile(name)])).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining('0 chart(s) failed'),
    });
  });

  it('holds values against the schema', () => {
    expect(refusal('minimal', ['images.agent.digest=latest'])).toMatch(
      /values don't meet the specifications of the schema[\s\S]*\/images\/agent\/digest/,
    );
  });

  it.each([
    ['nothing to certify', ['recipe.criteria=null'], 'what should be certified?'],
    ['two things to certify', ['recipe.configMap=mine'], 'give one of recipe.file, recipe.configMap and recipe.criteria'],
    [
      'an image without repository',
      ['images.cli.repository='],
      "images.cli.repository is needed: where the image built from the Dockerfile's target cli was pushed",
    ],
    ['an image without digest', ['images.agent.digest=', 'images.agent.tag=main'], 'images.agent.digest is needed (sha256:…)'],
    ['an image with neither digest nor tag', ['images.agent.digest=', 'images.allowTags=true'], 'images.agent needs a digest or a tag'],
    ['an own image without digest', ['agent.image=r.example/tools:1'], 'agent.image needs a digest'],
    [
      'services named twice',
      ['sigstore.fulcioUrl=https://f.example', 'sigstore.signingConfig=x'],
      'leave out fulcioUrl, rekorUrl and tsaUrl',
    ],
    [
      'a certificate authority alone',
      ['sigstore.fulcioUrl=https://f.example'],
      'sigstore.fulcioUrl needs sigstore.rekorUrl or sigstore.tsaUrl',
    ],
    ['documents given twice', ['sigstore.configMap=x', 'sigstore.trustedRoot=y'], 'sigstore.configMap holds both documents'],
    ['credentials for nowhere', ['registry.repository='], 'registry.secretName without registry.repository'],
    ['a release that never runs', ['runNow=false'], 'runNow=false without a schedule'],
    [
      'a requirement without its values',
      ['agent.extraNodes[0].key=a', 'agent.extraNodes[0].operator=In'],
      'agent.extraNodes: a In takes values',
    ],
    [
      'a requirement with values for nothing',
      ['agent.extraNodes[0].key=a', 'agent.extraNodes[0].operator=Exists', 'agent.extraNodes[0].values={b}'],
      'agent.extraNodes: a Exists takes no values',
    ],
  ])('refuses %s, and says what to do', (_, set, message) => {
    expect(refusal('minimal', set)).toContain(message);
  });
});

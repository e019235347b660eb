import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { readSettings } from '#core/setting/read-settings.ts';
import { RUN_SETTINGS } from '../../agent/config.ts';
import { VERBS } from '../../cli/command/catalog.ts';
import { readCollectorConfig } from '../../collector/config.ts';
import {
  agentPod,
  call,
  objectOf,
  renderTest,
  type Manifest,
  CHART,
  render,
  runPod,
  skipHelm,
  VALUES,
  valuesFile,
  variables,
  WHY_NO_HELM,
  type ValuesName,
} from './helm.ts';

const PIN = `sha256:${'2'.repeat(64)}`;
const JOB_UID = '6f1c1c0e-4a51-4d0e-9d3a-0a6f7a2f8a11';

/** As the kubelet does: `$(NAME)` becomes the variable. */
function expanded(text: string): string {
  return text.replaceAll('$(ASSAY_JOB_UID)', JOB_UID);
}

function assayVariables(container: any, examples: Readonly<Record<string, string>>): Record<string, string> {
  const all = Object.entries(variables(container, examples)).filter(([name]) => name.startsWith('ASSAY_'));
  return Object.fromEntries(all.map(([name, value]) => [name, expanded(value)]));
}

function collectorConfig(name: ValuesName): ReturnType<typeof readCollectorConfig> {
  const env = assayVariables(runPod(render(name)).collect, { ASSAY_NAMESPACE: 'gpu', ASSAY_JOB_UID: JOB_UID });
  return readCollectorConfig([], env);
}

/** What a verb makes of words that follow its name. */
async function parsed(
  name: string,
  words: readonly string[],
): Promise<{ readonly operands: readonly string[]; readonly options: Record<string, unknown> }> {
  const entry = VERBS.find((verb) => verb.name === name);
  if (entry === undefined) throw new Error(`assay has no verb ${name}`);
  const command = new Command(name).exitOverride().configureOutput({ writeErr: () => undefined });
  (await entry.load())(command, () => Promise.resolve());
  const found: { operands: readonly string[]; options: Record<string, unknown> } = { operands: [], options: {} };
  command.action(() => {
    found.operands = command.args;
    found.options = command.opts();
  });
  await command.parseAsync([...words], { from: 'user' });
  return found;
}

describe.skipIf(skipHelm)(`what the chart gives its programs ${WHY_NO_HELM}`, () => {
  it.each(VALUES)('is a whole set of settings for the agent (%s)', (name) => {
    const env = assayVariables(agentPod(render(name)).containers[0], { ASSAY_COLLECTOR_KEY: PIN, ASSAY_NODE_NAME: 'node-a' });

    expect(readSettings(RUN_SETTINGS, { args: [], env })).toMatchObject({
      collector: `wss://${name === 'private-sigstore' ? 'evidence' : 'r-assay'}-collector.gpu.svc:8443/v1/agent`,
      collectorKey: PIN,
      tokenFile: '/var/run/secrets/assay/token',
      journalDir: '/var/lib/assay/journal',
      nodeName: 'node-a',
      stay: true,
    });
  });

  it.each(VALUES)('is a whole set of settings for the collector (%s)', (name) => {
    expect(collectorConfig(name)).toMatchObject({
      cluster: true,
      release: name === 'private-sigstore' ? 'evidence' : 'r-assay',
      namespace: 'gpu',
      jobUid: JOB_UID,
      listen: { host: '0.0.0.0', port: 8443 },
      sign: 'none',
    });
  });

  it('says to the collector what the values say', () => {
    expect(collectorConfig('private-sigstore')).toMatchObject({
      tokenAudience: 'assay.gpu.evidence',
      expectSelector: [
        { key: 'node.lab.example/pool', operator: 'In', values: ['gpu', 'gpu-spare'] },
        { key: 'node.lab.example/retired', operator: 'DoesNotExist', values: [] },
      ],
      deadline: 1_800_000,
      stall: 180_000,
      deliveryWait: 1_800_000,
      phases: ['deployment', 'conformance'],
      accelerator: 'h200',
      full: true,
      logs: true,
      recipe: '/etc/assay/recipe/recipe.yaml',
      stateDir: `/var/lib/assay/${JOB_UID}/state`,
      out: `/var/lib/assay/${JOB_UID}/out`,
    });
    expect(collectorConfig('amd-schedule-active')).toMatchObject({
      checksActive: true,
      checksNamespace: 'gpu-r-assay-checks',
      validatorImages: [],
    });
    expect(collectorConfig('minimal').validatorImages).toEqual(
      ['agent', 'collector'].map((name) => ({ image: `registry.example.org/assay/${name}`, digest: `sha256:${'1'.repeat(64)}` })),
    );
    expect(collectorConfig('minimal')).toMatchObject({
      criteria: { service: 'eks', accelerator: 'h100', intent: 'training' },
      checksActive: false,
    });
  });

  it('is what deliver takes', async () => {
    const words = (name: ValuesName): readonly string[] => runPod(render(name)).sign.args.map(expanded);
    const [verb, ...rest] = words('private-sigstore');

    expect(verb).toBe('deliver');
    expect(await parsed('deliver', rest)).toMatchObject({
      operands: [`/var/lib/assay/${JOB_UID}/out`],
      options: {
        jobUid: JOB_UID,
        stateDir: `/var/lib/assay/${JOB_UID}/state`,
        wait: '2h',
        retryFor: '1h',
        push: 'registry.lab.example:5000/gpu/evidence',
        registryConfig: '/etc/assay/registry/config.json',
        identityTokenFile: '/var/run/sigstore/cosign/oidc-token',
        fulcioUrl: 'https://fulcio.lab.example',
        rekorUrl: 'https://rekor.lab.example',
        rekorApi: '2',
        tsaUrl: 'https://tsa.lab.example/api/v1/timestamp',
        trustedRoot: '/etc/assay/sigstore/trusted_root.json',
      },
    });
    expect((await parsed('deliver', words('amd-schedule-active').slice(1))).options).toMatchObject({
      plainHttp: true,
      push: 'registry.example.org/team/evidence:weekly',
    });
    expect((await parsed('deliver', words('minimal').slice(1))).options).not.toHaveProperty('fulcioUrl');
  });

  it('is what the test of a release asks for', async () => {
    const { initContainers, containers } = objectOf(renderTest('private-sigstore'), 'Pod').spec;
    const [verb, ...rest] = containers[0].args;

    expect(initContainers.map(({ name, args }: Manifest) => [name, args])).toEqual([
      ['agent', ['--version']],
      ['collector', ['--version']],
    ]);
    expect([verb, (await parsed(verb, rest)).options]).toEqual([
      'wait',
      expect.objectContaining({ namespace: 'gpu', release: 'evidence', for: 'sealed' }),
    ]);
  });

  it('is followed by notes whose commands exist', async () => {
    const { stdout } = call('helm', ['install', 'r', CHART, '-n', 'gpu', '-f', valuesFile('minimal'), '--dry-run=client']);
    const commands = [...(stdout.split('NOTES:')[1]?.matchAll(/^ {2}assay (\w+) (.*)$/gm) ?? [])].map(([, verb = '', words = '']) => ({
      verb,
      words: words.split(' '),
    }));

    expect(commands.map(({ verb }) => verb)).toEqual(['status', 'wait']);
    for (const { verb, words } of commands) await parsed(verb, words);
  });
});

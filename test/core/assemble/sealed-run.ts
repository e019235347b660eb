import type { Recipe } from '#core/recipe/document.ts';
import type { RecordBody } from '#core/wire/record.ts';
import type { NodeName, RunId, SealedRun } from '#core/wire/run.ts';

const name = (text: string): NodeName => text as NodeName;

/** Records of one healthy node: facts, one passed and one skipped check. */
export function nodeRecords(
  options: { readonly model?: string; readonly status?: 'passed' | 'failed' | 'other' } = {},
): readonly RecordBody[] {
  const fact = (type: 'OS' | 'GPU', subtype: string, key: string, value: string | boolean) =>
    ({ type, subtype, key, reading: { state: 'read', value }, source: '/etc/os-release' }) as const;
  return [
    {
      kind: 'measurements',
      sampledAtMs: 1_000,
      measurements: [
        fact('OS', 'release', 'ID', 'ubuntu'),
        fact('OS', 'release', 'VERSION_ID', '24.04'),
        fact('GPU', 'hardware', 'gpu-present', options.model !== undefined),
        ...(options.model === undefined ? [] : [fact('GPU', 'hardware', 'model', options.model)]),
        {
          type: 'Hardware',
          subtype: 'pci',
          item: '0000:00:01.0',
          key: 'vendor',
          reading: { state: 'read', value: '10de' },
          source: '/sys/bus/pci',
        },
        { type: 'OS', subtype: 'release', key: 'VARIANT', reading: { state: 'absent', reason: 'no such line' }, source: '/etc/os-release' },
      ],
    },
    { kind: 'phase-started', phase: 'deployment', atMs: 1_100 },
    {
      kind: 'check',
      result: {
        phase: 'deployment',
        check: 'kernel-release',
        status: options.status ?? 'passed',
        durationMs: 2.4,
        startedAtMs: 1_100,
        message: 'secret text',
        extra: { release: '6.8.0' },
      },
    },
    {
      kind: 'check',
      result: {
        phase: 'deployment',
        check: 'gpu-driver',
        status: 'skipped',
        durationMs: 0,
        startedAtMs: 1_103,
        message: 'no GPU on the PCI bus',
        stdout: ['raw'],
      },
    },
    { kind: 'phase-ended', phase: 'deployment', atMs: 1_200 },
    { kind: 'finished', atMs: 1_300 },
  ];
}

/** A sealed run of three expected nodes of which one never connected. */
export function sealedRun(changes: Partial<SealedRun> = {}): SealedRun {
  return {
    runId: 'run-1' as RunId,
    nonce: 'ab'.repeat(32),
    openedAtMs: 500,
    sealedAtMs: 1_700_000_000_999,
    expected: [name('gpu-b'), name('gpu-a'), name('gpu-c')],
    reports: [
      { node: name('gpu-b'), agentVersion: '0.1.0', records: nodeRecords({ model: 'h100' }), complete: true },
      { node: name('gpu-a'), agentVersion: '0.1.0', records: nodeRecords(), complete: true },
    ],
    absences: [{ node: name('gpu-c'), reason: 'never-connected', detail: 'no agent of this node connected before the deadline' }],
    ...changes,
  };
}

/** A recipe that asks for one check no node can run. */
export const RECIPE: Recipe = {
  kind: 'RecipeResult',
  apiVersion: 'aicr.run/v1alpha2',
  metadata: { version: 'v1' },
  criteria: { service: 'any', accelerator: 'h100', intent: 'training', os: 'ubuntu', platform: 'any' },
  componentRefs: [
    {
      name: 'gpu-operator',
      type: 'Helm',
      source: 'https://charts.example/nvidia',
      chart: 'gpu-operator',
      version: 'v1.0.0',
      namespace: 'gpu-operator',
    },
    { name: 'off', type: 'Helm', source: 'https://charts.example/off', chart: 'off', version: '1.0.0', overrides: { enabled: false } },
  ],
  deploymentOrder: ['gpu-operator'],
  validation: { deployment: { checks: ['operator-health', 'kernel-release'] } },
};

import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startProgram, type ProgramEnd } from '#core/process/program.ts';
import { verifyEvidence } from '#core/verify/verify-evidence.ts';
import type { RunEvent } from '#core/wire/run-event.ts';
import { temporaryDirectory } from '../fixture/run/assay.ts';

const NODE = 'finish-node';
const ROUNDS = 12;

interface CollectorRun {
  readonly events: readonly RunEvent[];
  readonly end: ProgramEnd;
  readonly wallMs: number;
  readonly sealedAtMs: number;
}

/** Runs the real collector; `onEvent` may kill it. */
async function collector(directory: string, onEvent: (event: RunEvent, kill: () => void) => void = () => undefined): Promise<CollectorRun> {
  const startedAt = performance.now();
  const args = [
    '--state-dir',
    join(directory, 'state'),
    '--out',
    join(directory, 'out'),
    '--recipe',
    'recipes/host/linux.yaml',
    '--token-file',
    join(directory, 'token'),
    '--expect',
    NODE,
    '--sign',
    'lab',
    '--scope',
    'host',
  ];
  const program = startProgram('collector', { args, log: 'keep' });
  const events: RunEvent[] = [];
  let sealedAtMs = 0;
  for await (const line of program.lines) {
    const event = JSON.parse(line) as RunEvent;
    events.push(event);
    if (event.event === 'sealed') sealedAtMs = performance.now() - startedAt;
    onEvent(event, () => program.kill('SIGKILL'));
  }
  return { events, end: await program.ended, wallMs: performance.now() - startedAt, sealedAtMs };
}

/** A directory with a sealed ledger whose collector died at the seal. */
async function sealedState(): Promise<string> {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'token'), 'a-token-of-enough-length');
  await collector(directory, (event, kill) => {
    if (event.event === 'sealed') kill();
    if (event.event !== 'listening') return;
    const args = [
      'run',
      '--collector',
      event.url,
      '--collector-key',
      event.key,
      '--token-file',
      join(directory, 'token'),
      '--node-name',
      NODE,
      '--journal-dir',
      join(directory, 'journal'),
    ];
    void startProgram('agent', { args, log: 'keep' }).ended;
  });
  return directory;
}

function copyOf(directory: string): string {
  const copy = temporaryDirectory();
  cpSync(join(directory, 'state'), join(copy, 'state'), { recursive: true });
  cpSync(join(directory, 'token'), join(copy, 'token'));
  return copy;
}

function digestIn({ events }: CollectorRun): string | undefined {
  return events.find((event) => event.event === 'published')?.digest;
}

it('a collector killed anywhere after the seal leaves no half bundle, and started again gives the same artifact', async () => {
  const sealed = await sealedState();
  const reference = await collector(copyOf(sealed));
  expect(digestIn(reference), reference.end.log).toMatch(/^sha256:/);
  const afterSealMs = reference.wallMs - reference.sealedAtMs;

  for (let round = 0; round < ROUNDS; round += 1) {
    const directory = copyOf(sealed);
    const delayMs = (afterSealMs * round) / ROUNDS;
    await collector(directory, (event, kill) => {
      if (event.event === 'sealed') setTimeout(kill, delayMs);
    });

    const bundle = join(directory, 'out', 'summary-bundle');
    if (existsSync(bundle)) {
      const root = join(directory, 'out', 'trusted_root.json');
      const { exit, steps } = await verifyEvidence(bundle, { offline: true, ...(existsSync(root) ? { trustedRoot: root } : {}) });
      expect([round, steps.find(({ name }) => name === 'inventory')?.status ?? exit]).toEqual([
        round,
        existsSync(join(bundle, 'attestation.intoto.jsonl')) && !existsSync(root) ? 'skipped' : 'passed',
      ]);
    }
    const again = await collector(directory);
    expect([round, digestIn(again), again.end.exit]).toEqual([round, digestIn(reference), reference.end.exit]);
    expect(readdirSync(join(directory, 'out')).sort()).toEqual(['oci', 'pointer.yaml', 'summary-bundle', 'trusted_root.json']);
    expect(readFileSync(join(bundle, 'manifest.json')).byteLength).toBeGreaterThan(0);
  }
}, 120_000);

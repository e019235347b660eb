import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registryStore } from '#core/oci/registry/registry-store.ts';
import { startFaultProxy, type FaultProxy } from '../../../tools/services/fault-proxy.ts';
import { startStack, type Stack } from '../../../tools/services/stack.ts';
import { assay, place, skipServices, WHY_SKIPPED } from '../../fixture/services.ts';
import { honestEvidence, signEvidence, writeFiles } from '../../fixture/verify/evidence.ts';

/** Every so manieth request of a publication ends its process. */
const STEP = 7;

describe.skipIf(skipServices)(`a publication that is killed ${WHY_SKIPPED}`, () => {
  let stack: Stack;
  let proxy: FaultProxy;
  let files: ReadonlyMap<string, Uint8Array>;
  beforeAll(async () => {
    stack = await startStack();
    proxy = await startFaultProxy(`http://${stack.plainRegistry}`);
    files = (await signEvidence(honestEvidence())).files;
  });
  afterAll(async () => {
    await proxy?.close();
    await stack?.stop();
  });

  function bundle(): string {
    const directory = join(place(), 'summary-bundle');
    mkdirSync(directory);
    return writeFiles(directory, files);
  }

  /** Publishes and ends the process with its n-th request, before or after the registry sees it. @returns whether it came that far */
  async function publishAndKill(
    directory: string,
    repository: string,
    kill: { readonly at: number; readonly before: boolean },
  ): Promise<boolean> {
    const child = spawn(
      process.execPath,
      ['cli/main.ts', 'publish', directory, '--push', `${proxy.url.slice('http://'.length)}/${repository}:v1`],
      { stdio: 'ignore', env: { HOME: '/nonexistent' } },
    );
    const ended = new Promise<NodeJS.Signals | null>((done) => child.once('exit', (_, signal) => done(signal)));
    const first = proxy.seen.length;
    proxy.setFault(({ count }) => {
      if (count - first < kill.at) return undefined;
      child.kill('SIGKILL');
      return kill.before ? { kind: 'cut' } : { kind: 'lose-answer' };
    });
    const signal = await ended;
    proxy.setFault(() => undefined);
    return signal === 'SIGKILL';
  }

  async function stateOf(repository: string): Promise<unknown> {
    const store = registryStore({ registry: stack.plainRegistry, repository }, {});
    const artifact = await store.resolve('v1');
    const referrers = artifact === undefined ? [] : await store.referrers(artifact.digest);
    return { tags: (await store.listTags()).length, artifact, referrers };
  }

  it.each([{ before: true }, { before: false }])(
    'anywhere ends, run again, in the state of one that was not (before the registry saw the request: $before)',
    async ({ before }) => {
      const undisturbed = bundle();
      await assay(['publish', undisturbed, '--push', `${stack.plainRegistry}/whole/${before}:v1`]);
      const expected = await stateOf(`whole/${before}`);
      const pointer = readFileSync(join(undisturbed, '../pointer.yaml'), 'utf8').replaceAll(`whole/${before}`, 'x');

      let killed = 0;
      for (let at = 1, cameThatFar = true; cameThatFar; at += STEP) {
        const [directory, repository] = [bundle(), `killed/${before}-${at}`];
        cameThatFar = await publishAndKill(directory, repository, { at, before });
        killed += cameThatFar ? 1 : 0;
        const again = await assay(['publish', directory, '--push', `${stack.plainRegistry}/${repository}:v1`, '--format', 'json']);

        expect({ at, exit: again.exit, state: await stateOf(repository) }).toEqual({ at, exit: 0, state: expected });
        expect(readFileSync(join(directory, '../pointer.yaml'), 'utf8').replaceAll(repository, 'x')).toBe(pointer);
      }
      expect(killed).toBeGreaterThan(5);
    },
    120_000,
  );
});

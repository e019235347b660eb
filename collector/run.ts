import { readFile } from 'node:fs/promises';
import { AssayError, errorText, type ExitCode } from '#core/error.ts';
import type { Log } from '#core/log.ts';
import { nodeConstraints } from '#core/recipe/node-constraint.ts';
import type { CollectorConfig } from './config.ts';
import { gatherRun, newRunEntry, openRunLedger, openSealedRun, type CollectorContext } from './gather-run.ts';
import type { OpenedLedger } from './ledger/ledger.ts';
import { bearerAdmission } from './session/admission.ts';
import { readRunRecipe } from './read-run-recipe.ts';
import { Gathering } from './session/gathering.ts';

const TOKEN_LENGTH_MIN = 16;

/**
 * One run, from the first agent to the finished bundle: open the ledger, gather until every node has reported or the
 * time is over, seal, finish. Killed at any moment and started again, it goes on where its ledger ends.
 * @returns exit status of the program
 */
export async function runCollector(config: CollectorConfig, context: CollectorContext): Promise<ExitCode> {
  if (config.cluster) {
    const { runInCluster } = await import('./cluster/run-in-cluster.ts');
    return runInCluster(config, context);
  }
  const opened = await openRunLedger(config.stateDir, context, async () =>
    newRunEntry({ ...config, constraints: nodeConstraints(await readRunRecipe(config)) }, context.clock.nowMs()),
  );
  try {
    noteIgnoredSettings(opened, config, context.log);
    if (opened.replay.seal === undefined) {
      const admission = bearerAdmission(await readToken(config.tokenFile ?? ''));
      const gathering = new Gathering({ ...opened, graceMs: config.grace, ...context });
      await gatherRun({ config, admission, gathering }, context);
    }
    const sealed = await openSealedRun(opened, context);
    return (await context.finish(sealed, config, context.emit)).exit;
  } finally {
    await opened.ledger.close();
  }
}

/** What a run expects was fixed when it was opened: other values on a later command line change nothing, and that is said. */
function noteIgnoredSettings({ run }: OpenedLedger, config: CollectorConfig, log: Log): void {
  const same = run.deadlineMs === config.deadline && run.expected.join('\n') === config.expect.join('\n');
  if (!same)
    log.warn(
      { runId: run.runId, expected: run.expected, deadlineMs: run.deadlineMs },
      'the state directory holds a run with other settings',
    );
}

async function readToken(path: string): Promise<string> {
  const token = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AssayError('CONFIG_INVALID', `the token file cannot be read: ${errorText(cause)}`, { cause, hint: 'Check --token-file.' });
  });
  if (token.trim().length < TOKEN_LENGTH_MIN)
    throw new AssayError('CONFIG_INVALID', `the token in ${path} has fewer than ${String(TOKEN_LENGTH_MIN)} characters`, {
      hint: 'Write a random one, for example: openssl rand -hex 32',
    });
  return token.trim();
}

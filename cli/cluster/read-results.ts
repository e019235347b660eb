import { RUN_ORDER } from '#core/ctrf/report.ts';
import { parseReport } from '#core/ctrf/parse-report.ts';
import { AssayError, isAssayError } from '#core/error.ts';
import { parseReference } from '#core/oci/reference.ts';
import { registryOptions, type RegistryFlags } from '../registry/registry-flags.ts';
import type { ClusterPlace, RunFlags } from './cluster-flags.ts';
import { findRelease } from './find-release.ts';
import { findRun, type Run } from './find-run.ts';
import { readTrace } from './read-trace.ts';
import { runState } from './run-view.ts';
import { tracedAbsences, tracedTests, type TestsOfRun } from './run-results.ts';

/** Where results are looked for. */
export interface ResultQuestion extends Pick<RunFlags, 'release' | 'run'>, RegistryFlags {
  /** The log alone, the evidence alone, or the evidence where it was pushed and can be had, else the log. */
  readonly from: 'auto' | 'log' | 'evidence';
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * The results of a run: of its evidence when that was pushed, of its log otherwise. Nothing is verified here.
 * @throws RUN_NOT_FOUND, USAGE, CLUSTER_*; BUNDLE_INVALID, REGISTRY_* and others of the store when the evidence is asked for
 */
export async function readResults(place: ClusterPlace, question: ResultQuestion): Promise<TestsOfRun> {
  const release = await findRelease(place, question.release);
  const run = await findRun(place, release, question.run);
  const reference = evidenceOf(run);
  if (question.from === 'evidence' && reference === undefined)
    throw new AssayError('RUN_NOT_FOUND', `the run ${run.id} has pushed no evidence`, { hint: 'Leave out --from to read its log.' });
  if (reference === undefined || question.from === 'log') return readLogged(place, run, question.signal);
  try {
    return await readEvidence(run, reference, question);
  } catch (error) {
    const isAway = question.from === 'auto' && isAssayError(error) && error.exit === 3;
    if (!isAway) throw error;
    question.note(`${error.code}: ${error.message}; reading the log instead`);
    return readLogged(place, run, question.signal);
  }
}

/** Reference of a run's evidence, pinned by digest; undefined while it was not pushed. */
export function evidenceOf({ status }: Run): string | undefined {
  if (status?.oci === undefined || status.oci === '' || status.digest === undefined) return undefined;
  return `${status.oci.replace(/@.*$/, '')}@${status.digest}`;
}

async function readLogged(place: ClusterPlace, run: Run, signal: AbortSignal): Promise<TestsOfRun> {
  const trace = await readTrace(place, run, signal);
  if (!trace.hasBegun && run.pods.length === 0)
    throw new AssayError('RUN_NOT_FOUND', `nothing is left of the log of the run ${run.id}`, {
      hint: 'The pods of a finished run are removed after a while; what was pushed stays.',
    });
  return {
    run: run.id,
    state: runState(run, trace),
    source: { kind: 'log' },
    tests: tracedTests(trace),
    absent: tracedAbsences(trace),
  };
}

async function readEvidence(run: Run, reference: string, flags: RegistryFlags): Promise<TestsOfRun> {
  const [{ openStore }, { loadArtifact }] = [await import('#core/oci/open-store.ts'), await import('#core/publish/loaded-bundle.ts')];
  const named = parseReference(reference);
  const { files, predicate } = await loadArtifact(await openStore(named, registryOptions(flags)), named.digest ?? '');
  const tests = RUN_ORDER.flatMap((phase) => {
    const name = `ctrf/${phase}.json`;
    const bytes = files.get(name)?.bytes;
    return bytes === undefined ? [] : parseReport(bytes, name).report.results.tests;
  });
  const missing = predicate['x-assay']?.coverage?.missing ?? [];
  return {
    run: run.id,
    state: run.status?.state ?? 'published',
    source: { kind: 'evidence', reference },
    tests,
    absent: missing.map(({ node, reason }) => ({ node, reason, detail: '' })),
  };
}

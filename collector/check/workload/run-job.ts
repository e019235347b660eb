import { errorText } from '#core/error.ts';
import { waitFor } from '../read/wait-for.ts';
import { podTemplate, type TestPod } from './pod-template.ts';
import { podEnd, type PodEnd, type PodRun } from './run-pod.ts';

/** Time for the controller to make the pod of a Job. */
const POD_COMES_MS = 60_000;
/** A Job that nobody removes is gone after so long. */
const TTL_SECONDS = 600;

/**
 * Runs a test pod as a Job, which removes itself even when nobody is left to do it.
 * @throws CLUSTER_*
 */
export async function runJob(run: PodRun, pod: TestPod & { readonly purpose: string }, timeoutMs: number): Promise<PodEnd> {
  const { cluster, clock, signal, timing, objects } = run;
  const { namespace } = objects;
  const name = objects.name(pod.purpose);
  const spec = { backoffLimit: 0, ttlSecondsAfterFinished: TTL_SECONDS, template: podTemplate(objects, pod) };
  await objects.create({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec });
  const everyMs = Math.min(1000, timing.retryMs);
  let problem = 'its controller made no pod';
  const found = await waitFor(
    async () => {
      const pods = await cluster
        .list({ apiVersion: 'v1', kind: 'Pod', namespace, labels: `batch.kubernetes.io/job-name=${name}` })
        .catch((error: unknown) => {
          problem = errorText(error);
          return [];
        });
      return pods?.[0]?.metadata.name;
    },
    { clock, signal, everyMs, timeoutMs: Math.min(POD_COMES_MS, timing.tryMs) },
  );
  return found === undefined ? { end: 'not-started', cause: 'stuck', reason: problem } : podEnd(run, found, timeoutMs);
}

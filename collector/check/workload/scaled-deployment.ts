import { numberAt } from '#core/cluster/object-value.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { waitFor } from '../read/wait-for.ts';
import { checkImage } from './images.ts';
import { podTemplate } from './pod-template.ts';
import type { TestObjects } from './test-objects.ts';

/** A Deployment with a pod autoscaler that follows an external metric. */
export interface ScaledDeployment {
  readonly deployment: string;
  readonly autoscaler: string;
}

/** How far an autoscaler is. */
export interface ScaleState {
  /** Replicas that the autoscaler asks for. */
  readonly desired: number;
  /** Replicas that there are. */
  readonly current: number;
}

/** How to make one. */
export interface ScaleOptions {
  readonly purpose: string;
  readonly metric: string;
  /** Average value above which is scaled up. */
  readonly target: string;
  readonly maxReplicas: number;
  /** Added to the pods: node selector, resources. */
  readonly pod?: Readonly<Record<string, unknown>>;
  readonly resources?: Readonly<Record<string, number>>;
}

const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment' };
const AUTOSCALER = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' };

/** Makes a Deployment of idle pods and an autoscaler for it. @throws CLUSTER_* */
export async function makeScaled(context: ClusterCheckContext, objects: TestObjects, options: ScaleOptions): Promise<ScaledDeployment> {
  const { purpose, metric, target, maxReplicas, pod = {}, resources = {} } = options;
  const names = { deployment: objects.name(purpose), autoscaler: objects.name(`${purpose}-hpa`) };
  const selector = { 'assay.dev/test': purpose };
  const image = checkImage('pause', context.images);
  const template = podTemplate(
    objects,
    { image, command: ['/pause'], resources, extra: { restartPolicy: 'Always', activeDeadlineSeconds: undefined, ...pod } },
    selector,
  );
  await objects.create({
    ...DEPLOYMENT,
    metadata: { name: names.deployment },
    spec: { replicas: 1, selector: { matchLabels: selector }, template },
  });
  const scaleTargetRef = { ...DEPLOYMENT, name: names.deployment };
  const spec = { scaleTargetRef, minReplicas: 1, maxReplicas, metrics: [externalTarget(metric, target)], behavior: QUICK };
  await objects.create({ ...AUTOSCALER, metadata: { name: names.autoscaler }, spec });
  return names;
}

/** Changes the value above which is scaled up. */
export async function retarget(
  objects: TestObjects,
  { autoscaler }: ScaledDeployment,
  { metric, target }: Pick<ScaleOptions, 'metric' | 'target'>,
): Promise<void> {
  await objects.patch({ ...AUTOSCALER, name: autoscaler }, { spec: { metrics: [externalTarget(metric, target)] } });
}

/** Waits until the autoscaler or the Deployment is where it should be. @returns the last state, and whether it was reached */
export async function untilScaled(
  context: ClusterCheckContext & { readonly objects: TestObjects },
  { deployment, autoscaler }: ScaledDeployment,
  { isThere, timeoutMs }: { readonly isThere: (state: ScaleState) => boolean; readonly timeoutMs: number },
): Promise<ScaleState & { readonly reached: boolean }> {
  const { cluster, clock, signal, timing, objects } = context;
  const { namespace } = objects;
  let state: ScaleState = { desired: 0, current: 0 };
  const reached = await waitFor(
    async () => {
      const [scaler, set] = await Promise.all([
        cluster.read({ ...AUTOSCALER, namespace, name: autoscaler }),
        cluster.read({ ...DEPLOYMENT, namespace, name: deployment }),
      ]);
      state = { desired: numberAt(scaler, 'status', 'desiredReplicas') ?? 0, current: numberAt(set, 'status', 'replicas') ?? 0 };
      return isThere(state) ? true : undefined;
    },
    { clock, signal, everyMs: Math.min(5000, timing.retryMs), timeoutMs: Math.min(timeoutMs, timing.tryMs) },
  );
  return { ...state, reached: reached === true };
}

/** Scales down at once: by default an autoscaler waits five minutes, longer than the check has. @source Kubernetes API, HorizontalPodAutoscaler behavior */
const QUICK = { scaleDown: { stabilizationWindowSeconds: 0 } } as const;

function externalTarget(name: string, averageValue: string): Readonly<Record<string, unknown>> {
  return { type: 'External', external: { metric: { name }, target: { type: 'AverageValue', averageValue } } };
}

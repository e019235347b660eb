import type { TestObjects } from './test-objects.ts';

/** What one test pod runs. */
export interface TestPod {
  readonly image: string;
  readonly command: readonly string[];
  /** Pins the pod to a node by way of the scheduler, which then accounts for what it uses. */
  readonly node?: string;
  /** Extended resources, as limits. */
  readonly resources?: Readonly<Record<string, number>>;
  /** User of the container; default 1000. */
  readonly user?: number;
  /** Size of `/dev/shm`; the 64 MiB of a runtime's default are too few for collectives. */
  readonly sharedMemory?: string;
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Test pods end by themselves, whatever happens to their collector. */
const ACTIVE_SECONDS = 3600;
const USER = 1000;

/** The container that a test pod has. */
export const CONTAINER = 'check';

/** Specification of a test pod: unprivileged, no API token, tolerates every taint, never restarts. */
export function podSpec(pod: TestPod): Readonly<Record<string, unknown>> {
  const { image, command, node, resources = {}, user = USER, sharedMemory, extra = {} } = pod;
  const limits = Object.fromEntries(Object.entries(resources).map(([name, count]) => [name, String(count)]));
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 1,
    activeDeadlineSeconds: ACTIVE_SECONDS,
    tolerations: [{ operator: 'Exists' }],
    securityContext: { runAsUser: user, runAsNonRoot: user !== 0, seccompProfile: { type: 'RuntimeDefault' } },
    ...(node === undefined ? {} : { affinity: { nodeAffinity: onNode(node) } }),
    containers: [
      {
        name: CONTAINER,
        image,
        command,
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        ...(Object.keys(limits).length === 0 ? {} : { resources: { limits } }),
        ...(sharedMemory === undefined ? {} : { volumeMounts: [{ name: 'shm', mountPath: '/dev/shm' }] }),
      },
    ],
    ...(sharedMemory === undefined ? {} : { volumes: [{ name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: sharedMemory } }] }),
    ...extra,
  };
}

/** A pod template for an object that makes pods. */
export function podTemplate(
  objects: TestObjects,
  pod: TestPod,
  labels: Readonly<Record<string, string>> = {},
): Readonly<Record<string, unknown>> {
  return { metadata: { labels: { ...labels, ...objects.labels } }, spec: podSpec(pod) };
}

/** Node affinity that allows exactly these nodes. @source Kubernetes API, node affinity by field */
export function onNode(...names: readonly string[]): Readonly<Record<string, unknown>> {
  const terms = names.map((name) => ({ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }));
  return { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } };
}

import type { ObjectKind } from '#core/cluster/cluster.ts';
import { listAt, textAt } from '#core/cluster/object-value.ts';
import { errorText, isAssayError } from '#core/error.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { componentOf } from '../read/component.ts';
import { foldProblems, problemOf, type Problem } from '../read/problem.ts';
import { definitionProblems, readWorkload } from '../read/workload-problem.ts';
import { fail, pass, skip, skipFor, unknown, type ClusterVerdict } from '../verdict.ts';
import type { TestObjects } from '../workload/test-objects.ts';

/** A controller that should refuse what makes no sense. */
interface Controller {
  readonly component: string;
  readonly namespace: string;
  readonly deployment: string;
  readonly definition: string;
  /** Its webhook, by the name of the configuration or of a webhook in it. */
  readonly webhook: RegExp;
  /** An object that passes the schema and that no controller may accept. */
  readonly invalid: ObjectKind & { readonly spec: Readonly<Record<string, unknown>> };
}

/** @source upstream robust-controller */
const CONTROLLERS: readonly Controller[] = [
  {
    component: 'dynamo-platform',
    namespace: 'dynamo-system',
    deployment: 'dynamo-platform-dynamo-operator-controller-manager',
    definition: 'dynamographdeployments.nvidia.com',
    webhook: /dynamo/,
    invalid: { apiVersion: 'nvidia.com/v1beta1', kind: 'DynamoGraphDeployment', spec: { backendFramework: 'vllm', components: [] } },
  },
  {
    component: 'kubeflow-trainer',
    namespace: 'kubeflow',
    deployment: 'kubeflow-trainer-controller-manager',
    definition: 'trainjobs.trainer.kubeflow.org',
    webhook: /^validator\.trainer\.kubeflow\.org$/,
    invalid: {
      apiVersion: 'trainer.kubeflow.org/v1alpha1',
      kind: 'TrainJob',
      spec: { runtimeRef: { apiGroup: 'trainer.kubeflow.org', kind: 'TrainingRuntime', name: 'assay-there-is-no-such-runtime' } },
    },
  },
];
const WEBHOOK_DENIAL = /admission webhook "[^"]+" denied the request/;

/** The platform's controller is up with its webhook, and an object that makes no sense is refused by it. */
export async function checkRobustController(context: ClusterCheckContext): Promise<ClusterVerdict> {
  const { cluster, recipe, objects } = context;
  const controller = CONTROLLERS.find(({ component }) => componentOf(recipe, component) !== undefined);
  if (controller === undefined) return skip(`the recipe has none of ${CONTROLLERS.map(({ component }) => component).join(', ')}`);
  const namespace = componentOf(recipe, controller.component)?.namespace ?? controller.namespace;
  const install = `install ${controller.component}`;
  const [workload, definitions, webhooks] = await Promise.all([
    readWorkload(cluster, { kind: 'Deployment', namespace, name: controller.deployment }, install),
    definitionProblems(cluster, [controller.definition], install),
    webhookProblems(context, controller),
  ]);
  const observed = { component: controller.component, replicasReady: workload.ready, webhooks: webhooks.count };
  const found = foldProblems([...workload.problems, ...definitions, ...webhooks.problems], {
    good: `${controller.component} is up with its webhook`,
    observed,
  });
  if (found.outcome !== 'pass') return found;
  if (objects === undefined)
    return skipFor('active-checks', `${found.message}; that it refuses nonsense is only shown by trying: set checks.active`, observed);
  return tryInvalid(controller, objects, observed);
}

async function tryInvalid(
  { invalid, component }: Controller,
  objects: TestObjects,
  observed: Readonly<Record<string, unknown>>,
): Promise<ClusterVerdict> {
  try {
    await objects.create({ ...invalid, metadata: { name: objects.name('invalid') } });
    return fail(`an invalid ${invalid.kind} was accepted: the webhook of ${component} does not look at it`, {
      ...observed,
      refused: false,
    });
  } catch (error) {
    const text = errorText(error);
    if (WEBHOOK_DENIAL.test(text))
      return pass(`an invalid ${invalid.kind} was refused by the webhook of ${component}`, { ...observed, refused: true });
    if (isAssayError(error) && error.code === 'CLUSTER_REFUSED')
      return unknown(`an invalid ${invalid.kind} was refused before a webhook saw it: ${text}`, { ...observed, refused: true });
    throw error;
  }
}

async function webhookProblems(
  { cluster }: ClusterCheckContext,
  { webhook, component }: Controller,
): Promise<{ readonly count: number; readonly problems: readonly Problem[] }> {
  try {
    const all = (await cluster.list({ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' })) ?? [];
    const count = all.filter((each) =>
      [each.metadata.name, ...listAt(each, 'webhooks').map((hook) => textAt(hook, 'name') ?? '')].some((name) => webhook.test(name)),
    ).length;
    return { count, problems: count > 0 ? [] : [{ outcome: 'fail', text: `no validating webhook of ${component} is registered` }] };
  } catch (error) {
    return { count: 0, problems: [problemOf(error, 'webhooks')] };
  }
}

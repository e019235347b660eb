import type { NewObject } from '#core/cluster/cluster.ts';
import { conditionOf, textAt } from '#core/cluster/object-value.ts';
import type { ClusterCheckContext } from '../cluster-check.ts';
import { componentOf } from '../read/component.ts';
import type { GpuNode } from '../read/gpu-node.ts';
import { knowsKind } from '../read/knows-kind.ts';
import { waitFor } from '../read/wait-for.ts';
import { skip, skipFor, unknown, type ClusterVerdict } from '../verdict.ts';
import { gpuResource, readGpuNodes } from '../workload/gpu-load.ts';
import { checkImage } from '../workload/images.ts';
import { onNode } from '../workload/pod-template.ts';
import { runJob } from '../workload/run-job.ts';
import type { TestObjects } from '../workload/test-objects.ts';
import { inferenceRule, judgeInference, readInferenceLog, RESULT_MARK, type InferenceRule } from './inference-rule.ts';

const GRAPH = { apiVersion: 'nvidia.com/v1beta1', kind: 'DynamoGraphDeployment' };
const PORT = 8000;
/** Times and load. @source upstream inference-perf */
const READY_MS = 1_200_000;
const LOAD_MS = 900_000;
const REQUESTS_MIN = 1000;
const REQUESTS_PER_SLOT = 8;
const TOKENS = 128;
const SEED = 100;

/** A model that the platform serves on the idle node with most GPUs gives as many tokens, as soon, as the recipe asks for. */
export async function checkInferencePerf(context: ClusterCheckContext): Promise<ClusterVerdict> {
  const { cluster, recipe, objects } = context;
  const rule = inferenceRule(recipe);
  if (rule === undefined) return skip("the recipe's performance phase has no constraint inference-*");
  if (typeof rule === 'string') return unknown(`the recipe cannot be judged: ${rule}`);
  if (componentOf(recipe, 'dynamo-platform') === undefined) return skip('the recipe has no dynamo-platform');
  if (!(await knowsKind(cluster, GRAPH))) return skip('the cluster does not know DynamoGraphDeployment: install dynamo-platform');
  const nodes = await readGpuNodes(context, 'nvidia');
  const [node] = [...nodes.idle].sort((left, right) => gpusOf(right) - gpusOf(left));
  if (node === undefined) return skip('no GPU node is idle', { gpuNodes: nodes.all.length, busy: nodes.busy.length });
  if (objects === undefined)
    return skipFor('active-checks', 'serving a model and loading it makes deployments and a Job: set checks.active', {
      gpus: gpusOf(node),
    });
  return serveAndLoad({ ...context, objects }, node, rule);
}

type ActiveContext = ClusterCheckContext & { readonly objects: TestObjects };

async function serveAndLoad(context: ActiveContext, node: GpuNode, rule: InferenceRule): Promise<ClusterVerdict> {
  const { objects } = context;
  const name = objects.name('serve');
  const gpus = gpusOf(node);
  await objects.create(graph(name, node, { rule, image: checkImage('inference-server', context.images) }));
  const state = await untilServing(context, name);
  const besides = { gpus, concurrency: rule.concurrencyPerGpu * gpus };
  if (state !== undefined) return unknown(`the model was not served: ${state}`, besides);
  const image = checkImage('inference-load', context.images);
  const command = ['sh', '-c', loadScript(`http://${name}-frontend.${objects.namespace}.svc:${PORT}`, rule, besides.concurrency)];
  const end = await runJob(context, { purpose: 'load', image, command }, LOAD_MS);
  if (end.end === 'not-started') return unknown(`the load generator did not run: ${end.reason}`, besides);
  const digests = end.digest === undefined ? {} : { imageDigests: [end.digest] };
  return {
    ...judgeInference(readInferenceLog(end.log), rule, { ...besides, ...digests }),
    stdout: end.log.trimEnd().split('\n').slice(-40),
  };
}

/** One frontend, and a worker per GPU of one node. @source Dynamo, DynamoGraphDeployment v1beta1 */
function graph(name: string, node: GpuNode, { rule, image }: { readonly rule: InferenceRule; readonly image: string }): NewObject {
  const resource = gpuResource(node)?.name ?? 'nvidia.com/gpu';
  const tolerations = [{ operator: 'Exists' }];
  const router = rule.routing === 'dynamo-router' ? 'kv' : rule.routing;
  const frontend = { containers: [{ name: 'main', image, env: [{ name: 'DYN_ROUTER_MODE', value: router }] }], tolerations };
  const command = ['python3', '-m', 'dynamo.vllm', '--model', rule.model];
  const worker = {
    affinity: { nodeAffinity: onNode(node.name) },
    tolerations,
    containers: [{ name: 'main', image, command, resources: { limits: { [resource]: '1' } } }],
  };
  const components = [
    { name: 'Frontend', type: 'frontend', replicas: 1, podTemplate: { spec: frontend } },
    { name: 'VllmWorker', type: 'worker', replicas: gpusOf(node), podTemplate: { spec: worker } },
  ];
  return { ...GRAPH, metadata: { name }, spec: { backendFramework: 'vllm', components } };
}

/** @returns undefined once the model is served, else the last state */
async function untilServing({ cluster, clock, signal, timing, objects }: ActiveContext, name: string): Promise<string | undefined> {
  let state = 'nothing is known of it';
  const served = await waitFor(
    async () => {
      const found = await cluster.read({ ...GRAPH, namespace: objects.namespace, name });
      state = textAt(found, 'status', 'state') ?? conditionOf(found, 'Ready')?.message ?? state;
      return textAt(found, 'status', 'state') === 'successful' || conditionOf(found, 'Ready')?.status === 'True' ? true : undefined;
    },
    { clock, signal, everyMs: timing.pollMs, timeoutMs: Math.min(READY_MS, timing.tryMs) },
  );
  return served === true ? undefined : state;
}

function loadScript(url: string, { model }: InferenceRule, concurrency: number): string {
  const requests = Math.max(REQUESTS_MIN, REQUESTS_PER_SLOT * concurrency);
  const load = `--concurrency ${concurrency} --request-count ${requests} --warmup-request-count ${concurrency}`;
  const tokens = `--synthetic-input-tokens-mean ${TOKENS} --output-tokens-mean ${TOKENS} --random-seed ${SEED} --extra-inputs temperature:0`;
  const run = `aiperf profile --model '${model.replaceAll("'", '')}' --endpoint-type chat --streaming --url ${url} ${load} ${tokens} --artifact-dir /tmp/result`;
  return `cd /tmp && ${run} && echo '${RESULT_MARK}' && cat /tmp/result/profile_export_aiperf.json`;
}

function gpusOf(node: GpuNode): number {
  return gpuResource(node)?.count ?? 0;
}

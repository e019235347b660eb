import { parseLabelSelector } from '#core/cluster/label-selector.ts';
import { TEXT_DIMENSIONS, type CriteriaInput } from '#core/recipe/criteria.ts';
import { AssayError } from '#core/error.ts';
import { anyText, durationText, listSetting, optionalSetting, requiredSetting, switchSetting } from '#core/setting/setting.ts';
import { CHECK_IMAGE_NAMES } from '../check/workload/images.ts';

/** Settings of the collector that only a run in a cluster uses. */
export const CLUSTER_SETTINGS = {
  cluster: switchSetting({
    flag: 'cluster',
    env: 'ASSAY_CLUSTER',
    unit: 'true|false',
    doc: 'Run in a Kubernetes cluster: expected nodes, credentials of agents and reasons of absence come from its API.',
  }),
  kubeconfig: optionalSetting(
    {
      flag: 'kubeconfig',
      env: 'ASSAY_KUBECONFIG',
      unit: 'path',
      doc: 'Access to the cluster. Default: KUBECONFIG, the file in the home directory, or the account of the pod.',
    },
    anyText,
  ),
  release: optionalSetting(
    { flag: 'release', env: 'ASSAY_RELEASE', unit: 'name', doc: 'Full name of the release, from which the names of its objects follow.' },
    anyText,
  ),
  namespace: optionalSetting(
    { flag: 'namespace', env: 'ASSAY_NAMESPACE', unit: 'name', doc: "Namespace of the release. Default: the pod's, or the context's." },
    anyText,
  ),
  jobUid: optionalSetting(
    {
      flag: 'job-uid',
      env: 'ASSAY_JOB_UID',
      unit: 'UID',
      doc: 'UID of the Job: holder of the lease, and origin of the run id. Pods of one Job go on with one run.',
    },
    anyText,
  ),
  tokenAudience: optionalSetting(
    {
      flag: 'token-audience',
      env: 'ASSAY_TOKEN_AUDIENCE',
      unit: 'name',
      doc: "Audience that the agents' service account tokens must have. Default: assay.NAMESPACE.RELEASE.",
    },
    anyText,
  ),
  expectSelector: optionalSetting(
    {
      flag: 'expect-selector',
      env: 'ASSAY_EXPECT_SELECTOR',
      unit: 'selector',
      doc: 'Labels of nodes that must report too, besides all nodes that have GPUs: pool=gpu,!retired',
    },
    parseLabelSelector,
  ),
  stall: requiredSetting(
    {
      flag: 'stall',
      env: 'ASSAY_STALL',
      unit: 'duration',
      fallback: '3m',
      doc: 'In a cluster: with no agent connected and no progress for so long, the run is sealed before its deadline.',
    },
    durationText,
  ),
  checksActive: switchSetting({
    flag: 'checks-active',
    env: 'ASSAY_CHECKS_ACTIVE',
    unit: 'true|false',
    doc: 'Also run cluster checks that make objects: test pods, a benchmark. Needs further rights.',
  }),
  checksNamespace: optionalSetting(
    {
      flag: 'checks-namespace',
      env: 'ASSAY_CHECKS_NAMESPACE',
      unit: 'name',
      doc: "Where they make them. Default: the release's namespace.",
    },
    anyText,
  ),
  checkImages: listSetting(
    {
      flag: 'check-image',
      env: 'ASSAY_CHECK_IMAGE',
      unit: 'name=image',
      doc: `Image of the test pods of a check, in place of the built-in one; give it once per image. Names: ${CHECK_IMAGE_NAMES.join(', ')}.`,
    },
    checkImageText,
  ),
  deliveryWait: requiredSetting(
    {
      flag: 'delivery-wait',
      env: 'ASSAY_DELIVERY_WAIT',
      unit: 'duration',
      fallback: '30m',
      doc: 'In a cluster: how long the collector waits, after the seal, for "assay deliver" beside it.',
    },
    durationText,
  ),
  criteria: optionalSetting(
    {
      flag: 'criteria',
      env: 'ASSAY_CRITERIA',
      unit: 'key=value,…',
      doc: 'Criteria that select a recipe of the catalog, in place of --recipe: service=eks,accelerator=h100,intent=training',
    },
    criteriaText,
  ),
} as const;

const NODES_MAX = 9_999_999;
const CHECK_IMAGE = /^([a-z-]+)=([A-Za-z\d][\w./:@-]{0,511})$/;

function checkImageText(text: string): readonly [name: string, image: string] {
  const [, name = '', image = ''] = CHECK_IMAGE.exec(text) ?? [];
  if (!CHECK_IMAGE_NAMES.includes(name))
    throw new AssayError('CONFIG_INVALID', `"${text}" is not name=image`, { hint: `Names: ${CHECK_IMAGE_NAMES.join(', ')}.` });
  return [name, image];
}

function criteriaText(text: string): CriteriaInput {
  const pairs = text.split(',').map((part) => part.split('='));
  const input: Record<string, string | number> = {};
  for (const [key = '', value = '', ...more] of pairs) {
    const isKnown =
      key === 'nodes' ? /^\d{1,7}$/.test(value) && Number(value) <= NODES_MAX : TEXT_DIMENSIONS.some((dimension) => dimension === key);
    if (!isKnown || value === '' || more.length > 0 || Object.hasOwn(input, key))
      throw new AssayError('CONFIG_INVALID', `"${text}" are no criteria`, {
        hint: `Write key=value with commas between, each key once: ${[...TEXT_DIMENSIONS, 'nodes'].join(', ')}.`,
      });
    input[key] = key === 'nodes' ? Number(value) : value;
  }
  return input;
}

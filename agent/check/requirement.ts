import { evaluateConstraint } from '#core/recipe/constraint.ts';
import { NODE_CONSTRAINTS } from '#core/recipe/node-constraint.ts';
import type { Snapshot } from '#core/snapshot/document.ts';
import { textOf } from '../vendor/parsed.ts';
import type { CheckContext } from './check.ts';
import { nvidiaOnPci, nvidiaSmi } from './nvidia-gpu.ts';
import { fail, pass, skip, unknown, type Verdict } from './verdict.ts';

/** The loaded driver is one that the recipe allows. */
export async function checkDriverRequirement(context: CheckContext): Promise<Verdict> {
  const pci = await nvidiaOnPci(context);
  if (!pci.ready) return pci.verdict;
  const wanted = valueOf(context, NODE_CONSTRAINTS.driver);
  if (wanted === undefined) return notAsked(NODE_CONSTRAINTS.driver);
  const module = await context.node.nvidiaModule();
  if (module.state !== 'read') return unknown(`the driver version is not known: ${module.reason}`);
  return judge({ what: 'driver', version: module.value.version, wanted, name: NODE_CONSTRAINTS.driver });
}

/** The driver supports the CUDA version that the recipe asks for; what is installed in images is not seen from the node. */
export async function checkCudaRequirement(context: CheckContext): Promise<Verdict> {
  const pci = await nvidiaOnPci(context);
  if (!pci.ready) return pci.verdict;
  const wanted = valueOf(context, NODE_CONSTRAINTS.cuda);
  if (wanted === undefined) return notAsked(NODE_CONSTRAINTS.cuda);
  const smi = await nvidiaSmi(context);
  if (!smi.ready) return smi.verdict;
  const version = textOf(smi.value.cudaVersion);
  if (version === undefined) return unknown('nvidia-smi does not say which CUDA version the driver supports');
  return judge({ what: 'highest CUDA version of the driver', version, wanted, name: NODE_CONSTRAINTS.cuda });
}

function valueOf({ constraints }: CheckContext, name: string): string | undefined {
  return constraints.find((constraint) => constraint.name === name)?.value;
}

function notAsked(name: string): Verdict {
  return skip(`the recipe has no constraint ${name}`);
}

interface Requirement {
  readonly what: string;
  readonly version: string;
  readonly wanted: string;
  readonly name: string;
}

function judge({ what, version, wanted, name }: Requirement): Verdict {
  const measurements = [{ type: 'GPU', subtypes: [{ subtype: 'node', data: { version } }] }];
  const snapshot: Snapshot = { apiVersion: '', kind: 'Snapshot', metadata: {}, measurements };
  const { passed, error } = evaluateConstraint(snapshot, { name: 'GPU.node.version', value: wanted });
  const thresholds = { version: { value: wanted, source: `recipe constraint ${name}` } };
  const observed = { version };
  if (error !== undefined) return { ...unknown(`${version} cannot be compared with "${wanted}"`, observed), thresholds };
  const verdict = passed
    ? pass(`${what} ${version}, as the recipe asks (${wanted})`, observed)
    : fail(`${what} ${version}, the recipe asks for ${wanted}`, observed);
  return { ...verdict, thresholds };
}

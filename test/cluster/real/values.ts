import { MACHINE_PATH } from '../bed/machine.ts';
import type { PushedImage } from '../bed/images.ts';
import type { Bed } from '../bed/up.ts';
import { hostOf, type BedServices } from '../services.ts';

/** Values of the chart, as a tree. */
export type Values = Readonly<Record<string, unknown>>;

/** Where evidence of tests is pushed, below a registry. */
const EVIDENCE = 'evidence/runs';

/** H100 nodes and nothing that would have to be installed: what the cluster lacks is the subject of other tests. */
const H100_RECIPE = `kind: RecipeResult
apiVersion: aicr.run/v1alpha2
metadata:
  name: h100-bed
criteria:
  accelerator: h100
componentRefs: []
`;

/** Values that make the chart run on the bed: its images, machines, services and registry, and quick limits. */
export function bedValues(bed: Bed, services: BedServices, changes: Values = {}): Values {
  const image = ({ repository, digest }: PushedImage): Values => ({ repository: `images.example/${repository}`, digest });
  const values: Values = {
    recipe: { file: H100_RECIPE },
    images: { agent: image(bed.images.agent), collector: image(bed.images.collector), cli: image(bed.images.cli) },
    registry: { repository: `${hostOf(services.registry)}/${EVIDENCE}`, plainHTTP: true },
    sigstore: { signingConfig: services.signingConfig, trustedRoot: services.trustedRoot },
    agent: {
      extraVolumes: [{ name: 'machine', hostPath: { path: MACHINE_PATH } }],
      extraVolumeMounts: [{ name: 'machine', mountPath: '/machine', readOnly: true }],
      extraEnv: [
        { name: 'ASSAY_HOST_ROOT', value: '/machine/root' },
        { name: 'ASSAY_TOOL_PATH', value: '/machine/bin' },
      ],
    },
    collector: { deadline: '90s', stall: '25s', phases: ['performance'] },
  };
  return merge(values, changes);
}

/** Lays changes over values: trees are merged, everything else is replaced. */
function merge(base: Values, changes: Values): Values {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, change] of Object.entries(changes)) {
    const before = base[key];
    merged[key] = isTree(before) && isTree(change) ? merge(before, change) : change;
  }
  return merged;
}

function isTree(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

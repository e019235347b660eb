import { decodeGo, type GoShape } from './go-decode.ts';

const DIMENSION: GoShape = { fields: { value: 'string', source: 'string', note: 'string' } };
const COUNT: GoShape = { fields: { value: 'int', source: 'string' } };
const PREDICATE: GoShape = {
  fields: {
    schemaVersion: 'string',
    attestedAt: 'time',
    aicrVersion: 'string',
    validatorCatalogVersion: 'string',
    validatorImages: { list: { fields: { image: 'string', digest: 'string' } } },
    recipe: { fields: { name: 'string', digest: 'string' } },
    fingerprint: {
      fields: {
        service: DIMENSION,
        accelerator: DIMENSION,
        gpuModel: DIMENSION,
        os: { fields: { value: 'string', version: 'string', source: 'string' } },
        k8sVersion: DIMENSION,
        region: DIMENSION,
        nodeCount: COUNT,
        gpuNodeCount: COUNT,
      },
    },
    criteriaMatch: {
      fields: {
        matched: 'bool',
        perDimension: {
          list: { fields: { dimension: 'string', recipeRequires: 'string', fingerprintProvides: 'string', match: 'string' } },
        },
      },
    },
    phases: { map: { fields: { passed: 'int', failed: 'int', skipped: 'int', ctrfDigest: 'string' } } },
    bom: { fields: { format: 'string', version: 'string', digest: 'string', imageCount: 'int' } },
    manifest: { fields: { digest: 'string', fileCount: 'int' } },
    redaction: { fields: { policy: 'string', version: 'string', applied: { list: 'string' } } },
  },
};

/** A predicate as upstream sees it: everything may be missing. */
export interface LoosePredicate {
  readonly recipe?: { readonly name?: string; readonly digest?: string };
  readonly phases?: Readonly<Record<string, { readonly failed?: number; readonly ctrfDigest?: string } | undefined>>;
  readonly manifest?: { readonly digest?: string };
  readonly [key: string]: unknown;
}

/**
 * Reads a predicate with upstream's leniency: only types are checked.
 * @throws Refusal PREDICATE_INVALID where Go's decoder would fail
 * @source recipe-evidence v1, decoding rules of the verifier
 */
export function parseUpstreamPredicate(value: unknown): LoosePredicate {
  return (decodeGo(value, PREDICATE, 'predicate') ?? {}) as LoosePredicate;
}

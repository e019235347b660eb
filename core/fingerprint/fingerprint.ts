/** One coordinate of a fingerprint. Unknown is the empty string without source. */
export interface Dimension {
  readonly value: string;
  readonly source?: string;
  readonly note?: string;
}

/** The matchable identity of a cluster, all eight keys always present (evidence-format §8.1). */
export interface Fingerprint {
  readonly service: Dimension;
  readonly accelerator: Dimension;
  readonly gpuModel: Dimension;
  readonly os: { readonly value: string; readonly version?: string; readonly source?: string };
  readonly k8sVersion: Dimension;
  readonly region: Dimension;
  readonly nodeCount: { readonly value: number; readonly source?: string };
  readonly gpuNodeCount: { readonly value: number; readonly source?: string };
}

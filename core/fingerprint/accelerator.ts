/** Accelerators of the criteria, upstream's and our addition `mi300`. */
export const ACCELERATORS: readonly string[] = ['h100', 'h200', 'gb200', 'gb300', 'b200', 'a100', 'l40', 'l40s', 'rtx-pro-6000', 'mi300'];

/** Token runs of NVIDIA product labels in the order in which they are tried. @source upstream's label rules */
const NVIDIA_PRODUCTS: readonly (readonly [readonly string[], string])[] = [
  [['GB300'], 'gb300'],
  [['GB200'], 'gb200'],
  [['B200'], 'b200'],
  [['H100'], 'h100'],
  [['H200'], 'h200'],
  [['A100'], 'a100'],
  [['RTX', 'PRO', '6000'], 'rtx-pro-6000'],
  [['L40S'], 'l40s'],
  [['L40'], 'l40'],
];

/** AMD product names as the AMD GPU operator labels nodes: `AMD_Instinct_MI300X_OAM`, also `MI300A` and `MI300X_VF`. */
const AMD_MI300 = /^MI300[AX]?$/;

/**
 * Accelerator that a value of label `nvidia.com/gpu.product` names; MIG and form-factor suffixes do not matter.
 * @returns undefined for a product without accelerator value
 */
export function nvidiaAccelerator(product: string): string | undefined {
  const tokens = product.toUpperCase().split(/[\s-]+/);
  return NVIDIA_PRODUCTS.find(([run]) => tokens.some((_, at) => run.every((word, index) => tokens[at + index] === word)))?.[1];
}

/** Accelerator that a value of label `amd.com/gpu.product-name` names. */
export function amdAccelerator(product: string): string | undefined {
  return product
    .toUpperCase()
    .split(/[\s_-]+/)
    .some((token) => AMD_MI300.test(token))
    ? 'mi300'
    : undefined;
}

/** What an image of a test pod is for. */
export type CheckImage = keyof typeof CHECK_IMAGES;

/**
 * Images that test pods use unless the run names others (`ASSAY_CHECK_IMAGE`). They are tags, as upstream has them; the digest of what
 * really ran is recorded with the result.
 * @source upstream checks: nvidia-smi, GPU isolation, NCCL; AMD's ROCm images
 */
export const CHECK_IMAGES = {
  'nvidia-smi': 'nvcr.io/nvidia/cuda:13.0.0-base-ubuntu22.04',
  'amd-smi': 'docker.io/rocm/rocm-terminal:7.0.2',
  isolation: 'docker.io/nvidia/cuda:12.9.0-base-ubuntu24.04',
  pause: 'registry.k8s.io/pause:3.10',
  nccl: 'nvcr.io/nvidia/pytorch:25.06-py3',
  'nccl-efa': 'public.ecr.aws/hpc-cloud/nccl-tests:cuda12.8.1-efa1.43.2-ofiv1.16.3-ncclv2.27.7-1-testsv2.16.9',
  'nccl-roce': 'nvcr.io/nvidia/pytorch:26.01-py3',
  'inference-server': 'nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.2.1',
  'inference-load': 'ghcr.io/nvidia/aicr-validators/aiperf-bench:latest',
} as const;

/** The image to use. @param chosen what the run names */
export function checkImage(name: CheckImage, chosen: Readonly<Record<string, string>>): string {
  return chosen[name] ?? CHECK_IMAGES[name];
}

/** Names that a run may give an image to. `rccl` has no default: no public image with rccl-tests is known to be kept. */
export const CHECK_IMAGE_NAMES: readonly string[] = [...Object.keys(CHECK_IMAGES), 'rccl'];

/** What a benchmark runs. */
export interface BenchmarkSize {
  /** Largest message, as the tool takes it: `16G`. */
  readonly largest: string;
  /** GPUs that one process drives. */
  readonly gpusPerProcess: number;
}

/** Where images keep the tool, besides the search path. */
const PLACES = '/opt/nccl-tests/build /opt/rccl-tests/build /usr/local/bin /opt/rocm/bin';

/** Shell words that start `all_reduce_perf` wherever an image has it, or end with 127 and say so. */
export function allReduceScript({ largest, gpusPerProcess }: BenchmarkSize): string {
  const find = `tool=$(command -v all_reduce_perf_mpi || command -v all_reduce_perf || ls ${PLACES.split(' ')
    .map((place) => `${place}/all_reduce_perf`)
    .join(' ')} 2>/dev/null | head -1)`;
  const check = '[ -n "$tool" ] || { echo "this image has no all_reduce_perf"; exit 127; }';
  return `${find}; ${check}; exec "$tool" -b 1K -e ${largest} -f 2 -g ${gpusPerProcess} -c 1`;
}

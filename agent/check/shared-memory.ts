import type { CheckContext } from './check.ts';
import { pass, skip, skipFor, unknown, warn, type Verdict } from './verdict.ts';

const SHARED_MEMORY = '/dev/shm';
const MIB = 1024 * 1024;

/** Limits of {@link checkSharedMemory}. */
export const SHARED_MEMORY_THRESHOLDS = {
  moreThan: { value: 64, unit: 'MiB', source: 'NCCL troubleshooting guide: the 64 MiB that container runtimes give is too little' },
} as const;

/** Shared memory is larger than what container runtimes give when nobody asks; processes of one node exchange GPU data through it. */
export async function checkSharedMemory({ host, node }: CheckContext): Promise<Verdict> {
  const gpus = await node.gpus();
  if (gpus.state !== 'read') return gpus.state === 'unreadable' ? unknown(gpus.reason) : skip(`no GPU: ${gpus.reason}`);
  if (gpus.value.length === 0) return skip('no GPU on the PCI bus');
  if (!host.live) return skip('a captured tree has no shared memory of its own');
  const space = await host.space(SHARED_MEMORY);
  if (space.state !== 'read') return space.state === 'absent' ? skipFor('host-files', space.reason) : unknown(space.reason);
  const observed = { sizeBytes: space.value.sizeBytes };
  // A tmpfs without limit says that it has no size.
  if (observed.sizeBytes === 0) return pass(`${SHARED_MEMORY} has no limit`, observed);
  const size = `${SHARED_MEMORY} has ${Math.floor(observed.sizeBytes / MIB)} MiB`;
  return observed.sizeBytes <= SHARED_MEMORY_THRESHOLDS.moreThan.value * MIB
    ? warn(`${size}, too little for NCCL between the GPUs of one node`, observed)
    : pass(size, observed);
}

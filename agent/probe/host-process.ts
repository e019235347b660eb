import type { FileRead, Host } from '../host/host.ts';
import { readLine } from './text-file.ts';

const MAX_PROCESSES = 50_000;

/** Short names of the processes that can be seen. */
export interface HostProcesses {
  readonly names: ReadonlySet<string>;
  /** True when these are the host's own processes, not those of the agent's container. */
  readonly ofHost: boolean;
}

/** In a process namespace of its own, the first process is the container's and threads of the kernel are missing. */
const KERNEL_THREAD = 'kthreadd';

/** Reads /proc/<pid>/comm of every process. */
export async function readProcesses(host: Host): Promise<FileRead<HostProcesses>> {
  const entries = await host.list('/proc');
  if (entries.state !== 'read') return entries;
  const names = new Set<string>();
  for (const pid of entries.value.filter((name) => /^\d+$/.test(name)).slice(0, MAX_PROCESSES)) {
    const read = await readLine(host, `/proc/${pid}/comm`);
    if (read.state === 'read') names.add(read.value);
  }
  return { state: 'read', value: { names, ofHost: names.has(KERNEL_THREAD) } };
}

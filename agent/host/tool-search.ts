import { join } from 'node:path';
import type { FileRead } from './host.ts';

/** A directory where tools are looked up, and the library a tool there must be started with. */
export interface ToolDirectory {
  /** On this machine, root prefix included. */
  readonly path: string;
  /** Candidate directories of `libnvidia-ml.so.1`, for drivers that live outside the agent's own root. */
  readonly libraries: readonly string[];
}

/** What decides where tools are looked up. */
export interface ToolSearchInput {
  readonly root: string;
  readonly live: boolean;
  readonly toolPath?: readonly string[];
  readonly searchPath?: readonly string[];
}

interface DriverRoot {
  readonly bin: string;
  readonly libraries: readonly string[];
}

const LIBRARY_DIRECTORIES = ['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu', 'usr/lib64', 'usr/lib'];

/**
 * Where drivers put their tools when they are not on the search path, most specific first.
 * @source NVIDIA GPU Operator (containerised driver), GKE and COS node images, container toolkit, Talos, Bottlerocket, WSL, ROCm
 */
const DRIVER_ROOTS: readonly DriverRoot[] = [
  { bin: '/run/nvidia/driver/usr/bin', libraries: LIBRARY_DIRECTORIES.map((path) => `/run/nvidia/driver/${path}`) },
  { bin: '/home/kubernetes/bin/nvidia/bin', libraries: ['/home/kubernetes/bin/nvidia/lib64'] },
  { bin: '/usr/local/nvidia/bin', libraries: ['/usr/local/nvidia/lib64'] },
  { bin: '/usr/libexec/nvidia/tesla/bin', libraries: ['/usr/lib/nvidia/tesla'] },
  { bin: '/usr/lib/wsl/lib', libraries: ['/usr/lib/wsl/lib'] },
  { bin: '/opt/rocm/bin', libraries: [] },
];

// Searched below a mounted host root only: on `/` the search path already says what the user wants found.
const SYSTEM_DIRECTORIES = ['usr/bin', 'usr/sbin', 'usr/local/bin', 'bin', 'sbin', 'opt/bin'];

/** What the GPU Operator's validator writes when a driver is ready: `KEY=value` lines. */
const DRIVER_READY = '/run/nvidia/validations/driver-ready';
const DRIVER_ROOT_LINE = /^(?:NVIDIA_)?DRIVER_ROOT(?:_CTR_PATH)?=(\/[\w./-]*)$/m;

/**
 * The directories to search, in order. A tool path replaces everything; a captured tree has no tools unless it is given one,
 * because this machine's tools would answer for another machine.
 */
export async function toolDirectories(
  input: ToolSearchInput,
  readText: (path: string) => Promise<FileRead<string>>,
): Promise<readonly ToolDirectory[]> {
  if (input.toolPath !== undefined) return input.toolPath.map(plain);
  if (!input.live) return [];
  const hinted = await readyDriverRoot(readText);
  const roots = [...(hinted === undefined ? [] : [hinted]), ...DRIVER_ROOTS];
  const system = input.root === '/' ? [] : [{ bin: '/usr/bin', libraries: LIBRARY_DIRECTORIES.map((path) => `/${path}`) }];
  return [
    ...(input.searchPath ?? []).filter((path) => path.startsWith('/')).map(plain),
    ...[...roots, ...system].map(({ bin, libraries }) => ({
      path: join(input.root, bin),
      libraries: libraries.map((path) => join(input.root, path)),
    })),
    ...(input.root === '/' ? [] : SYSTEM_DIRECTORIES.map((path) => plain(join(input.root, path)))),
  ];
}

function plain(path: string): ToolDirectory {
  return { path, libraries: [] };
}

async function readyDriverRoot(readText: (path: string) => Promise<FileRead<string>>): Promise<DriverRoot | undefined> {
  const ready = await readText(DRIVER_READY);
  const root = ready.state === 'read' ? DRIVER_ROOT_LINE.exec(ready.value)?.[1] : undefined;
  // A driver on the host itself is found by the search path.
  if (root === undefined || root === '/' || root.includes('..')) return undefined;
  return { bin: join(root, 'usr/bin'), libraries: LIBRARY_DIRECTORIES.map((path) => join(root, path)) };
}

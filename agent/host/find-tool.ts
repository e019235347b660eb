import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ToolName } from './tool-outcome.ts';
import type { ToolDirectory } from './tool-search.ts';

/** An executable on this machine and the whole environment it is started with. */
export interface FoundTool {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The first directory that holds an executable of that name wins; undefined when none does. */
export async function findTool(name: ToolName, directories: readonly ToolDirectory[]): Promise<FoundTool | undefined> {
  for (const directory of directories) {
    const path = join(directory.path, name);
    if (!(await isExecutable(path))) continue;
    const library = await firstReadable(directory.libraries.map((each) => join(each, 'libnvidia-ml.so.1')));
    const env = { PATH: `${directory.path}:${SYSTEM_PATH}`, LC_ALL: 'C', TZ: 'UTC' };
    return { path, env: library === undefined ? env : { ...env, LD_PRELOAD: library } };
  }
  return undefined;
}

const ELF_MAGIC = 0x7f454c46;
// e_machine of the programs this process could start; 3 is 32-bit x86, which x64 kernels run too.
const MACHINES: Readonly<Partial<Record<NodeJS.Architecture, readonly number[]>>> = { x64: [62, 3], arm64: [183] };

/**
 * True for an ELF program of another processor. The C library hands such a file to a shell instead of failing, so this is asked first.
 * @source execvp(3), elf(5)
 */
export async function isForeignProgram(path: string): Promise<boolean> {
  const header = await firstBytes(path);
  if (header.readUInt32BE(0) !== ELF_MAGIC) return false;
  const machine = header[5] === 2 ? header.readUInt16BE(18) : header.readUInt16LE(18);
  return MACHINES[process.arch]?.includes(machine) === false;
}

/** Zeros where the file cannot be read: execute-only programs are started without this look. */
async function firstBytes(path: string): Promise<Buffer> {
  const header = Buffer.alloc(20);
  try {
    await using handle = await open(path, 'r');
    await handle.read(header, 0, header.length, 0);
  } catch {
    return Buffer.alloc(20);
  }
  return header;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function firstReadable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    try {
      await access(path, constants.R_OK);
      return path;
    } catch {
      // Next candidate.
    }
  }
  return undefined;
}

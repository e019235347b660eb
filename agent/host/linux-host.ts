import { constants, type Stats, type StatsFs } from 'node:fs';
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AssayError, errorText } from '#core/error.ts';
import type { FileRead, FileStat, FilesystemSpace, Host, ReadLimit } from './host.ts';
import { notRead, readFileBounded } from './read-file.ts';
import { resolvePath } from './resolve-path.ts';
import { createToolRunner } from './run-tool.ts';
import { toolDirectories } from './tool-search.ts';

/** Directories with more entries than this are not listed: nothing on a healthy node comes near it. */
const MAX_ENTRIES = 20_000;
// f_type of procfs, statfs(2).
const PROC_MAGIC = 0x9fa0;

/** Where the host is. */
export interface LinuxHostOptions {
  /** `/`, the mount point of a host root in a container, or the directory of a captured tree. */
  readonly root: string;
  /** Directories of vendor tools. When given, no other directory is searched. */
  readonly toolPath?: readonly string[];
  /** Search path of the agent's own environment; used when `toolPath` is not given and the root is live. */
  readonly searchPath?: readonly string[];
  /** Longest time of one tool call, in milliseconds; each call's own limit holds when it is shorter. */
  readonly toolTimeoutMs?: number;
  /** Ends running tools, and starts no more. */
  readonly signal?: AbortSignal;
}

/**
 * The Linux host under a root directory. Effects: reads files below the root, starts allow-listed tools.
 * @throws FILE_NOT_FOUND when the root is no directory
 */
export async function linuxHost(options: LinuxHostOptions): Promise<Host> {
  await requireDirectory(options.root);
  const files = hostFiles(options.root);
  const live = await isLive(options.root);
  const directories = await toolDirectories({ ...options, live }, files.readText);
  const runTool = createToolRunner(directories, options.signal);
  const { toolTimeoutMs = Number.POSITIVE_INFINITY } = options;
  return {
    live,
    ...files,
    runTool: (name, args, limits) =>
      runTool(name, args, limits.isAskedFor === true ? limits : { ...limits, timeoutMs: Math.min(limits.timeoutMs, toolTimeoutMs) }),
  };
}

async function requireDirectory(root: string): Promise<void> {
  const isDirectory = await stat(root).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (!isDirectory)
    throw new AssayError('FILE_NOT_FOUND', `the host root ${root} is not a directory`, {
      hint: 'Give --host-root a captured tree that holds proc, sys and etc.',
    });
}

async function isLive(root: string): Promise<boolean> {
  if (root === '/') return true;
  try {
    return (await statfs(join(root, 'proc'))).type === PROC_MAGIC;
  } catch {
    return false;
  }
}

function hostFiles(root: string): Omit<Host, 'live' | 'runTool'> {
  const direct = root === '/';
  const real = async (path: string): Promise<string> => (direct ? path : join(root, await resolvePath(root, path)));
  const readBytes = (path: string, limit?: ReadLimit): Promise<FileRead<Uint8Array>> =>
    attempt(path, async () => readFileBounded(await real(path), path, limit));
  return {
    readBytes,
    readText: async (path, limit) => decodeText(await readBytes(path, limit), path),
    list: (path) => attempt(path, async () => names(await readdir(await real(path)), path)),
    stat: (path) => attempt(path, async () => ({ state: 'read', value: fileStat(await stat(await real(path))) })),
    readLink: (path) => attempt(path, async () => ({ state: 'read', value: await resolvePath(root, path) })),
    space: (path) => attempt(path, async () => ({ state: 'read', value: space(await statfs(await real(path))) })),
  };
}

async function attempt<T>(path: string, read: () => Promise<FileRead<T>>): Promise<FileRead<T>> {
  try {
    return await read();
  } catch (error) {
    return notRead(error, path);
  }
}

function decodeText(read: FileRead<Uint8Array>, path: string): FileRead<string> {
  if (read.state !== 'read') return read;
  try {
    return { state: 'read', value: new TextDecoder('utf-8', { fatal: true }).decode(read.value) };
  } catch (error) {
    return { state: 'unreadable', reason: `${path}: not UTF-8 text (${errorText(error)})` };
  }
}

function names(entries: readonly string[], path: string): FileRead<readonly string[]> {
  if (entries.length > MAX_ENTRIES) return { state: 'unreadable', reason: `${path}: more than ${MAX_ENTRIES} entries` };
  return { state: 'read', value: entries.toSorted() };
}

function fileStat(stats: Stats): FileStat {
  return {
    kind: kindOf(stats.mode),
    sizeBytes: stats.size,
    modifiedAtMs: stats.mtimeMs,
    mode: stats.mode & 0o7777,
  };
}

function kindOf(mode: number): FileStat['kind'] {
  switch (mode & constants.S_IFMT) {
    case constants.S_IFREG:
      return 'file';
    case constants.S_IFDIR:
      return 'directory';
    case constants.S_IFCHR:
    case constants.S_IFBLK:
      return 'device';
    default:
      return 'other';
  }
}

function space(stats: StatsFs): FilesystemSpace {
  return {
    sizeBytes: stats.blocks * stats.bsize,
    availableBytes: stats.bavail * stats.bsize,
    inodes: stats.files,
    inodesFree: stats.ffree,
  };
}

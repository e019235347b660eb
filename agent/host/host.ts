import type { ToolLimits, ToolName, ToolOutcome } from './tool-outcome.ts';

/**
 * What became of one read. Every non-value says why, without the host root prefix, so that the reason can stand in
 * evidence: `absent` (not there), `unsupported` (there, but the kernel says it cannot tell), `unreadable` (permission, garbage, size, time).
 */
export type FileRead<T> =
  | { readonly state: 'read'; readonly value: T }
  | { readonly state: 'absent' | 'unsupported' | 'unreadable'; readonly reason: string };

/** How much of a file may be read. */
export interface ReadLimit {
  /** Bytes; a larger file is unreadable, never silently cut. Default 1 MiB. */
  readonly maxBytes?: number;
  /** `end` reads the last `maxBytes` of a log instead of refusing a larger one. */
  readonly from?: 'start' | 'end';
  /** Character devices are refused unless asked for (`/dev/kmsg`). */
  readonly device?: boolean;
}

/** What a path is. */
export interface FileStat {
  readonly kind: 'file' | 'directory' | 'device' | 'other';
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
  /** Permission bits, `0o644`. */
  readonly mode: number;
}

/** Space of the filesystem that holds a path. */
export interface FilesystemSpace {
  readonly sizeBytes: number;
  readonly availableBytes: number;
  /** Zero on filesystems that do not count inodes. */
  readonly inodes: number;
  readonly inodesFree: number;
}

/**
 * The node as the agent sees it: files under a root prefix and vendor tools under one policy. The only door to either.
 * Paths are absolute paths of the host (`/proc/cpuinfo`); links never lead out of the root. Nothing here throws for what a host does.
 */
export interface Host {
  /** False for a captured tree: there is no kernel behind it, so clock, free space and processes are somebody else's. */
  readonly live: boolean;
  /** UTF-8 text; other encodings are unreadable. */
  readonly readText: (path: string, limit?: ReadLimit) => Promise<FileRead<string>>;
  readonly readBytes: (path: string, limit?: ReadLimit) => Promise<FileRead<Uint8Array>>;
  /** Names in a directory, sorted by code unit. */
  readonly list: (path: string) => Promise<FileRead<readonly string[]>>;
  readonly stat: (path: string) => Promise<FileRead<FileStat>>;
  /** The path with every link resolved inside the root; the last parts need not exist. */
  readonly readLink: (path: string) => Promise<FileRead<string>>;
  readonly space: (path: string) => Promise<FileRead<FilesystemSpace>>;
  readonly runTool: (name: ToolName, args: readonly string[], limits: ToolLimits) => Promise<ToolOutcome>;
}

/** The value of a read, or undefined for each of the other states. */
export function valueOf<T>(read: FileRead<T>): T | undefined {
  return read.state === 'read' ? read.value : undefined;
}

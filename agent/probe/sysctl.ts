import type { Measurement } from '#core/snapshot/measurement.ts';
import type { Host } from '../host/host.ts';
import { found, measure } from './measure.ts';

const ROOT = '/proc/sys';
// Upstream leaves these two out: thousands of per-interface rows, and a drive.
const LEFT_OUT = new Set(['/proc/sys/net', '/proc/sys/dev/cdrom']);
/** Counters, random numbers and names of this very machine: different at every read or on every node, so no constraint can mean them. */
const VOLATILE =
  /^\/proc\/sys\/(kernel\/(random\/.*|ns_last_pid|hostname|domainname|pty\/nr|perf_cpu_time_max_percent|perf_event_max_sample_rate)|fs\/(dentry-state|file-nr|inode-nr|inode-state|aio-nr|quota\/.*|binfmt_misc\/.*)|sunrpc\/.*)$/;
const MAX_FILES = 4000;
const MAX_DEPTH = 6;
const MAX_FILE_BYTES = 16 * 1024;
const WORLD_READABLE = 0o004;

/**
 * Kernel settings as `OS.sysctl`, keyed by full path; a file in which every line has several fields becomes one key per line.
 * Bounded: 4,000 files of 16 KiB.
 * @source snapshot format aicr.run/v1alpha2
 */
export async function probeSysctl(host: Host): Promise<readonly Measurement[]> {
  const paths = await settingPaths(host);
  const measurements: Measurement[] = [];
  for (const path of paths) {
    const read = await host.readText(path, { maxBytes: MAX_FILE_BYTES });
    if (read.state === 'read') measurements.push(...settings(path, read.value));
  }
  return measurements;
}

async function settingPaths(host: Host): Promise<readonly string[]> {
  const files: string[] = [];
  const pending = [{ path: ROOT, depth: 0 }];
  for (let entry = pending.pop(); entry !== undefined && files.length < MAX_FILES; entry = pending.pop()) {
    const { path, depth } = entry;
    const names = await host.list(path);
    if (names.state !== 'read') continue;
    for (const name of names.value.toReversed()) {
      const child = `${path}/${name}`;
      if (LEFT_OUT.has(child) || VOLATILE.test(child)) continue;
      const stat = await host.stat(child);
      if (stat.state !== 'read') continue;
      if (stat.value.kind === 'directory' && depth < MAX_DEPTH) pending.push({ path: child, depth: depth + 1 });
      // A setting that only root may read is not for evidence, and some of them act when they are read.
      if (stat.value.kind === 'file' && (stat.value.mode & WORLD_READABLE) !== 0) files.push(child);
    }
  }
  return files.sort();
}

function settings(path: string, text: string): readonly Measurement[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const place = { type: 'OS', subtype: 'sysctl' } as const;
  if (lines.length > 1 && lines.every((line) => /\s/.test(line))) {
    const rows = lines.map((line) => /^(\S+)\s+(.*)$/.exec(line)).filter((match) => match !== null);
    return measure(
      place,
      rows.map((match) => found(`${path}/${match[1] ?? ''}`, match[2] ?? '', path)),
    );
  }
  return lines.length === 0 ? [] : measure(place, [found(path, lines.join('\n'), path)]);
}

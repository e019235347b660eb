import { errorText } from '#core/error.ts';
import type { FileRead, Host } from '../host/host.ts';
import { parseKernelLog, type KernelLog } from '../vendor/kernel/kernel-log.ts';

/** Where kernel messages are found, best first: the first starts at boot, the others may reach further back. */
const SOURCES = ['/dev/kmsg', '/var/log/kern.log', '/var/log/messages', '/var/log/dmesg'];
const MAX_LOG_BYTES = 8 * 1024 * 1024;
const BOOT_LINE = /\bLinux version \d/;
const DRIVER_LINE = /NVRM: loading NVIDIA UNIX|nvidia: loading out-of-tree module/;

/** Kernel messages since boot. */
export interface KernelMessages {
  readonly source: string;
  readonly log: KernelLog;
  /** What the parser could not make sense of. */
  readonly partial: readonly string[];
  /** Last line on which the NVIDIA driver was loaded; older events ended with that. Lines count from 1. */
  readonly driverLoadedAtLine: number | undefined;
}

/** Reads the kernel log from the first source that can be read; `unreadable` names the grant that is missing. */
export async function readKernelLog(host: Host): Promise<FileRead<KernelMessages>> {
  let last: FileRead<never> = { state: 'absent', reason: `none of ${SOURCES.join(', ')}` };
  for (const source of SOURCES) {
    const read = await host.readBytes(source, { maxBytes: MAX_LOG_BYTES, from: 'end', device: true });
    if (read.state === 'read' && read.value.length > 0) return parse(source, read.value);
    if (read.state !== 'read' && read.state !== 'absent') last = read;
  }
  return last;
}

function parse(source: string, bytes: Uint8Array): FileRead<KernelMessages> {
  const lines = new TextDecoder().decode(bytes).split('\n');
  const boot = lines.findLastIndex((line) => BOOT_LINE.test(line));
  const sinceBoot = boot < 0 ? lines : lines.slice(boot);
  const loaded = sinceBoot.findLastIndex((line) => DRIVER_LINE.test(line));
  try {
    const parsed = parseKernelLog(Buffer.from(sinceBoot.join('\n')));
    return {
      state: 'read',
      value: { source, log: parsed.value, partial: parsed.partial, driverLoadedAtLine: loaded < 0 ? undefined : loaded + 1 },
    };
  } catch (error) {
    return { state: 'unreadable', reason: `${source}: ${errorText(error)}` };
  }
}

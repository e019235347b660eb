import type { Measurement } from '#core/snapshot/measurement.ts';
import type { FileRead, Host } from '../host/host.ts';
import { found, measure } from './measure.ts';
import { equalLines, readLine } from './text-file.ts';

const RELEASE_FILES = ['/etc/os-release', '/usr/lib/os-release'];
const MAX_MODULES = 2000;

/** Operating system facts in upstream's places: `OS.release`, `OS.kmod`, `OS.grub`. @source snapshot format aicr.run/v1alpha2 */
export async function probeOs(host: Host): Promise<readonly Measurement[]> {
  return [...(await release(host)), ...(await modules(host)), ...(await bootArguments(host))];
}

/** The os-release file that counts, and its path. */
export async function readOsRelease(
  host: Host,
): Promise<FileRead<{ readonly path: string; readonly values: ReadonlyMap<string, string> }>> {
  let last: FileRead<never> = { state: 'absent', reason: `${RELEASE_FILES.join(', ')}: not there` };
  for (const path of RELEASE_FILES) {
    const read = await host.readText(path);
    if (read.state === 'read') return { state: 'read', value: { path, values: equalLines(read.value) } };
    if (read.state !== 'absent') last = read;
  }
  return last;
}

async function release(host: Host): Promise<readonly Measurement[]> {
  const read = await readOsRelease(host);
  if (read.state !== 'read') return measure({ type: 'OS', subtype: 'release' }, [{ key: 'ID', read, source: RELEASE_FILES[0] ?? '' }]);
  const { path, values } = read.value;
  const facts = [...values].filter(([key, value]) => /^[A-Z][A-Z0-9_]*$/.test(key) && value !== '');
  return measure(
    { type: 'OS', subtype: 'release' },
    facts.map(([key, value]) => found(key, value, path)),
  );
}

/** Names of the loaded modules, without those built in. */
export async function readModules(host: Host): Promise<FileRead<readonly string[]>> {
  const read = await host.readText('/proc/modules');
  if (read.state !== 'read') return read;
  const names = read.value.split('\n').flatMap((line) => /^\w+/.exec(line)?.[0] ?? []);
  return { state: 'read', value: names.sort().slice(0, MAX_MODULES) };
}

async function modules(host: Host): Promise<readonly Measurement[]> {
  const read = await readModules(host);
  const names = read.state === 'read' ? read.value : [];
  return measure(
    { type: 'OS', subtype: 'kmod' },
    names.map((name) => found(name, true, '/proc/modules')),
  );
}

async function bootArguments(host: Host): Promise<readonly Measurement[]> {
  const read = await readLine(host, '/proc/cmdline');
  if (read.state !== 'read') return [];
  return measure(
    { type: 'OS', subtype: 'grub' },
    [...bootWords(read.value)].map(([key, value]) => found(key, value, '/proc/cmdline')),
  );
}

/** Boot arguments as upstream keeps them: the last of equal keys wins, `root` (a disk's identity) is left out. */
export function bootWords(line: string): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  for (const word of line.split(/\s+/).filter((each) => each !== '')) {
    const at = word.indexOf('=');
    const key = at < 0 ? word : word.slice(0, at);
    if (key !== 'root' && key !== '' && key.length <= 200) words.set(key, at < 0 ? '' : word.slice(at + 1));
  }
  return words;
}

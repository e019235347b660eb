import type { Measurement } from '#core/snapshot/measurement.ts';
import type { FileRead, Host } from '../host/host.ts';
import { measure, type Fact } from './measure.ts';
import { readCount, readLine } from './text-file.ts';

const SECURE_BOOT = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** Kernel facts as `Hardware.kernel`. */
export async function probeKernel(host: Host): Promise<readonly Measurement[]> {
  const line = async (key: string, source: string): Promise<Fact> => ({ key, read: await readLine(host, source), source });
  const tainted = '/proc/sys/kernel/tainted';
  return measure({ subtype: 'kernel' }, [
    await line('release', '/proc/sys/kernel/osrelease'),
    await line('version', '/proc/sys/kernel/version'),
    await line('machine', '/proc/sys/kernel/arch'),
    { key: 'tainted', read: await readCount(host, tainted), source: tainted },
    await line('lockdown', '/sys/kernel/security/lockdown'),
    { key: 'efi', read: await isThere(host, '/sys/firmware/efi'), source: '/sys/firmware/efi' },
    { key: 'secure-boot', read: await readSecureBoot(host), source: SECURE_BOOT },
    { key: 'iommu-groups', read: await entryCount(host, '/sys/kernel/iommu_groups'), unit: '1', source: '/sys/kernel/iommu_groups' },
  ]);
}

/** True or false by presence; a directory that cannot be looked at is unreadable. */
export async function isThere(host: Host, path: string): Promise<FileRead<boolean>> {
  const stat = await host.stat(path);
  if (stat.state === 'absent') return { state: 'read', value: false };
  return stat.state === 'read' ? { state: 'read', value: true } : stat;
}

/** Number of entries in a directory. */
export async function entryCount(host: Host, path: string): Promise<FileRead<number>> {
  const names = await host.list(path);
  return names.state === 'read' ? { state: 'read', value: names.value.length } : names;
}

/** EFI variables carry four bytes of attributes before the value. @source UEFI specification, section 3.3 */
async function readSecureBoot(host: Host): Promise<FileRead<boolean>> {
  const read = await host.readBytes(SECURE_BOOT, { maxBytes: 64 });
  if (read.state !== 'read') return read;
  const flag = read.value[4];
  return read.value.length === 5 && flag !== undefined && flag <= 1
    ? { state: 'read', value: flag === 1 }
    : { state: 'unreadable', reason: `${SECURE_BOOT}: not a one-byte variable` };
}

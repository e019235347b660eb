import type { FileRead, Host } from '../host/host.ts';
import { readLine } from '../probe/text-file.ts';
import type { CheckContext } from './check.ts';
import { isLoaded } from './gpu-driver.ts';
import { nvidiaOnPci } from './nvidia-gpu.ts';
import { pass, skip, unknown, warn, type Verdict } from './verdict.ts';

const SECURE_BOOT = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
const LOCKDOWN = '/sys/kernel/security/lockdown';
const MODULE_TAINT = '/sys/module/nvidia/taint';
/** Four bytes of attributes, then one of value. */
const VARIABLE_BYTES = 5;

/**
 * Where the firmware or the kernel lets only signed modules in, the NVIDIA module is loaded and signed.
 * @source UEFI specification, variable SecureBoot; Linux kernel, kernel_lockdown(7) and Documentation/admin-guide/tainted-kernels.rst
 */
export async function checkSecureBoot(context: CheckContext): Promise<Verdict> {
  const gpus = await nvidiaOnPci(context);
  if (!gpus.ready) return gpus.verdict;
  const { host } = context;
  const secureBoot = await readSecureBoot(host);
  if (secureBoot.state === 'absent') return skip(`no EFI variable tells of Secure Boot: ${secureBoot.reason}`);
  if (secureBoot.state !== 'read') return unknown(secureBoot.reason);
  const lockdown = await readLockdown(host);
  if (lockdown.state === 'unreadable') return unknown(lockdown.reason);
  const isKept = secureBoot.value || (lockdown.state === 'read' && lockdown.value !== 'none');
  const observed = {
    secureBoot: secureBoot.value,
    lockdown: lockdown.state === 'read' ? lockdown.value : null,
    ...(await driver(context)),
  };
  if (!isKept) return pass('Secure Boot is off, any module may load', observed);
  return judgeModule(await readModule(host), secureBoot.value ? 'Secure Boot is on' : 'the kernel is locked down', observed);
}

async function driver({ node }: CheckContext): Promise<{ readonly flavour: string | null }> {
  const module = await node.nvidiaModule();
  return { flavour: module.state === 'read' ? module.value.flavour : null };
}

function judgeModule(module: FileRead<string>, why: string, observed: Verdict['observed']): Verdict {
  if (module.state === 'absent') return warn(`${why}, and the nvidia module is not loaded: it may lack a signature`, observed);
  if (module.state !== 'read') return unknown(module.reason, observed);
  const all = { ...observed, moduleTaint: module.value };
  return module.value.includes('E')
    ? warn(`${why}, yet the nvidia module is not signed: it will not load where signatures are enforced`, all)
    : pass(`${why}, and the nvidia module is signed`, all);
}

async function readSecureBoot(host: Host): Promise<FileRead<boolean>> {
  const read = await host.readBytes(SECURE_BOOT, { maxBytes: 64 });
  if (read.state !== 'read') return read;
  const value = read.value.length === VARIABLE_BYTES ? read.value[VARIABLE_BYTES - 1] : undefined;
  return value === 0 || value === 1
    ? { state: 'read', value: value === 1 }
    : { state: 'unreadable', reason: `${SECURE_BOOT}: neither 0 nor 1 after four bytes of attributes` };
}

/** The level in brackets: `none [integrity] confidentiality`. */
async function readLockdown(host: Host): Promise<FileRead<string>> {
  const read = await readLine(host, LOCKDOWN);
  if (read.state !== 'read') return read;
  const level = /\[(none|integrity|confidentiality)\]/.exec(read.value)?.[1];
  return level === undefined ? { state: 'unreadable', reason: `${LOCKDOWN}: no level is marked` } : { state: 'read', value: level };
}

/** The taint letters of the loaded module, empty for a module of the kernel itself; absent when it is not loaded. */
async function readModule(host: Host): Promise<FileRead<string>> {
  if (!(await isLoaded(host, 'nvidia'))) return { state: 'absent', reason: 'the nvidia module is not loaded' };
  const read = await host.readText(MODULE_TAINT);
  if (read.state === 'read') return { state: 'read', value: read.value.trim() };
  return { state: 'unreadable', reason: read.reason };
}

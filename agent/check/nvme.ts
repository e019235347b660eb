import type { FileRead, Host } from '../host/host.ts';
import { readCount, readLine } from '../probe/text-file.ts';
import type { CheckContext } from './check.ts';
import { finding, fold, type Finding } from './fold.ts';
import type { Given } from './nvidia-gpu.ts';
import { fail, pass, skip, unknown, type Verdict } from './verdict.ts';

const CONTROLLERS = '/sys/class/nvme';

async function controllers(host: Host): Promise<Given<readonly string[]>> {
  const names = await host.list(CONTROLLERS);
  if (names.state === 'unreadable') return { ready: false, verdict: unknown(names.reason) };
  const found = (names.state === 'read' ? names.value : []).filter((name) => /^nvme\d+$/.test(name));
  return found.length === 0 ? { ready: false, verdict: skip('no NVMe controller') } : { ready: true, value: found };
}

/** Every NVMe controller is in its working state. @source Linux kernel, /sys/class/nvme */
export async function checkNvmeState({ host }: CheckContext): Promise<Verdict> {
  const found = await controllers(host);
  if (!found.ready) return found.verdict;
  const states: Record<string, string> = {};
  for (const name of found.value) {
    const read = await readLine(host, `${CONTROLLERS}/${name}/state`);
    states[name] = read.state === 'read' ? read.value : 'unreadable';
  }
  const observed = { states };
  const dead = Object.entries(states).filter(([, state]) => state !== 'live');
  if (dead.length === 0) return pass(`${found.value.length} NVMe controllers are live`, observed);
  const text = dead.map(([name, state]) => `${name} is ${state}`).join(', ');
  return dead.every(([, state]) => state === 'unreadable') ? unknown(text, observed) : fail(text, observed);
}

/**
 * Every NVMe controller is cooler than the limits it names itself, and raises no temperature warning. The alarm is the temperature bit
 * of the SMART critical warning, the only part of the SMART log that the kernel shows without a tool.
 * @source Linux kernel, drivers/nvme/host/hwmon.c
 */
export async function checkNvmeTemperature({ host }: CheckContext): Promise<Verdict> {
  const found = await controllers(host);
  if (!found.ready) return found.verdict;
  const rows = await Promise.all(found.value.map(async (name) => [name, await judgeSensor(host, `${CONTROLLERS}/${name}`)] as const));
  return fold(rows, { good: 'every NVMe controller is cool enough' });
}

async function judgeSensor(host: Host, path: string): Promise<Finding> {
  const names = await host.list(path);
  const sensor = names.state === 'read' ? names.value.find((name) => /^hwmon\d+$/.test(name)) : undefined;
  if (sensor === undefined) return finding('skip', 'no temperature sensor', null);
  const read = (file: string): Promise<FileRead<number>> => readCount(host, `${path}/${sensor}/temp1_${file}`);
  const [now, warning, critical, alarm] = [await read('input'), await read('max'), await read('crit'), await read('alarm')];
  if (now.state !== 'read') return finding(now.state === 'unreadable' ? 'unknown' : 'skip', now.reason, null);
  const observed = {
    celsius: celsiusOf(now),
    warning: celsiusOf(warning),
    critical: celsiusOf(critical),
    alarm: alarm.state === 'read' ? alarm.value === 1 : null,
  };
  if (observed.alarm === true) return finding('fail', 'warns of its temperature', observed);
  if (isAtLeast(now, critical)) return finding('fail', 'at its critical temperature', observed);
  return isAtLeast(now, warning) ? finding('warn', 'at its warning temperature', observed) : finding('pass', '', observed);
}

/** Sensors count in thousandths of a degree. */
function celsiusOf(read: FileRead<number>): number | null {
  return read.state === 'read' ? Math.round(read.value / 1000) : null;
}

/** A controller that names no limit has none here. */
function isAtLeast(now: FileRead<number>, limit: FileRead<number>): boolean {
  return now.state === 'read' && limit.state === 'read' && limit.value > 0 && now.value >= limit.value;
}

/** NVMe controllers of one model carry one firmware. */
export async function checkNvmeFirmware({ host }: CheckContext): Promise<Verdict> {
  const found = await controllers(host);
  if (!found.ready) return found.verdict;
  const firmware = new Map<string, { readonly model: string; readonly version: string }>();
  for (const name of found.value) {
    const [model, version] = [
      await readLine(host, `${CONTROLLERS}/${name}/model`),
      await readLine(host, `${CONTROLLERS}/${name}/firmware_rev`),
    ];
    if (model.state === 'read' && version.state === 'read') firmware.set(name, { model: model.value, version: version.value });
  }
  const rows = found.value.map((name) => [name, judgeFirmware(firmware, name)] as const);
  return fold(rows, { good: 'one firmware per model' });
}

function judgeFirmware(firmware: ReadonlyMap<string, { readonly model: string; readonly version: string }>, name: string): Finding {
  const own = firmware.get(name);
  if (own === undefined) return finding('skip', 'tells no model or firmware', null);
  const first = [...firmware.values()].find(({ model }) => model === own.model);
  const isSame = first?.version === own.version;
  return finding(isSame ? 'pass' : 'warn', isSame ? '' : `another firmware than the first ${own.model}`, own);
}

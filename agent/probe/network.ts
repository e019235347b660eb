import type { Measurement } from '#core/snapshot/measurement.ts';
import type { Host } from '../host/host.ts';
import { measure, type Fact } from './measure.ts';
import { driverName } from './pci-function.ts';
import { readCount, readLine } from './text-file.ts';

const NET = '/sys/class/net';
const MAX_INTERFACES = 256;

/**
 * Interfaces with a device behind them as `Hardware.net`, without addresses. A pod sees its own network namespace only, unless it
 * shares the host's.
 */
export async function probeNetwork(host: Host): Promise<readonly Measurement[]> {
  const names = await host.list(NET);
  if (names.state !== 'read') return [];
  const measurements: Measurement[] = [];
  for (const name of names.value.slice(0, MAX_INTERFACES)) {
    if ((await host.stat(`${NET}/${name}/device`)).state === 'read') measurements.push(...(await describe(host, name)));
  }
  return measurements;
}

async function describe(host: Host, name: string): Promise<readonly Measurement[]> {
  const path = (file: string): string => `${NET}/${name}/${file}`;
  const facts: Fact[] = [
    { key: 'mtu', read: await readCount(host, path('mtu')), unit: 'By', source: path('mtu') },
    { key: 'state', read: await readLine(host, path('operstate')), source: path('operstate') },
    { key: 'speed', read: await readSpeed(host, path('speed')), unit: 'Mb/s', source: path('speed') },
    { key: 'driver', read: await driverName(host, path('device/driver')), source: path('device/driver') },
  ];
  return measure({ subtype: 'net', item: name }, facts);
}

/** -1 is how a driver says that it does not know. */
async function readSpeed(host: Host, path: string): ReturnType<typeof readCount> {
  const read = await readCount(host, path);
  return read.state === 'read' && read.value < 0 ? { state: 'unsupported', reason: `${path}: the driver does not know` } : read;
}

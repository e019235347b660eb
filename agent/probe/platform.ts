import type { Measurement } from '#core/snapshot/measurement.ts';
import type { Host } from '../host/host.ts';
import { found, measure, type Fact } from './measure.ts';
import { readLine } from './text-file.ts';

const DMI = '/sys/class/dmi/id';
// Serial numbers, UUIDs and free asset tags name one machine and are not read at all.
const MODEL_FILES = [
  'sys_vendor',
  'product_name',
  'product_version',
  'board_vendor',
  'board_name',
  'bios_vendor',
  'bios_version',
  'bios_date',
];

interface Cloud {
  readonly service: string;
  readonly file: string;
  readonly value: RegExp;
}

/**
 * DMI texts by which public clouds name themselves. The asset tags here are the same on every machine of that cloud.
 * @source vendors' documentation of instance identification
 */
const CLOUDS: readonly Cloud[] = [
  { service: 'eks', file: 'sys_vendor', value: /^Amazon EC2$/ },
  { service: 'gke', file: 'sys_vendor', value: /^Google$/ },
  { service: 'gke', file: 'product_name', value: /^Google Compute Engine$/ },
  { service: 'aks', file: 'chassis_asset_tag', value: /^7783-7084-3265-9085-8269-3286-77$/ },
  { service: 'oke', file: 'chassis_asset_tag', value: /^OracleCloud\.com$/ },
  { service: 'lke', file: 'sys_vendor', value: /^(Akamai|Linode)$/ },
];

/** Machine model as `Hardware.platform`, and the cloud it says it belongs to. */
export async function probePlatform(host: Host): Promise<readonly Measurement[]> {
  const facts: Fact[] = [];
  for (const file of MODEL_FILES) {
    const source = `${DMI}/${file}`;
    facts.push({ key: file.replaceAll('_', '-'), read: await readLine(host, source), source });
  }
  return measure({ subtype: 'platform' }, [...facts, ...(await cloud(host))]);
}

async function cloud(host: Host): Promise<readonly Fact[]> {
  const own = await readCloud(host);
  return own === undefined ? [] : [found('cloud', own.service, own.source)];
}

/** The cloud that the machine says it belongs to, by the name of its Kubernetes service; undefined for machines that name none. */
export async function readCloud(host: Host): Promise<{ readonly service: string; readonly source: string } | undefined> {
  for (const { service, file, value } of CLOUDS) {
    const source = `${DMI}/${file}`;
    const read = await readLine(host, source);
    if (read.state === 'read' && value.test(read.value)) return { service, source };
  }
  return undefined;
}

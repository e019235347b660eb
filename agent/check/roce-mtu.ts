import { INFINIBAND, type RdmaDevice } from '../probe/infiniband.ts';
import { readCount } from '../probe/text-file.ts';
import type { CheckContext } from './check.ts';
import { finding, fold, type Finding } from './fold.ts';
import { skip, unknown, type Verdict } from './verdict.ts';

/** Limits of {@link checkRoceMtu}. */
export const MTU_THRESHOLDS = {
  least: { value: 4200, unit: 'By', source: 'vendor RoCE guides: room for messages of 4096 bytes and their headers' },
} as const;

/** Network interfaces of RDMA cards carry the largest RoCE messages; only interfaces of the agent's own network namespace can be seen. */
export async function checkRoceMtu(context: CheckContext): Promise<Verdict> {
  const read = await context.node.infiniband();
  if (read.state === 'unreadable') return unknown(read.reason);
  const ethernet = (read.state === 'read' ? read.value : []).filter(isEthernet);
  if (ethernet.length === 0) return skip('no Ethernet port of an RDMA device');
  const rows = await Promise.all(ethernet.map(async ({ name }) => [name, await judgeMtu(context, name)] as const));
  return fold(rows, { good: 'interfaces of RDMA cards carry large messages' });
}

function isEthernet({ ports }: RdmaDevice): boolean {
  return ports.some(({ linkLayer }) => linkLayer.state === 'read' && linkLayer.value === 'Ethernet');
}

async function judgeMtu({ host }: CheckContext, device: string): Promise<Finding> {
  const path = `${INFINIBAND}/${device}/device/net`;
  const names = await host.list(path);
  const sizes: number[] = [];
  for (const name of names.state === 'read' ? names.value : []) {
    const mtu = await readCount(host, `${path}/${name}/mtu`);
    if (mtu.state === 'read') sizes.push(mtu.value);
  }
  if (sizes.length === 0) return finding('skip', 'its interface is not visible here', null);
  const least = Math.min(...sizes);
  const isSmall = least < MTU_THRESHOLDS.least.value;
  return finding(isSmall ? 'warn' : 'pass', isSmall ? `messages of ${least} bytes at most` : '', least);
}

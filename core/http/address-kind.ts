import { BlockList, isIP } from 'node:net';

/**
 * Where an address leads. `forbidden`: link-local (cloud metadata services live there), multicast, unspecified, reserved and
 * translated addresses, behind which nothing honest serves artifacts.
 */
export type AddressKind = 'public' | 'private' | 'loopback' | 'forbidden';

type Subnet = readonly [network: string, prefix: number];

/** @source IANA special-purpose address registries; RFC 1918, RFC 4193, RFC 6598 */
const PRIVATE: readonly Subnet[] = [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['fc00::', 7],
];
const LOOPBACK: readonly Subnet[] = [
  ['127.0.0.0', 8],
  ['::1', 128],
];
/** @source IANA special-purpose address registries */
const FORBIDDEN: readonly Subnet[] = [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 128],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fd00:ec2::', 32],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];
const MAPPED = /^::ffff:(?:([0-9a-f]{1,4}):([0-9a-f]{1,4})|(\d+\.\d+\.\d+\.\d+))$/i;

const lists = { forbidden: blockList(FORBIDDEN), loopback: blockList(LOOPBACK), private: blockList(PRIVATE) } as const;

/**
 * The kind of an IP address; an IPv4 address inside an IPv6 one is taken for what it is.
 * @param address text of an IPv4 or IPv6 address, without brackets
 */
export function addressKind(address: string): AddressKind {
  const plain = unmapped(address);
  const family = isIP(plain);
  if (family === 0) return 'forbidden';
  const type = family === 4 ? 'ipv4' : 'ipv6';
  for (const kind of ['forbidden', 'loopback', 'private'] as const) if (lists[kind].check(plain, type)) return kind;
  return 'public';
}

function unmapped(address: string): string {
  const [, high, low, dotted] = MAPPED.exec(address) ?? [];
  if (dotted !== undefined) return dotted;
  if (high === undefined || low === undefined) return address;
  const value = Number.parseInt(high, 16) * 0x10000 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
}

function blockList(subnets: readonly Subnet[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, network.includes(':') ? 'ipv6' : 'ipv4');
  return list;
}

import { existsSync } from 'node:fs';
import { call } from './call.ts';

/** Programs that the bed calls, and the Debian packages that bring them. */
const NEEDED: readonly { readonly program: string; readonly package: string }[] = [
  { program: 'buildah', package: 'buildah' },
  { program: 'mmdebstrap', package: 'mmdebstrap' },
  { program: 'nft', package: 'nftables' },
  { program: 'iptables', package: 'iptables' },
  { program: 'ip', package: 'iproute2' },
  { program: 'openssl', package: 'openssl' },
  { program: 'unshare', package: 'util-linux' },
];
const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const INSTALL_MS = 600_000;

/** Installs the packages whose programs are missing. @param report one line when something is installed */
export async function ensurePackages(report: (line: string) => void): Promise<void> {
  const missing = NEEDED.filter(({ program }) => !FOLDERS.some((folder) => existsSync(`${folder}/${program}`)));
  if (missing.length === 0) return;
  const names = missing.map((one) => one.package);
  report(`installing ${names.join(', ')}`);
  await refreshLists();
  await call('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    timeoutMs: INSTALL_MS,
  });
}

/** Brings the lists of packages up to date: without any, nothing can be found. */
export async function refreshLists(): Promise<void> {
  await call('apt-get', ['update', '-qq'], { timeoutMs: INSTALL_MS });
}

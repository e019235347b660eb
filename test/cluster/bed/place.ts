import { dirname, join } from 'node:path';
import { servicesCache } from '../../../tools/services/cache.ts';

const cache = join(dirname(servicesCache), 'cluster');

/** Where everything of the bed is kept: built once, and what one life of it leaves. */
export const place = {
  cache,
  bin: join(cache, 'bin'),
  cni: join(cache, 'bin', 'cni'),
  /** What the programs were built from. */
  stamps: join(cache, 'stamp'),
  /** Contents of Debian packages, nothing of them installed. */
  packages: join(cache, 'package'),
  /** Images as buildah keeps them, and the files they are made from. */
  images: join(cache, 'image'),
  /** Layers of the registry that nodes pull from. */
  registry: join(cache, 'registry'),
  keys: join(cache, 'key'),
  state: join(cache, 'state'),
  run: join(cache, 'run'),
  /** Everything of the tier on loopback. */
  light: join(cache, 'light'),
  /** Kubeconfig of the administrator. */
  kubeconfig: join(cache, 'run', 'admin.kubeconfig'),
  /** Says that the bed is up, and with what; its last file to be written and the first to go. */
  bed: join(cache, 'run', 'bed.json'),
} as const;

/** Path of a program of the bed. */
export function bedProgram(name: string): string {
  return join(place.bin, name);
}

/** Where one node keeps its files. */
export function nodePlace(index: number): {
  readonly root: string;
  readonly log: string;
  readonly machine: string;
  readonly devices: string;
} {
  const root = join(place.state, `node-${index}`);
  return { root, log: join(root, 'log'), machine: join(root, 'varlib', 'bed-machine'), devices: join(root, 'gpu') };
}

import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { call } from './call.ts';
import { refreshLists } from './packages.ts';
import { bedProgram, place } from './place.ts';

const MODULE = join(import.meta.dirname, 'go');
const KUBERNETES = '1.36.3';
const BUILD_MS = 3_600_000;

interface GoProgram {
  readonly name: string;
  /** Package to build: a folder of our module, or one that it requires. */
  readonly source: string;
  readonly flags?: string;
  /** Other names that the program is called by. */
  readonly links?: readonly string[];
}

const VERSION = 'k8s.io/component-base/version';
const [MAJOR, MINOR] = KUBERNETES.split('.');

/** Without a version of its own a node says v0.0.0-master, and clients refuse the skew. */
const KUBE_FLAGS = `-X ${VERSION}.gitVersion=v${KUBERNETES} -X ${VERSION}.gitMajor=${MAJOR} -X ${VERSION}.gitMinor=${MINOR} -X ${VERSION}.gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=v${KUBERNETES}`;

const PROGRAMS: readonly GoProgram[] = [
  {
    name: 'kube',
    source: './kube',
    flags: KUBE_FLAGS,
    links: ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'kubectl'],
  },
  { name: 'bed-gpu', source: './gpu' },
  { name: 'bed-dns', source: './dns' },
  { name: 'pause', source: './pause' },
  { name: 'helm', source: 'helm.sh/helm/v4/cmd/helm' },
  { name: 'kwok', source: 'sigs.k8s.io/kwok/cmd/kwok' },
];

/** Taken out of Debian's packages: they work with this Kubernetes, and building them takes minutes. */
const DEBIAN: Readonly<Record<string, readonly string[]>> = {
  containerd: ['usr/bin/containerd', 'usr/bin/containerd-shim-runc-v2', 'usr/bin/ctr'],
  runc: ['usr/sbin/runc'],
  'etcd-server': ['usr/bin/etcd'],
  'containernetworking-plugins': ['usr/lib/cni/ptp', 'usr/lib/cni/loopback', 'usr/lib/cni/host-local'],
};

/** Builds or unpacks every program of the bed that is missing or of another version. @param report one line per program */
export async function buildBedPrograms(report: (line: string) => void): Promise<void> {
  for (const folder of [place.bin, place.cni, place.stamps, place.packages]) await mkdir(folder, { recursive: true });
  await unpackDebian(report);
  const key = moduleKey();
  for (const program of PROGRAMS) await buildProgram(program, key, report);
  if (!existsSync(bedProgram('kwok-stages.yaml')) || readStamp('kwok-stages') !== key) await writeKwokStages(key);
}

async function buildProgram(
  { name, source, flags = '', links = [] }: GoProgram,
  key: string,
  report: (line: string) => void,
): Promise<void> {
  const wanted = `${key} ${source} ${flags}`;
  if (existsSync(bedProgram(name)) && readStamp(name) === wanted) return;
  const startedAt = performance.now();
  report(`building ${name}`);
  const scratch = bedProgram(`.${name}.new`);
  await go(['build', '-trimpath', '-buildvcs=false', '-ldflags', `-s -w ${flags}`, '-o', scratch, source]);
  await rename(scratch, bedProgram(name));
  for (const link of links) {
    rmSync(bedProgram(link), { force: true });
    symlinkSync(name, bedProgram(link));
  }
  writeStamp(name, wanted);
  report(`${name} built in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
}

function go(args: readonly string[]): Promise<string> {
  return call('nice', ['-n', '5', 'go', ...args], {
    cwd: MODULE,
    env: { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' },
    timeoutMs: BUILD_MS,
  });
}

/** Everything that decides what the module's programs are. */
function moduleKey(): string {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', ...globSync('*/*.go', { cwd: MODULE }).sort()]) hash.update(readFileSync(join(MODULE, file)));
  return hash.digest('hex').slice(0, 16);
}

/** kwok knows no life of a node or a pod by itself: its module has these, for nodes and pods that are ready at once. */
async function writeKwokStages(key: string): Promise<void> {
  const folder = (await go(['list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/kwok'])).trim();
  const stages = [
    'node/fast/node-initialize',
    'node/heartbeat-with-lease/node-heartbeat-with-lease',
    'pod/fast/pod-ready',
    'pod/fast/pod-complete',
    'pod/fast/pod-delete',
  ];
  const texts = stages.map((stage) => readFileSync(join(folder, 'kustomize', 'stage', `${stage}.yaml`), 'utf8'));
  writeFileSync(bedProgram('kwok-stages.yaml'), `---\n${texts.join('\n---\n')}`);
  writeStamp('kwok-stages', key);
}

async function unpackDebian(report: (line: string) => void): Promise<void> {
  const files = Object.values(DEBIAN).flat();
  if (files.every((file) => existsSync(linkOf(file)))) return;
  const startedAt = performance.now();
  const download = (): Promise<string> => call('apt-get', ['download', '-qq', ...Object.keys(DEBIAN)], { cwd: place.packages });
  await download().catch(async () => {
    await refreshLists();
    await download();
  });
  const root = join(place.packages, 'root');
  for (const file of await readdir(place.packages)) if (file.endsWith('.deb')) await call('dpkg', ['-x', join(place.packages, file), root]);
  for (const file of files) {
    rmSync(linkOf(file), { force: true });
    symlinkSync(join(root, file), linkOf(file));
  }
  report(`containerd, runc, etcd and network plugins unpacked in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
}

function linkOf(file: string): string {
  return file.includes('/cni/') ? join(place.cni, basename(file)) : bedProgram(basename(file));
}

function readStamp(name: string): string | undefined {
  const file = join(place.stamps, name);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function writeStamp(name: string, text: string): void {
  mkdirSync(place.stamps, { recursive: true });
  writeFileSync(join(place.stamps, name), text);
}

import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { copyFile, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { call } from './call.ts';
import { bedProgram, place } from './place.ts';
import { hasManifest, IMAGE_REGISTRY } from './registry.ts';

const TARGETS = ['agent', 'collector', 'cli'] as const;
/** A program of Assay with an image of its own, as the Dockerfile names its targets. */
export type Target = (typeof TARGETS)[number];

/** Where an image can be pulled. */
export interface PushedImage {
  /** Without the registry's name: nodes ask the bed's registry for all of them. */
  readonly repository: string;
  readonly digest: string;
}

/** The images of Assay's programs. */
export type ProgramImages = Readonly<Record<Target, PushedImage>>;

const REPOSITORY_ROOT = 'assay';
const BASE_TAG = 'localhost/bed-base:1';
const SUITE = 'bookworm';
const BUILD_MS = 900_000;

const BASE_FILE = `FROM scratch
ADD rootfs.tar /
COPY node /usr/local/bin/node
`;
const PAUSE_FILE = `FROM scratch
COPY pause /pause
USER 65535:65535
ENTRYPOINT ["/pause"]
`;

const CHECK_TOOLS = join(import.meta.dirname, '..', '..', 'fixture', 'cluster', 'tool');
const CHECK_FILE = `FROM ${BASE_TAG}
COPY nvidia-smi all_reduce_perf /usr/local/bin/
`;

/** What was built last, in a file beside the images. */
interface Built {
  /** Digest over everything that went in. */
  readonly key: string;
  /** Of the pushed manifest. */
  readonly digest: string;
}

/**
 * Builds and pushes what has changed, by digest: the base from Debian packages and our own Node, each program from the Dockerfile.
 * @param root of the checkout, with dist/ built @param report one line per image that was built
 */
export async function buildProgramImages(root: string, report: (line: string) => void): Promise<ProgramImages> {
  const base = await buildBase(report);
  const pushed: Partial<Record<Target, PushedImage>> = {};
  for (const target of TARGETS) pushed[target] = await buildTarget(target, { root, base }, report);
  return pushed as ProgramImages;
}

/** The image of pod sandboxes. */
export async function buildPause(report: (line: string) => void): Promise<PushedImage> {
  const key = digestOf([PAUSE_FILE], [bedProgram('pause')]);
  return buildUnlessDone({ name: 'pause', key, tag: 'localhost/pause:1' }, report, async (context) => {
    await copyFile(bedProgram('pause'), join(context, 'pause'));
    await writeFile(join(context, 'Dockerfile'), PAUSE_FILE);
    return ['--timestamp', '0', context];
  });
}

/** The image of test pods of cluster checks: tools that tell of the devices that a container was given. */
export async function buildCheckImage(report: (line: string) => void): Promise<PushedImage> {
  const base = await buildBase(report);
  const tools = globSync(join(CHECK_TOOLS, '*')).sort();
  const key = digestOf([base.digest, CHECK_FILE], tools);
  return buildUnlessDone({ name: 'check', key, tag: 'localhost/check:1' }, report, async (context) => {
    for (const tool of tools) await copyFile(tool, join(context, basename(tool)));
    await writeFile(join(context, 'Dockerfile'), CHECK_FILE);
    return ['--timestamp', '0', context];
  });
}

/** Debian with Node: what the Dockerfile asks its base to be. */
async function buildBase(report: (line: string) => void): Promise<PushedImage> {
  const node = nodeProgram();
  const key = digestOf([BASE_FILE, SUITE, readFileSync(join(node, '..', '..', 'package.json'), 'utf8')], []);
  return buildUnlessDone({ name: 'base', key, tag: BASE_TAG }, report, async (context) => {
    const rootfs = await debianTree(report);
    await link(rootfs, join(context, 'rootfs.tar'));
    await copyFile(node, join(context, 'node'));
    await writeFile(join(context, 'Dockerfile'), BASE_FILE);
    return ['--timestamp', '0', context];
  });
}

/** A small Debian, made once. */
async function debianTree(report: (line: string) => void): Promise<string> {
  const file = join(place.images, `${SUITE}.tar`);
  if (existsSync(file)) return file;
  report(`making a Debian ${SUITE} tree`);
  const unread = ['doc', 'man', 'info', 'locale'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`);
  const scratch = `${file}.new.tar`;
  await call('mmdebstrap', ['--quiet', '--variant=minbase', '--include=ca-certificates,libstdc++6', ...unread, SUITE, scratch], {
    env: { SOURCE_DATE_EPOCH: '1700000000' },
    timeoutMs: BUILD_MS,
  });
  await copyFile(scratch, file);
  await rm(scratch);
  return file;
}

/** The program of the package that also runs this one. */
function nodeProgram(): string {
  return join(import.meta.dirname, '..', '..', '..', 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
}

async function buildTarget(
  target: Target,
  from: { readonly root: string; readonly base: PushedImage },
  report: (line: string) => void,
): Promise<PushedImage> {
  const { root, base } = from;
  const files = globSync('dist/**/*', { cwd: root })
    .map((file) => join(root, file))
    .filter((file) => statSync(file).isFile())
    .sort();
  const used =
    target === 'cli'
      ? files
      : files.filter((file) => file.includes(`/${target}.`) || (target === 'collector' && /\/(?:recipes|collector-chunk)\//.test(file)));
  const key = digestOf([base.digest, target], [join(root, 'Dockerfile'), ...used]);
  return buildUnlessDone({ name: target, key, tag: `localhost/assay-${target}:1` }, report, async () => [
    '--target',
    target,
    '--build-arg',
    `BASE=${BASE_TAG}`,
    root,
  ]);
}

interface Wanted {
  readonly name: string;
  readonly key: string;
  readonly tag: string;
}

async function buildUnlessDone(
  wanted: Wanted,
  report: (line: string) => void,
  prepare: (context: string) => Promise<readonly string[]>,
): Promise<PushedImage> {
  const { name, key, tag } = wanted;
  const repository = `${REPOSITORY_ROOT}/${name}`;
  const stamp = join(place.images, `${name}.json`);
  const built = existsSync(stamp) ? (JSON.parse(await readFile(stamp, 'utf8')) as Built) : undefined;
  if (built?.key === key && (await hasManifest(repository, built.digest))) return { repository, digest: built.digest };
  const startedAt = performance.now();
  const context = join(place.images, `.${name}`);
  await rm(context, { recursive: true, force: true });
  await mkdir(context, { recursive: true });
  await buildah(['bud', '--quiet', '--pull-never', '--tag', tag, ...(await prepare(context))]);
  await rm(context, { recursive: true });
  const digestFile = join(place.images, `${name}.digest`);
  await buildah([
    'push',
    '--quiet',
    '--tls-verify=false',
    '--digestfile',
    digestFile,
    tag,
    `docker://${IMAGE_REGISTRY}/${repository}:latest`,
  ]);
  const digest = (await readFile(digestFile, 'utf8')).trim();
  await writeFile(stamp, JSON.stringify({ key, digest } satisfies Built));
  report(`image ${name} built and pushed in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  return { repository, digest };
}

/** buildah with a store of its own: what it thinks is /var/lib/containers lies in the cache, for this call only. */
async function buildah(args: readonly string[]): Promise<void> {
  const store = join(place.images, 'store');
  await mkdir(store, { recursive: true });
  await mkdir('/var/lib/containers', { recursive: true });
  const script =
    'mount --make-rprivate / && mount --bind "$0" /var/lib/containers && mount -t tmpfs tmpfs /run/containers && exec nice -n 5 buildah --storage-driver overlay "$@"';
  await mkdir('/run/containers', { recursive: true });
  await call('unshare', ['--mount', 'sh', '-c', script, store, ...args], { timeoutMs: BUILD_MS });
}

function digestOf(texts: readonly string[], files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length} ${text}`);
  for (const file of files) hash.update(`${file} `).update(readFileSync(file));
  return hash.digest('hex');
}

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { servicesCache, serviceProgram } from './cache.ts';
import { PROGRAMS, type Program } from './program-table.ts';

const run = promisify(execFile);
const FLAGS = ['-trimpath', '-ldflags', '-s -w'];
const WRAPPERS = join(import.meta.dirname, 'go');

/** Builds what is missing or of another version, one after the other, at low priority. @param report one line per program */
export async function buildPrograms(report: (line: string) => void): Promise<void> {
  await mkdir(servicesCache, { recursive: true });
  for (const program of PROGRAMS) {
    if (isBuilt(program)) continue;
    const startedAt = performance.now();
    await buildProgram(program);
    writeFileSync(stampOf(program), program.version);
    report(`${program.name} ${program.version} built in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  }
}

function isBuilt(program: Program): boolean {
  return (
    existsSync(serviceProgram(program.name)) && existsSync(stampOf(program)) && readFileSync(stampOf(program), 'utf8') === program.version
  );
}

function stampOf({ name }: Program): string {
  return join(servicesCache, `${name}.version`);
}

async function buildProgram({ name, source }: Program): Promise<void> {
  const scratch = await mkdtemp(join(servicesCache, '.build-'));
  try {
    if ('wrapper' in source) await go(['build', ...FLAGS, '-o', join(scratch, name), '.'], { cwd: join(WRAPPERS, source.wrapper) });
    else await go(['install', ...FLAGS, source.install], { env: { GOBIN: scratch } });
    const [built] = await readdir(scratch);
    if (built === undefined) throw new Error(`go built nothing for ${name}`);
    await rename(join(scratch, built), serviceProgram(name));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** No cgo, no other Go version: the same program everywhere. */
async function go(args: readonly string[], { cwd = WRAPPERS, env = {} }: { cwd?: string; env?: Record<string, string> }): Promise<void> {
  await run('nice', ['-n', '15', 'go', ...args], {
    cwd,
    env: { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', ...env },
    maxBuffer: 1 << 24,
  });
}

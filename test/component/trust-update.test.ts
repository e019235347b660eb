import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { honestEvidence, scratch, signEvidence, writeFiles } from '../fixture/verify/evidence.ts';
import { startTuf } from '../fixture/verify/tuf.ts';

interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program with a home of its own, so that no cache of this computer plays a part. */
function assay(home: string, ...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, ['cli/main.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: home },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((done, fail) => child.once('error', fail).once('close', (exit) => done({ exit, stdout, stderr })));
}

const codeOf = ({ stdout }: Ended): unknown => (JSON.parse(stdout) as { error?: { code: string } }).error?.code;

describe('assay trust update', () => {
  it('fetches a root through TUF that then verifies what its instance signed', { timeout: 60_000 }, async () => {
    using home = scratch();
    const { files, trustedRoot } = await signEvidence(honestEvidence());
    await using repository = await startTuf(JSON.stringify(trustedRoot));
    const [initial, out, bundle] = [join(home.path, 'root.json'), join(home.path, 'fetched.json'), writeFiles(join(home.path, 'b'), files)];
    writeFileSync(initial, repository.root);

    const updated = await assay(
      home.path,
      'trust',
      'update',
      '--mirror',
      repository.url,
      '--initial-root',
      initial,
      '--out',
      out,
      '--format',
      'json',
    );
    const asked = repository.requests.length;
    const verified = await assay(home.path, 'verify', bundle, '--trusted-root', out, '--offline');

    expect([updated.exit, JSON.parse(readFileSync(out, 'utf8')), verified.stdout.split('\n')[0]]).toEqual([
      0,
      trustedRoot,
      expect.stringContaining('LAB TRUST'),
    ]);
    expect(repository.requests.length).toBe(asked);
  });

  it.each<readonly [string, (files: Map<string, Buffer>) => void]>([
    [
      'a target that was changed',
      (files) => {
        for (const path of files.keys()) if (path.startsWith('/targets/')) files.set(path, Buffer.from('{"mediaType":"evil"}'));
      },
    ],
    [
      'metadata that was changed',
      (files) =>
        void files.set(
          '/timestamp.json',
          Buffer.from((files.get('/timestamp.json') ?? Buffer.of()).toString().replace('"version":1', '"version":2')),
        ),
    ],
    ['metadata that is no JSON', (files) => void files.set('/timestamp.json', Buffer.from('<html>'))],
    ['nothing', (files) => files.clear()],
  ])('does not take %s', { timeout: 60_000 }, async (_name, damage) => {
    using home = scratch();
    await using repository = await startTuf('{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}');
    writeFileSync(join(home.path, 'root.json'), repository.root);
    damage(repository.files);

    const ended = await assay(
      home.path,
      'trust',
      'update',
      '--mirror',
      repository.url,
      '--initial-root',
      join(home.path, 'root.json'),
      '--out',
      join(home.path, 'out.json'),
      '--format',
      'json',
      '--timeout',
      '2s',
    );

    expect([ended.exit, codeOf(ended), existsSync(join(home.path, 'out.json'))]).toEqual([3, 'TRUST_UPDATE_FAILED', false]);
  });

  it('does not take metadata that has expired, an older state, or a target that is no trusted root', { timeout: 60_000 }, async () => {
    using home = scratch();
    const root = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}';
    await using repository = await startTuf(root);
    writeFileSync(join(home.path, 'root.json'), repository.root);
    const update = (): Promise<Ended> =>
      assay(
        home.path,
        'trust',
        'update',
        '--mirror',
        repository.url,
        '--initial-root',
        join(home.path, 'root.json'),
        '--out',
        join(home.path, 'out.json'),
        '--format',
        'json',
        '--timeout',
        '2s',
      );

    repository.publish(root, { version: 2 });
    const fresh = await update();
    repository.publish(root, { version: 1 });
    const older = await update();
    repository.publish(root, { version: 3, expires: '2020-01-01T00:00:00Z' });
    const expired = await update();
    repository.publish('{"mediaType":"text/plain"}', { version: 4 });
    const wrong = await update();

    expect([fresh.exit, older.exit, expired.exit, wrong.exit]).toEqual([0, 3, 3, 3]);
    expect([older, expired, wrong].map(codeOf)).toEqual(['TRUST_UPDATE_FAILED', 'TRUST_UPDATE_FAILED', 'TRUST_UPDATE_FAILED']);
  });

  it('needs the first root and a file for another repository', async () => {
    using home = scratch();

    expect((await assay(home.path, 'trust', 'update', '--mirror', 'http://127.0.0.1:1')).exit).toBe(64);
  });
});

describe('assay trust show', () => {
  it('shows the root that ships with this version, and a given one', async () => {
    using home = scratch();
    const { trustedRoot } = await signEvidence(honestEvidence());
    writeFileSync(join(home.path, 'lab.json'), JSON.stringify(trustedRoot));

    const own = JSON.parse((await assay(home.path, 'trust', 'show', '--format', 'json')).stdout) as {
      exit: number;
      trust: string;
      source: string;
      parties: { name: string }[];
    };
    const lab = await assay(home.path, 'trust', 'show', '--trusted-root', join(home.path, 'lab.json'));

    expect([own.exit, own.trust, own.source, own.parties.some(({ name }) => name === 'https://fulcio.sigstore.dev')]).toEqual([
      0,
      'public',
      'shipped with this version',
      true,
    ]);
    expect([lab.exit, lab.stdout.split('\n')[0]]).toEqual([0, 'LAB TRUST']);
  });

  it('ends with 3 for what is no trusted root', async () => {
    using home = scratch();

    expect((await assay(home.path, 'trust', 'show', '--trusted-root', 'package.json')).exit).toBe(3);
  });

  it('prefers the root that was fetched last, and says where it is', async () => {
    using home = scratch();
    const shipped = readFileSync('core/verify/trust/public-good-root.json');
    writeFiles(home.path, new Map([['.cache/assay/trust/trusted_root.json', shipped]]));

    const { source, trust } = JSON.parse((await assay(home.path, 'trust', 'show', '--format', 'json')).stdout) as {
      source: string;
      trust: string;
    };

    expect([source, trust]).toEqual([join(home.path, '.cache/assay/trust/trusted_root.json'), 'public']);
  });
});

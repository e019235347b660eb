import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '#core/clock.ts';
import { sha256 } from '#core/digest/sha256.ts';
import { createLog } from '#core/log.ts';
import type { RecordBody } from '#core/wire/record.ts';
import type { NodeName } from '#core/wire/run.ts';
import type { CollectorAddress } from '../../agent/uplink/dial.ts';
import { openUplink, type UplinkOptions } from '../../agent/uplink/open-uplink.ts';
import type { Uplink } from '../../agent/uplink/uplink.ts';
import type { Admission } from '../../collector/session/admission.ts';
import { codeOfPromise } from '../fixture/uplink/code-of.ts';
import { discard, startLiveCollector, type LiveCollector, type LiveCollectorOptions } from '../fixture/uplink/live-collector.ts';
import { driverRecords } from '../fixture/uplink/records.ts';

const BODIES = driverRecords('node-a', 8);
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options: Partial<LiveCollectorOptions> = {}): Promise<LiveCollector> {
  const collector = await startLiveCollector({ expected: ['node-a'], ...options });
  cleanups.push(() => (options.after === undefined ? discard(collector) : collector.close()));
  return collector;
}

/** The same place after its disk was lost. */
async function startAnew(before: LiveCollector, options: Partial<LiveCollectorOptions> = {}): Promise<LiveCollector> {
  await before.close();
  rmSync(join(before.directory, 'state'), { recursive: true });
  return start({ after: before, ...options });
}

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'assay-waiting-'));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  return directory;
}

async function open(address: CollectorAddress, change: Partial<UplinkOptions> = {}): Promise<Uplink> {
  const uplink = await openUplink({
    ...address,
    node: 'node-a',
    agentVersion: '0.0.0-test',
    journalDir: scratch(),
    waiting: 'once',
    giveUpMs: 20_000,
    clock: systemClock,
    log: createLog({ program: 'test', level: 'silent' }),
    random: () => 0,
    ...change,
  });
  cleanups.push(() => uplink.close());
  return uplink;
}

async function say(uplink: Uplink, bodies: readonly RecordBody[]): Promise<void> {
  for (const body of bodies) await uplink.send(body);
}

async function reported(collector: LiveCollector): Promise<unknown> {
  await collector.gathered;
  return (await collector.readSealed()).reports.map(({ attempt, records }) => [attempt, records]);
}

async function listen(server: Server): Promise<CollectorAddress> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return addressAt(`127.0.0.1:${String((server.address() as AddressInfo).port)}`);
}

function addressAt(place: string): CollectorAddress {
  const tokenFile = join(scratch(), 'token');
  writeFileSync(tokenFile, 'a-token-of-enough-length');
  return { url: `wss://${place}/v1/agent`, pin: sha256(''), tokenFile };
}

/** An address where nobody listens. */
async function nowhere(): Promise<CollectorAddress> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return addressAt(`127.0.0.1:${String(port)}`);
}

describe('an uplink without its collector', () => {
  it.each<[string, () => Promise<CollectorAddress> | CollectorAddress]>([
    ['whose name nobody knows', () => addressAt('no-such-host.invalid:8443')],
    ['where nobody listens', nowhere],
    ['that hangs up at once', () => listen(createServer((socket) => socket.resetAndDestroy()))],
    ['that closes politely', () => listen(createServer((socket) => void socket.resume().end()))],
    [
      'that does not speak TLS',
      () =>
        listen(
          createServer(
            (socket) =>
              void socket
                .resume()
                .on('error', () => undefined)
                .end('HTTP/1.1 200 OK\r\n\r\n'),
          ),
        ),
    ],
  ])('tries again at an address %s, until it gives up', async (_, address) => {
    let attempts = 0;
    const random = (): number => ((attempts += 1), 0);

    expect(await codeOfPromise(open(await address(), { giveUpMs: 300, random }))).toBe('UPLINK_LOST');
    expect(attempts).toBeGreaterThan(1);
  });

  it.each(['starting', 'idle'] as const)('never gives up when it stays (%s)', async (waiting) => {
    let attempts = 0;
    const over = new AbortController();
    const random = (): number => {
      attempts += 1;
      if (attempts === (waiting === 'idle' ? 1 : 4)) over.abort();
      return 0;
    };

    expect(await codeOfPromise(open(await nowhere(), { waiting, giveUpMs: 0, random, signal: over.signal }))).toBe('UPLINK_LOST');
    expect(attempts).toBe(waiting === 'idle' ? 1 : 4);
  });

  it('hangs up when it is told to, also while the other side says nothing', async () => {
    const over = new AbortController();
    const address = await listen(createServer((socket) => void socket.on('error', () => undefined).once('data', () => over.abort())));
    const startedAt = performance.now();

    expect(await codeOfPromise(open(address, { waiting: 'starting', signal: over.signal }))).toBe('UPLINK_LOST');
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  it('does not begin when it was told to hang up before', async () => {
    const collector = await start();

    expect(await codeOfPromise(open(collector.address, { signal: AbortSignal.abort() }))).toBe('UPLINK_LOST');
    expect(collector.events).toEqual([]);
  });

  it('comes when the collector said, not before', async () => {
    const collector = await start({ acceptRate: { perSecond: 1, burst: 1 } });
    const first = await open(collector.address);
    await first.close();
    const startedAt = performance.now();
    await open(collector.address);

    expect(performance.now() - startedAt).toBeGreaterThan(950);
  });
});

describe('the credential of an uplink', () => {
  it('may come late: a projected token is not there yet', async () => {
    const collector = await start();
    const tokenFile = join(scratch(), 'token');
    let looks = 0;
    const random = (): number => {
      looks += 1;
      if (looks === 3) writeFileSync(tokenFile, readFileSync(collector.address.tokenFile));
      return 0;
    };
    await open({ ...collector.address, tokenFile }, { random });

    expect(looks).toBe(3);
  });

  it('is renewed on the open connection when its file has new content, each time', async () => {
    const asked: (string | undefined)[] = [];
    const pod = { name: 'agent', uid: 'uid', createdAtMs: 0, ofDaemonSet: true };
    const admission: Admission = {
      admit: (authorization) => {
        asked.push(authorization);
        return Promise.resolve({ admitted: true, node: 'node-a' as NodeName, pod, expiresAtMs: Date.now() + 600_000 });
      },
    };
    const collector = await start({ admission });
    const tokenFile = join(scratch(), 'token');
    writeFileSync(tokenFile, 'token-0');
    const uplink = await open({ ...collector.address, tokenFile }, { renewEveryMs: 5 });
    for (const token of ['token-1', 'token-2']) {
      writeFileSync(`${tokenFile}.new`, `${token}\n`);
      rmSync(tokenFile);
      writeFileSync(tokenFile, `${token}\n`);
      await expect.poll(() => asked.at(-1)).toBe(`Bearer ${token}`);
    }
    await say(uplink, BODIES);
    await uplink.sealed;

    expect(asked).toEqual(['Bearer token-0', 'Bearer token-1', 'Bearer token-2']);
    expect(collector.events.filter(({ event }) => event === 'node-connected').length).toBe(1);
  });

  it('brings the agent back when the collector ends the connection because it expired', async () => {
    const pod = { name: 'agent', uid: 'uid', createdAtMs: 0, ofDaemonSet: true };
    let leftMs = 200;
    const admission: Admission = {
      admit: () => {
        const expiresAtMs = Date.now() - 60_000 + leftMs;
        leftMs = 600_000;
        return Promise.resolve({ admitted: true, node: 'node-a' as NodeName, pod, expiresAtMs });
      },
    };
    const collector = await start({ admission });
    const uplink = await open(collector.address);
    await say(uplink, BODIES.slice(0, 3));
    await expect.poll(() => collector.events.filter(({ event }) => event === 'node-connected').length).toBe(2);
    await say(uplink, BODIES.slice(3));

    expect(await reported(collector)).toEqual([[1, BODIES]]);
  });
});

describe('an uplink that stays', () => {
  it('reports anew to a collector of the same run that lost its disk after the seal', async () => {
    const first = await start();
    const journalDir = scratch();
    const before = await open(first.address, { journalDir });
    await say(before, BODIES);
    await before.sealed;
    const second = await startAnew(first);
    const after = await open(second.address, { journalDir, waiting: 'starting' });

    expect([after.runId, after.recovered]).toEqual([before.runId, []]);
    await say(after, BODIES);
    expect(await reported(second)).toEqual([[1, BODIES]]);
  });

  it('refills a collector of the same run that lost its disk before the seal', async () => {
    const first = await start();
    const uplink = await open(first.address, { waiting: 'starting' });
    await say(uplink, BODIES.slice(0, 5));
    const second = await startAnew(first);
    await say(uplink, BODIES.slice(5));
    await uplink.sealed;

    expect(await reported(second)).toEqual([[1, BODIES]]);
  });

  it('does not go into the run in which it failed, and keeps its journal; it goes into the next one', async () => {
    const first = await start({ run: { runId: 'run-1', nonce: '01'.repeat(32) } });
    const journalDir = scratch();
    const failed = await open(first.address, { journalDir });
    await say(failed, BODIES.slice(0, 3));
    await failed.close();
    let attempts = 0;
    const tried = Promise.withResolvers<void>();
    const random = (): number => {
      attempts += 1;
      if (attempts === 3) tried.resolve();
      return 0;
    };
    const waiting = open(first.address, { journalDir, waiting: 'starting', failedRunId: 'run-1', random });
    await tried.promise;

    expect(first.events.filter(({ event }) => event === 'node-connected').map((event) => 'attempt' in event && event.attempt)).toEqual([
      1, 1, 1, 1,
    ]);
    const second = await startAnew(first, { run: { runId: 'run-2', nonce: '02'.repeat(32) } });
    const uplink = await waiting;
    expect([uplink.runId, uplink.recovered]).toEqual(['run-2', []]);
    await say(uplink, BODIES);
    expect(await reported(second)).toEqual([[1, BODIES]]);
  });

  it('keeps a damaged journal aside and starts over; one that does not stay ends', async () => {
    const collector = await start();
    const journalDir = scratch();
    const first = await open(collector.address, { journalDir });
    await say(first, BODIES.slice(0, 3));
    await first.close();
    truncateSync(join(journalDir, 'journal'), 7);

    expect(await codeOfPromise(open(collector.address, { journalDir }))).toBe('JOURNAL_CORRUPT');
    const second = await open(collector.address, { journalDir, waiting: 'starting' });
    await say(second, BODIES);
    expect(await reported(collector)).toEqual([[2, BODIES]]);
    expect(existsSync(join(journalDir, 'journal.damaged'))).toBe(true);
  });

  it('never touches the journal of another node', async () => {
    const collector = await start();
    const journalDir = scratch();
    await (await open(collector.address, { journalDir })).close();
    const before = readFileSync(join(journalDir, 'journal'));

    expect(await codeOfPromise(open(collector.address, { journalDir, node: 'node-b', waiting: 'idle' }))).toBe('JOURNAL_CORRUPT');
    expect(readFileSync(join(journalDir, 'journal')).equals(before)).toBe(true);
  });

  it('says nothing more once it was closed', async () => {
    const collector = await start();
    const uplink = await open(collector.address, { waiting: 'starting' });
    await uplink.close();

    expect(await codeOfPromise(uplink.send(BODIES[0] as RecordBody))).toBe('UPLINK_LOST');
    expect(await codeOfPromise(uplink.sealed)).toBe('UPLINK_LOST');
    expect(uplink.stop.aborted).toBe(true);
  });
});

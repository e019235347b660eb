import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Digest } from '#core/digest/sha256.ts';
import type { RecordBody } from '#core/wire/record.ts';
import type { SealedRun } from '#core/wire/run.ts';
import type { CollectorAddress } from '../../agent/uplink/dial.ts';
import { decodeEntry } from '../../collector/ledger/entry.ts';
import { RunReplay } from '../../collector/ledger/replay.ts';
import { FrameFile } from '#core/frame/frame-file.ts';
import type { DriverSettings } from '../fixture/uplink/driver.ts';
import { NONCE_HEX, testAgent } from '../fixture/uplink/entries.ts';
import { discard, startLiveCollector } from '../fixture/uplink/live-collector.ts';
import { killAll, startCollector, startDriver, type Program } from '../fixture/uplink/processes.ts';
import { RawClient } from '../fixture/uplink/raw-client.ts';
import { driverRecords } from '../fixture/uplink/records.ts';

const KILLS = 20;
const directories: string[] = [];

afterEach(() => {
  killAll();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A place for one run of real programs. */
interface Place {
  readonly directory: string;
  readonly state: string;
  readonly out: string;
  readonly tokenFile: string;
  readonly listen: string;
}

async function newPlace(): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'assay-faults-'));
  directories.push(directory);
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, 'a-token-of-enough-length');
  return {
    directory,
    state: join(directory, 'state'),
    out: join(directory, 'run.json'),
    tokenFile,
    listen: `127.0.0.1:${String(await freePort())}`,
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function collect(place: Place, nodes: readonly string[], wrapper: readonly string[] = []): Program {
  const expected = nodes.flatMap((node) => ['--expect', node]);
  const { state, out, tokenFile, listen } = place;
  const args = [
    '--state-dir',
    state,
    '--out',
    out,
    '--token-file',
    tokenFile,
    '--listen',
    listen,
    '--nonce',
    NONCE_HEX,
    '--log-level',
    'error',
    '--deadline',
    '5m',
  ];
  return startCollector([...args, ...expected], wrapper);
}

async function addressOf(collector: Program, place: Place): Promise<CollectorAddress> {
  const { url, key } = await collector.until('listening');
  return { url: url as string, pin: key as Digest, tokenFile: place.tokenFile };
}

function drive(place: Place, address: CollectorAddress, node: string, more: Partial<DriverSettings> = {}): Program {
  return startDriver({
    url: address.url,
    key: address.pin,
    tokenFile: place.tokenFile,
    node,
    journalDir: join(place.directory, node),
    records: 60,
    paceMs: 5,
    ...more,
  });
}

function sealedRun(place: Place): SealedRun {
  return JSON.parse(readFileSync(place.out, 'utf8')) as SealedRun;
}

function recordsOf(run: SealedRun): readonly (readonly RecordBody[])[] {
  return run.reports.map(({ records }) => records);
}

/** Records in the ledger of a collector that was killed. */
async function storedRecords(place: Place): Promise<number> {
  const copy = join(place.directory, 'ledger-copy');
  cpSync(join(place.state, 'ledger'), copy);
  const replay = new RunReplay();
  const file = await FrameFile.open({ path: copy, corruptCode: 'LEDGER_CORRUPT', visit: (payload) => replay.add(decodeEntry(payload)) });
  await file.close();
  return replay.agents[0]?.stream.receivedSeq ?? 0;
}

describe('a collector that is killed', () => {
  it(`has stored what it acknowledged, at ${String(KILLS)} random moments, and counts nothing twice`, { timeout: 120_000 }, async () => {
    const place = await newPlace();
    const bodies = driverRecords('node-a', 1000);
    const agent = testAgent('node-a', bodies);
    let acked = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const collector = collect(place, ['node-a']);
      const { client, welcome } = await RawClient.welcomed(await addressOf(collector, place), agent);
      expect(welcome.resumeSeq).toBeGreaterThanOrEqual(acked);
      for (let seq = welcome.resumeSeq + 1; seq <= welcome.resumeSeq + 40; seq += 2) client.send(agent.frame(seq, seq + 1));
      for (let count = Math.ceil(Math.random() * 20); count > 0; count -= 1)
        acked = ((await client.next('ack')) as { durableSeq: number }).durableSeq;
      collector.kill('SIGKILL');
      await collector.ended;

      expect(await storedRecords(place)).toBeGreaterThanOrEqual(acked);
    }
    const last = collect(place, ['node-a']);
    const { client, welcome } = await RawClient.welcomed(await addressOf(last, place), agent);
    for (let seq = welcome.resumeSeq + 1; seq <= 1000; seq += 100) client.send(agent.frame(seq, Math.min(1000, seq + 99)));

    expect(await last.ended, last.stderr()).toEqual({ code: 0, signal: null });
    expect(recordsOf(sealedRun(place))).toEqual([bodies]);
    expect(sealedRun(place).collectorRestarts).toBe(KILLS);
  });

  it('is found again by its agents, and the run ends as if nothing had happened', { timeout: 60_000 }, async () => {
    const place = await newPlace();
    let collector = collect(place, ['node-a', 'node-b']);
    const address = await addressOf(collector, place);
    const drivers = ['node-a', 'node-b'].map((node) => drive(place, address, node, { paceMs: 60 }));
    for (let kill = 1; kill <= 3; kill += 1) {
      await collector.until('check');
      collector.kill('SIGKILL');
      await collector.ended;
      collector = collect(place, ['node-a', 'node-b']);
    }

    expect(await collector.ended).toEqual({ code: 0, signal: null });
    expect(await Promise.all(drivers.map(({ ended }) => ended))).toEqual([0, 0].map((code) => ({ code, signal: null })));
    expect(recordsOf(sealedRun(place))).toEqual([driverRecords('node-a', 60), driverRecords('node-b', 60)]);
    expect(sealedRun(place).absences).toEqual([]);
  });

  it('ends with 143 after SIGTERM without sealing, and goes on when it is started again', async () => {
    const place = await newPlace();
    const first = collect(place, ['node-a']);
    const driver = drive(place, await addressOf(first, place), 'node-a');
    await first.until('check');
    first.kill('SIGTERM');

    expect(await first.ended).toEqual({ code: 143, signal: null });
    expect(first.lines.some(({ event }) => event === 'sealed')).toBe(false);
    const second = collect(place, ['node-a']);
    expect(await second.ended).toEqual({ code: 0, signal: null });
    expect(await driver.ended).toEqual({ code: 0, signal: null });
    expect(recordsOf(sealedRun(place))).toEqual([driverRecords('node-a', 60)]);
  });

  it('gives the same run once more when it is started after the seal', async () => {
    const place = await newPlace();
    const first = collect(place, ['node-a']);
    drive(place, await addressOf(first, place), 'node-a', { paceMs: 0 });
    await first.ended;
    const run = sealedRun(place);
    const second = collect(place, ['node-a']);
    await second.ended;

    expect(sealedRun(place)).toEqual(run);
    expect(second.lines).toEqual([first.lines.at(-1)]);
  });
});

describe('a ledger that was cut off', () => {
  it(`gives the run of the undisturbed one, at ${String(KILLS)} random bytes`, { timeout: 60_000 }, async () => {
    const bodies = driverRecords('node-a', 40);
    const agent = testAgent('node-a', bodies);
    const undisturbed = await startLiveCollector({ expected: ['node-a'] });
    const { client } = await RawClient.welcomed(undisturbed.address, agent);
    for (let seq = 1; seq < 40; seq += 4) {
      client.send(agent.frame(seq, seq + 3));
      await client.next('ack').catch(() => undefined);
    }
    await undisturbed.gathered;
    const whole = await undisturbed.readSealed();
    await undisturbed.close();
    const original = join(undisturbed.directory, 'original');
    cpSync(join(undisturbed.directory, 'state'), original, { recursive: true });
    const { size } = statSync(join(original, 'ledger'));
    const seal = 150;
    for (let cut = 0; cut < KILLS; cut += 1) {
      cpSync(original, join(undisturbed.directory, 'state'), { recursive: true });
      truncateSync(join(undisturbed.directory, 'state', 'ledger'), 12 + Math.floor(Math.random() * (size - seal - 12)));
      const recovered = await startLiveCollector({ expected: ['node-a'], after: undisturbed, run: { openedAtMs: whole.openedAtMs } });
      const again = await RawClient.welcomed(recovered.address, agent);
      if (again.welcome.resumeSeq < 40) again.client.send(agent.frame(again.welcome.resumeSeq + 1, 40));
      await recovered.gathered;
      const run = await recovered.readSealed();
      await recovered.close();

      expect(comparable(run)).toEqual(comparable(whole));
    }
    await discard(undisturbed);
  });
});

describe('an agent that is killed', () => {
  it('goes on where its journal ends, at several moments of a phase', { timeout: 60_000 }, async () => {
    const place = await newPlace();
    const collector = collect(place, ['node-a']);
    const address = await addressOf(collector, place);
    for (const check of [3, 17, 40]) {
      const driver = drive(place, address, 'node-a');
      await collector.until('check', (line) => line.check === `check-${String(check)}`);
      driver.kill('SIGKILL');
      await driver.ended;
    }
    const last = drive(place, address, 'node-a');

    expect(await last.ended, last.stderr()).toEqual({ code: 0, signal: null });
    expect((await last.until('open'))['recovered']).toBeGreaterThan(40);
    await collector.ended;
    expect(recordsOf(sealedRun(place))).toEqual([driverRecords('node-a', 60)]);
    expect(sealedRun(place).reports.map(({ attempt }) => attempt)).toEqual([1]);
  });
});

const mounting = [
  ['unshare', '-m'],
  ['unshare', '-Urm'],
].find(([word, ...flags]) => spawnSync(word as string, [...flags, 'true']).status === 0);

describe.skipIf(mounting === undefined)('a full disk (skipped where no file system may be mounted)', () => {
  it('stops the acks, is told, and is over when there is space', { timeout: 60_000 }, async () => {
    const place = await newPlace();
    mkdirSync(place.state);
    // A small file system of its own, nearly filled; the collector's process sees it, and its filler can be deleted.
    const script = 'mount -t tmpfs -o size=64k tmpfs "$0" && head -c 49152 /dev/zero > "$0/filler" && exec "$@"';
    const collector = collect(place, ['node-a'], [...(mounting as string[]), 'sh', '-c', script, place.state]);
    const driver = drive(place, await addressOf(collector, place), 'node-a', { paceMs: 0, records: 120 });
    const { code } = await collector.until('stalled');
    const inside = join('/proc', String(collector.pid), 'root', place.state);

    expect(code).toBe('DISK_FULL');
    expect(existsSync(place.out)).toBe(false);
    rmSync(join(inside, 'filler'));
    await collector.until('resumed');
    expect(await collector.ended).toEqual({ code: 0, signal: null });
    expect(await driver.ended).toEqual({ code: 0, signal: null });
    expect(recordsOf(sealedRun(place))).toEqual([driverRecords('node-a', 120)]);
  });

  it('does not keep the collector from ending', { timeout: 60_000 }, async () => {
    const place = await newPlace();
    mkdirSync(place.state);
    const script = 'mount -t tmpfs -o size=64k tmpfs "$0" && head -c 49152 /dev/zero > "$0/filler" && exec "$@"';
    const collector = collect(place, ['node-a'], [...(mounting as string[]), 'sh', '-c', script, place.state]);
    drive(place, await addressOf(collector, place), 'node-a', { paceMs: 0, records: 120 });
    await collector.until('stalled');
    collector.kill('SIGTERM');

    expect(await collector.ended).toEqual({ code: 143, signal: null });
  });
});

/** Everything of a run but what the disturbance itself changes: when it was sealed, how often it was restarted, what the clock said. */
function comparable({ sealedAtMs: _sealedAtMs, collectorRestarts: _collectorRestarts, ...run }: SealedRun): unknown {
  return { ...run, reports: run.reports.map(({ clockSkewMs: _clockSkewMs, ...report }) => report) };
}

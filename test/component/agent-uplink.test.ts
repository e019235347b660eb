import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '#core/clock.ts';
import { sha256 } from '#core/digest/sha256.ts';
import { createLog } from '#core/log.ts';
import type { RecordBody } from '#core/wire/record.ts';
import type { CollectorAddress } from '../../agent/uplink/dial.ts';
import { openUplink, type UplinkOptions } from '../../agent/uplink/open-uplink.ts';
import type { Uplink } from '../../agent/uplink/uplink.ts';
import type { AdmissionResult } from '../../collector/session/admission.ts';
import { loadServerIdentity } from '../../collector/session/server-identity.ts';
import { codeOfPromise } from '../fixture/uplink/code-of.ts';
import { discard, startLiveCollector, type LiveCollector, type LiveCollectorOptions } from '../fixture/uplink/live-collector.ts';
import { driverRecords } from '../fixture/uplink/records.ts';

const BODIES = driverRecords('node-a', 20);
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options: Partial<LiveCollectorOptions> = {}): Promise<LiveCollector> {
  const collector = await startLiveCollector({ expected: ['node-a'], ...options });
  cleanups.push(() => (options.after === undefined ? discard(collector) : collector.close()));
  return collector;
}

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'assay-uplink-'));
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

async function reported(collector: LiveCollector): Promise<readonly (readonly RecordBody[])[]> {
  await collector.gathered;
  return (await collector.readSealed()).reports.map(({ records }) => records);
}

describe('uplink', () => {
  it('delivers what was said, once and in order, and deletes the journal when the run is sealed', async () => {
    const collector = await start();
    const journalDir = scratch();
    const uplink = await open(collector.address, { journalDir });

    expect([uplink.runId, uplink.recovered, uplink.plan]).toEqual([
      'run-test',
      [],
      { accelerator: 'any', phases: [{ phase: 'deployment', checks: [], deadlineMs: 1000 }] },
    ]);
    expect(await uplink.start).toEqual(['deployment']);
    await Promise.all(BODIES.map((body) => uplink.send(body)));
    await uplink.sealed;
    expect(await reported(collector)).toEqual([BODIES]);
    expect(existsSync(join(journalDir, 'journal'))).toBe(false);
  });

  it('meets its collector on a socket file, also when a killed one left that behind', async () => {
    const path = join(scratch(), 'agent? #socket%20');
    const abandoned = createServer();
    await new Promise<void>((resolve) => abandoned.listen(path, resolve));
    const collector = await start({ listen: { path } });
    const uplink = await open(collector.address);
    await say(uplink, BODIES);

    expect(await reported(collector)).toEqual([BODIES]);
    await new Promise((resolve) => abandoned.close(resolve));
  });

  it('goes on after the collector was restarted', async () => {
    const first = await start();
    const uplink = await open(first.address);
    await say(uplink, BODIES.slice(0, 8));
    await first.close();
    await say(uplink, BODIES.slice(8, 12));
    const second = await start({ after: first });
    await say(uplink, BODIES.slice(12));
    await uplink.sealed;

    expect(await reported(second)).toEqual([BODIES]);
    expect((await second.readSealed()).collectorRestarts).toBe(1);
  });

  it('goes on after the agent was restarted: nothing is said again', async () => {
    const collector = await start();
    const journalDir = scratch();
    const first = await open(collector.address, { journalDir });
    await say(first, BODIES.slice(0, 9));
    await first.close();
    const second = await open(collector.address, { journalDir });

    expect(second.recovered).toEqual(BODIES.slice(0, 9));
    await say(second, BODIES.slice(9));
    await second.sealed;
    expect(await reported(collector)).toEqual([BODIES]);
    expect((await collector.readSealed()).reports.map(({ attempt }) => attempt)).toEqual([1]);
  });

  it('refills a collector whose ledger lost its end', async () => {
    const first = await start();
    const uplink = await open(first.address);
    await say(uplink, BODIES.slice(0, 12));
    await until(() => first.events.length > 8);
    await first.close();
    const ledger = join(first.directory, 'state', 'ledger');
    truncateSync(ledger, statSync(ledger).size - 700);
    const second = await start({ after: first });
    await say(uplink, BODIES.slice(12));
    await uplink.sealed;

    expect(await reported(second)).toEqual([BODIES]);
  });

  it('refills a collector that lost its whole ledger but was given the same run', async () => {
    const first = await start();
    const uplink = await open(first.address);
    await say(uplink, BODIES.slice(0, 12));
    await first.close();
    rmSync(join(first.directory, 'state', 'ledger'));
    const second = await start({ after: first });
    await say(uplink, BODIES.slice(12));
    await uplink.sealed;

    expect(await reported(second)).toEqual([BODIES]);
  });

  it('starts over as a new attempt when the journal was lost', async () => {
    const collector = await start();
    const first = await open(collector.address);
    await say(first, BODIES.slice(0, 9));
    await first.close();
    const second = await open(collector.address);
    await say(second, BODIES);
    await second.sealed;

    expect(await reported(collector)).toEqual([BODIES]);
    expect((await collector.readSealed()).reports.map(({ attempt }) => attempt)).toEqual([2]);
  });

  it('starts over with a journal of an earlier run', async () => {
    const journalDir = scratch();
    const earlier = await start();
    const before = await open(earlier.address, { journalDir });
    await say(before, BODIES.slice(0, 3));
    await before.close();
    const collector = await start({ run: { runId: 'run-next', nonce: '08'.repeat(32) } });
    const uplink = await open(collector.address, { journalDir });

    expect([uplink.runId, uplink.recovered]).toEqual(['run-next', []]);
    await say(uplink, BODIES);
    expect(await reported(collector)).toEqual([BODIES]);
  });

  it('does not carry results over into another run while it is open', async () => {
    const first = await start();
    const uplink = await open(first.address);
    await say(uplink, BODIES.slice(0, 3));
    await first.close();
    rmSync(join(first.directory, 'state', 'ledger'));
    await start({ after: first, run: { nonce: '09'.repeat(32) } });

    expect(await codeOfPromise(uplink.sealed)).toBe('RUN_CHANGED');
    expect(await codeOfPromise(uplink.send(BODIES[3] as RecordBody))).toBe('RUN_CHANGED');
    expect(uplink.stop.aborted).toBe(true);
  });

  it('keeps within its credit however much there is to say', async () => {
    const collector = await start();
    const uplink = await open(collector.address);
    const line = 'x'.repeat(8000);
    const large = Array.from({ length: 40 }, (_, index): RecordBody => {
      const stdout = Array.from({ length: 20 }, () => line);
      return {
        kind: 'check',
        result: { phase: 'deployment', check: `c${String(index)}`, status: 'passed', durationMs: 1, startedAtMs: 1, stdout },
      };
    });
    const all = [...large, { kind: 'finished', atMs: 1 } as const];
    await Promise.all(all.map((body) => uplink.send(body)));
    await uplink.sealed;

    expect(await reported(collector)).toEqual([all]);
  });

  it('says when the collector wants to end, and still delivers', async () => {
    const collector = await start({ run: { deadlineMs: 200 }, graceMs: 10_000 });
    const uplink = await open(collector.address);
    await new Promise((resolve) => uplink.stop.addEventListener('abort', resolve));

    expect(uplink.stop.reason).toBe('deadline');
    await say(uplink, BODIES);
    expect(await reported(collector)).toEqual([BODIES]);
  });

  it('refuses a body that breaks a limit and goes on with the next', async () => {
    const collector = await start();
    const uplink = await open(collector.address);

    expect(await codeOfPromise(uplink.send({ kind: 'finished', atMs: -1 }))).toBe('WIRE_MALFORMED');
    await say(uplink, BODIES);
    expect(await reported(collector)).toEqual([BODIES]);
  });

  it('lets the second of two agents of one node wait until the first is gone', async () => {
    const collector = await start();
    const first = await open(collector.address);
    const waiting = open(collector.address);
    await say(first, BODIES.slice(0, 2));
    await first.close();
    const second = await waiting;
    await say(second, BODIES);

    expect(await reported(collector)).toEqual([BODIES]);
  });
});

describe('uplink without a collector that wants it', () => {
  it('never sends its credential to a server with another key', async () => {
    const { key, certificate } = await loadServerIdentity(join(scratch(), 'key.pem'));
    const heard: Buffer[] = [];
    const impostor = createTlsServer({ key, cert: certificate }, (socket) =>
      socket.on('data', (chunk) => heard.push(chunk)).on('error', () => undefined),
    );
    const tokenFile = join(scratch(), 'token');
    writeFileSync(tokenFile, 'secret');
    const url = `wss://127.0.0.1:${String(await portOf(impostor))}/v1/agent`;

    expect(await codeOfPromise(open({ url, pin: sha256('another key'), tokenFile }))).toBe('UPLINK_PIN');
    await new Promise((resolve) => impostor.close(resolve));
    expect(heard).toEqual([]);
  });

  it('gives up after the time it was given: nobody listens', async () => {
    const server = createServer();
    const port = await portOf(server);
    await new Promise((resolve) => server.close(resolve));
    const tokenFile = join(scratch(), 'token');
    writeFileSync(tokenFile, 'secret');
    const address = { url: `wss://127.0.0.1:${String(port)}/v1/agent`, pin: sha256(''), tokenFile };

    expect(await codeOfPromise(open(address, { giveUpMs: 300 }))).toBe('UPLINK_LOST');
  });

  it.each([
    ['a wrong token', 'wrong-token-wrong-token'],
    ['no token', undefined],
  ])('gives up with %s', async (_, token) => {
    const collector = await start();
    const tokenFile = join(scratch(), 'token');
    if (token !== undefined) writeFileSync(tokenFile, token);

    expect(await codeOfPromise(open({ ...collector.address, tokenFile }, { giveUpMs: 300 }))).toBe('UPLINK_REFUSED');
  });

  it('tries a refused credential again, reading it anew: it may just have been renewed', async () => {
    const seen: (string | undefined)[] = [];
    const tokenFile = join(scratch(), 'token');
    writeFileSync(tokenFile, 'old');
    const admit = (authorization: string | undefined): Promise<AdmissionResult> => {
      seen.push(authorization);
      writeFileSync(tokenFile, 'new');
      return Promise.resolve(
        seen.length === 1
          ? { admitted: false, status: 401, code: 'CREDENTIAL_EXPIRED', reason: 'expired' }
          : { admitted: true, node: undefined },
      );
    };
    const collector = await start({ admission: { admit } });
    await open({ ...collector.address, tokenFile });

    expect(seen).toEqual(['Bearer old', 'Bearer new']);
  });

  it('does not try again when its node is not expected', async () => {
    const collector = await start();

    expect(await codeOfPromise(open(collector.address, { node: 'node-z' }))).toBe('NODE_REJECTED');
  });

  it('learns that the run was sealed while it was away', async () => {
    const collector = await start({ run: { deadlineMs: 500 } });
    const journalDir = scratch();
    const first = await open(collector.address, { journalDir });
    await say(first, BODIES.slice(0, 3));
    await first.close();
    await collector.gathered;

    expect(await codeOfPromise(open(collector.address, { journalDir }))).toBe('RUN_SEALED');
    expect(existsSync(join(journalDir, 'journal'))).toBe(false);
  });
});

async function portOf(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

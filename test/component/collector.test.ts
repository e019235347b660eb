import { request } from 'node:https';
import { connect } from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { WIRE_LIMITS } from '#core/wire/limits.ts';
import type { RecordBody } from '#core/wire/record.ts';
import type { NodeName } from '#core/wire/run.ts';
import { testAgent } from '../fixture/uplink/entries.ts';
import { discard, startLiveCollector, type LiveCollector, type LiveCollectorOptions } from '../fixture/uplink/live-collector.ts';
import { RawClient } from '../fixture/uplink/raw-client.ts';
import { driverRecords } from '../fixture/uplink/records.ts';
import { SignedAgent } from '../fixture/uplink/signed-agent.ts';

const BODIES = driverRecords('node-a', 12);
const open: LiveCollector[] = [];

async function start(options: Partial<LiveCollectorOptions> = {}): Promise<LiveCollector> {
  const collector = await startLiveCollector({ expected: ['node-a'], ...options });
  open.push(collector);
  return collector;
}

afterEach(async () => {
  for (const collector of open.splice(0)) await discard(collector);
});

/** The collector still takes a whole report, so whatever came before hurt nothing but its own connection. */
async function expectStillWorking(collector: LiveCollector, agent = testAgent('node-a', BODIES)): Promise<void> {
  const { client, welcome } = await RawClient.welcomed(collector.address, agent);
  client.send(agent.frame(welcome.resumeSeq + 1, 12));
  await collector.gathered;
  const { reports } = await collector.readSealed();

  expect(reports.map(({ records }) => records)).toEqual([BODIES]);
  expect(await client.closed).toBe(1000);
}

describe('collector', () => {
  it('acknowledges what is stored, seals when every node has reported, and tells the agents', async () => {
    const collector = await start({ expected: ['node-a', 'node-b'] });
    const agents = ['node-a', 'node-b'].map((node) => testAgent(node, driverRecords(node, 12)));
    const clients = await Promise.all(agents.map((agent) => RawClient.welcomed(collector.address, agent)));
    for (const [index, { client }] of clients.entries()) {
      client.send((agents[index] as SignedAgent).frame(1, 5));
      expect(await client.next('ack')).toEqual({ kind: 'ack', durableSeq: 5 });
      client.send((agents[index] as SignedAgent).frame(6, 12));
    }

    expect(await Promise.all(clients.map(({ client }) => client.next('seal')))).toEqual([
      { kind: 'seal', runId: 'run-test' },
      { kind: 'seal', runId: 'run-test' },
    ]);
    await collector.gathered;
    const sealed = await collector.readSealed();
    expect(sealed.reports.map(({ node, complete, records }) => ({ node, complete, records }))).toEqual(
      ['node-a', 'node-b'].map((node) => ({ node, complete: true, records: driverRecords(node, 12) })),
    );
    expect(sealed.absences).toEqual([]);
  });

  it('tells what happens in the order in which it is stored', async () => {
    const collector = await start();
    const agent = testAgent('node-a', driverRecords('node-a', 5));
    const { client } = await RawClient.welcomed(collector.address, agent);
    client.send(agent.frame(1, 5));
    await collector.gathered;

    expect(collector.events).toEqual([
      { event: 'node-connected', node: 'node-a', attempt: 1, agentVersion: '0.0.0-test' },
      { event: 'phase-started', node: 'node-a', phase: 'deployment' },
      { event: 'check', node: 'node-a', phase: 'deployment', check: 'check-0', status: 'failed', message: 'check 0 of node-a' },
      { event: 'phase-ended', node: 'node-a', phase: 'deployment' },
      { event: 'node-finished', node: 'node-a' },
    ]);
  });

  it('welcomes an agent with the plan, the nonce and where to go on', async () => {
    const collector = await start();
    const agent = testAgent('node-a', BODIES);
    const first = await RawClient.welcomed(collector.address, agent);
    first.client.send(agent.frame(1, 4));
    await first.client.next('ack');
    const { welcome } = await RawClient.welcomed(collector.address, agent);

    expect(welcome).toEqual({
      kind: 'welcome',
      protocol: 1,
      runId: 'run-test',
      nonce: agent.nonce,
      plan: { accelerator: 'any', phases: [{ phase: 'deployment', checks: [], deadlineMs: 1000 }] },
      resumeSeq: 4,
      resumeLink: agent.links[4],
      creditBytes: 524_288,
    });
    expect(await first.client.closed).toBe(4011);
  });

  it('tells an agent with the journal of another run which run this is, and does not take it for two agents', async () => {
    const collector = await start();
    const before = await RawClient.connect(collector.address);
    const agent = testAgent('node-a', BODIES);
    before.hello(agent, { lastRunId: 'run-before', journalSeq: 7 });

    expect(await before.next('welcome')).toMatchObject({ runId: 'run-test', resumeSeq: 0, resumeLink: agent.links[0] });
    expect(await before.closed).toBe(1000);
    expect(collector.events).toEqual([]);
    await expectStillWorking(collector);
    expect((await collector.readSealed()).reports.map(({ attempt }) => attempt)).toEqual([1]);
  });

  it('tells it nothing when its node is not expected', async () => {
    const collector = await start();
    const client = await RawClient.connect(collector.address);
    client.hello(testAgent('node-z', BODIES), { lastRunId: 'run-before' });

    expect(await client.closed).toBe('NODE_REJECTED');
  });

  it('counts a batch once that comes twice, and acknowledges it twice', async () => {
    const collector = await start();
    const agent = testAgent('node-a', BODIES);
    const { client } = await RawClient.welcomed(collector.address, agent);
    for (const [first, last] of [
      [1, 4],
      [1, 4],
      [3, 6],
    ] as const) {
      client.send(agent.frame(first, last));
      expect(await client.next('ack')).toEqual({ kind: 'ack', durableSeq: last });
    }
    client.send(agent.frame(7, 12));
    await collector.gathered;

    expect((await collector.readSealed()).reports[0]?.records).toEqual(BODIES);
  });

  it('seals at the deadline and names who is missing and why', async () => {
    const collector = await start({ expected: ['node-a', 'node-b', 'node-c'], run: { deadlineMs: 300 } });
    const agents = ['node-a', 'node-b'].map((node) => testAgent(node, driverRecords(node, 12)));
    const clients = await Promise.all(agents.map((agent) => RawClient.welcomed(collector.address, agent)));
    for (const [index, { client }] of clients.entries()) {
      client.send((agents[index] as SignedAgent).frame(1, 3));
      await client.next('ack');
    }
    clients[1]?.client.socket.terminate();

    expect(await clients[0]?.client.next('stop')).toEqual({ kind: 'stop', reason: 'deadline' });
    await collector.gathered;
    const { absences, reports } = await collector.readSealed();
    expect(absences.map(({ node, reason }) => [node, reason])).toEqual([
      ['node-a', 'incomplete'],
      ['node-b', 'lost'],
      ['node-c', 'never-connected'],
    ]);
    expect(reports.map(({ node, complete, records }) => [node, complete, records.length])).toEqual([
      ['node-a', false, 3],
      ['node-b', false, 3],
    ]);
  });

  it('takes what an agent still says after it was told to stop', async () => {
    const collector = await start({ run: { deadlineMs: 200 }, graceMs: 10_000 });
    const agent = testAgent('node-a', BODIES);
    const { client } = await RawClient.welcomed(collector.address, agent);
    await client.next('stop');
    client.send(agent.frame(1, 12));
    await collector.gathered;

    expect((await collector.readSealed()).absences).toEqual([]);
  });

  it('tells an agent that comes back after the seal that it is over, and refuses a new one', async () => {
    const collector = await start();
    const agent = testAgent('node-a', BODIES);
    const { client } = await RawClient.welcomed(collector.address, agent);
    client.send(agent.frame(1, 12));
    await client.closed;
    const again = await RawClient.connect(collector.address);
    again.hello(agent);
    const stranger = await RawClient.connect(collector.address);
    stranger.hello(testAgent('node-a', BODIES));

    expect(await again.next('seal')).toEqual({ kind: 'seal', runId: 'run-test' });
    expect(await stranger.closed).toBe('RUN_SEALED');
  });

  it('excludes an agent that signs two histories, and records both', async () => {
    const collector = await start();
    const agent = testAgent('node-a', BODIES);
    const liar = new SignedAgent('node-a', agent.nonce, driverRecords('other', 12), agent.key);
    const { client } = await RawClient.welcomed(collector.address, agent);
    client.send(agent.frame(1, 11));
    await client.next('ack');
    client.send(liar.frame(1, 12));

    expect(await client.closed).toBe('WIRE_EQUIVOCATION');
    await collector.gathered;
    const { absences, reports } = await collector.readSealed();
    const hex = (link: Buffer | undefined): string => String(link?.toString('hex'));
    expect(reports).toEqual([]);
    expect(absences.map(({ reason }) => reason)).toEqual(['rejected']);
    expect(absences[0]?.detail).toContain(hex(agent.links[3]));
    expect(absences[0]?.detail).toContain(hex(liar.links[3]));
  });
});

describe('collector against bad input', () => {
  const agent = testAgent('node-a', BODIES);
  const FINISHED: RecordBody = { kind: 'finished', atMs: 1 };

  it.each<[string, (client: RawClient) => void, string | number]>([
    ['garbage instead of a hello', (client) => client.send(Buffer.from('GET / HTTP/1.1')), 'WIRE_MALFORMED'],
    ['a text frame', (client) => client.send('hello'), 'WIRE_MALFORMED'],
    ['an empty frame', (client) => client.send(Buffer.alloc(0)), 'WIRE_MALFORMED'],
    ['a batch before the hello', (client) => client.send(agent.frame(1, 2)), 'WIRE_ORDER'],
    ['two hellos', (client) => [0, 1].forEach(() => client.hello(agent)), 'WIRE_ORDER'],
    ['a batch before the welcome', (client) => (client.hello(agent), client.send(agent.frame(1, 2))), 'WIRE_ORDER'],
    [
      'a hello that another key signed',
      (client) => client.hello(agent, { publicKey: testAgent('node-a', []).publicKey }),
      'WIRE_SIGNATURE',
    ],
    [
      'a hello signed for another connection',
      (client) => client.hello(agent, { channelSignature: agent.hello(Buffer.alloc(32)).channelSignature }),
      'WIRE_SIGNATURE',
    ],
    ['a hello of a node that is not expected', (client) => client.hello(testAgent('node-z', BODIES)), 'NODE_REJECTED'],
    [
      'a hello whose node name does not fit a close reason',
      (client) => client.hello(testAgent('\u65e5'.repeat(200), BODIES)),
      'NODE_REJECTED',
    ],
    ['a hello of another protocol version', (client) => client.hello(agent, { protocol: 99 }), 'WIRE_VERSION'],
    ['a hello that is too large', (client) => client.hello(agent, { lastRunId: 'x'.repeat(5000) }), 'WIRE_LIMIT'],
    ['a frame that is too large', (client) => client.send(Buffer.alloc(WIRE_LIMITS.frameBytes + 1)), 1009],
  ])('ends the connection for %s', async (_, misbehave, close) => {
    const collector = await start();
    const client = await RawClient.connect(collector.address);
    misbehave(client);

    expect(await client.closed).toBe(close);
    await expectStillWorking(collector, agent);
  });

  it.each<[string, (client: RawClient) => void, string]>([
    ['a gap', (client) => client.send(agent.frame(3, 4)), 'WIRE_GAP'],
    ['batches out of order', (client) => [agent.frame(5, 6), agent.frame(1, 4)].forEach((frame) => client.send(frame)), 'WIRE_GAP'],
    [
      'a changed record',
      (client) => client.send(agent.frame(1, 2, { records: [agent.records[0] as Uint8Array, Buffer.of(1)] })),
      'WIRE_SIGNATURE',
    ],
    ['a frame with one flipped bit in its signature', (client) => client.send(flipped(agent.frame(1, 2))), 'WIRE_SIGNATURE'],
    [
      'a batch replayed from another run',
      (client) => client.send(new SignedAgent('node-a', Buffer.alloc(32, 1), BODIES, agent.key).frame(1, 2)),
      'WIRE_SIGNATURE',
    ],
    ['a batch replayed from another node', (client) => client.send(testAgent('node-b', BODIES).frame(1, 2)), 'WIRE_SIGNATURE'],
    ['a truncated frame', (client) => client.send(agent.frame(1, 2).subarray(0, -1)), 'WIRE_MALFORMED'],
    [
      'records after the last one',
      (client) => client.send(new SignedAgent('node-a', agent.nonce, [FINISHED, FINISHED], agent.key).frame(1, 2)),
      'WIRE_ORDER',
    ],
    ['more unacknowledged bytes than granted', flood, 'WIRE_CREDIT'],
  ])('ends the connection of a welcomed agent for %s, and lets it come back', async (_, misbehave, close) => {
    const collector = await start();
    const { client } = await RawClient.welcomed(collector.address, agent);
    misbehave(client);

    expect(await client.closed).toBe(close);
    await expectStillWorking(collector, agent);
  });

  it.each([
    ['before TLS', (port: number) => connect(port, '127.0.0.1')],
    ['inside TLS', (port: number) => connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })],
  ])('survives garbage %s', async (_, dialPort) => {
    const collector = await start();
    const socket = dialPort(Number(new URL(collector.address.url).port));
    socket.on('error', () => undefined).resume();
    socket.write(Buffer.from('\u0000GARBAGE / HTTP/9.9\r\n\r\n'.repeat(100)));
    await once(socket, 'close');

    await expectStillWorking(collector, agent);
  });

  it('survives any frames', async () => {
    const collector = await start();
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 5 }),
        async (welcomed, frames) => {
          const client = welcomed
            ? (await RawClient.welcomed(collector.address, agent)).client
            : await RawClient.connect(collector.address);
          for (const frame of frames) client.send(frame);

          expect(await client.closed).toMatch(/^WIRE_/);
        },
      ),
      { numRuns: 60 },
    );
    await expectStillWorking(collector, agent);
  });
});

describe('collector against strangers', () => {
  it.each([
    ['no credential', {}, 401],
    ['a wrong credential', { authorization: 'Bearer wrong-wrong-wrong-wrong' }, 401],
    ['headers over 4 KiB', { authorization: `Bearer ${'x'.repeat(5000)}` }, 431],
  ])('refuses an upgrade with %s', async (_, headers, status) => {
    const collector = await start();

    expect(await upgradeStatus(collector, '/v1/agent', headers)).toBe(status);
    await expectStillWorking(collector);
  });

  it('answers 403 and 503 as admission says, and 503 when admission breaks', async () => {
    const answers = [
      () => Promise.resolve({ admitted: false, status: 403, code: 'CREDENTIAL_AUDIENCE', reason: 'not for this run' } as const),
      () => Promise.resolve({ admitted: false, status: 503, code: 'CLUSTER_UNREACHABLE', reason: 'cannot be checked' } as const),
      () => Promise.reject(new Error('no answer')),
    ];
    const collector = await start({ admission: { admit: () => (answers.shift() as () => Promise<never>)() } });
    const statuses = [];
    for (let count = 0; count < 3; count += 1) statuses.push(await upgradeStatus(collector, '/v1/agent', {}));

    expect(statuses).toEqual([403, 503, 503]);
  });

  it('believes a credential that names its node more than the hello', async () => {
    const collector = await start({
      expected: ['node-a', 'node-b'],
      admission: { admit: () => Promise.resolve({ admitted: true, node: 'node-a' as NodeName }) },
    });
    const client = await RawClient.connect(collector.address);
    client.hello(testAgent('node-b', BODIES));

    expect(await client.closed).toBe('CREDENTIAL_NODE');
  });

  it.each(['/', '/v1/agents', '/v1/agent?x=1'])('serves nothing at %s', async (path) => {
    const collector = await start();

    expect(await upgradeStatus(collector, path, {})).toBe(404);
  });

  it('gives a silent socket five seconds: before TLS, after TLS, and after the upgrade', async () => {
    const collector = await start();
    const port = Number(new URL(collector.address.url).port);
    const started = performance.now();
    const sockets = [connect(port, '127.0.0.1'), connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })];
    const client = await RawClient.connect(collector.address);
    const closes = sockets.map((socket) =>
      once(
        socket.resume().on('error', () => undefined),
        'close',
      ),
    );

    expect(await Promise.race([Promise.all(closes).then(() => 'closed'), delay(7000, 'open')])).toBe('closed');
    expect(await client.closed).toBe('TIMEOUT');
    expect(performance.now() - started).toBeGreaterThan(4900);
    await expectStillWorking(collector);
  });

  it('speaks TLS 1.3 only', async () => {
    const collector = await start();
    const port = Number(new URL(collector.address.url).port);
    const old = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
    const [error] = (await once(old, 'error')) as [Error];

    expect(error.message).toMatch(/version/);
  });
});

function flood(client: RawClient): void {
  const large = {
    kind: 'check',
    result: {
      phase: 'deployment',
      check: 'a',
      status: 'passed',
      durationMs: 1,
      startedAtMs: 1,
      stdout: Array.from({ length: 25 }, () => 'x'.repeat(8000)),
    },
  } as const;
  const agent = new SignedAgent('node-a', Buffer.alloc(32, 7), [large, large, large]);
  client.send(Buffer.concat([agent.frame(1, 3)]));
}

function flipped(frame: Buffer): Buffer {
  const copy = Buffer.from(frame);
  copy[copy.length - 5] = (copy[copy.length - 5] as number) ^ 1;
  return copy;
}

async function upgradeStatus(collector: LiveCollector, path: string, headers: Record<string, string>): Promise<number | undefined> {
  const { port } = new URL(collector.address.url);
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-version': '13',
  };
  const sent = request({ host: '127.0.0.1', port, path, rejectUnauthorized: false, headers: { ...upgrade, ...headers } });
  sent.end();
  const [response] = (await once(sent, 'response')) as [{ statusCode?: number; resume: () => void }];
  response.resume();
  return response.statusCode;
}

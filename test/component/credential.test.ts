import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeAgentMessage } from '#core/wire/agent-message.ts';
import type { NodeName } from '#core/wire/run.ts';
import { dial } from '../../agent/uplink/dial.ts';
import type { Admission, AdmissionResult, CredentialPod } from '../../collector/session/admission.ts';
import { codeOfPromise } from '../fixture/uplink/code-of.ts';
import { testAgent } from '../fixture/uplink/entries.ts';
import { discard, startLiveCollector, type LiveCollector, type LiveCollectorOptions } from '../fixture/uplink/live-collector.ts';
import { RawClient } from '../fixture/uplink/raw-client.ts';
import { driverRecords } from '../fixture/uplink/records.ts';
import { SignedAgent } from '../fixture/uplink/signed-agent.ts';

const BODIES = driverRecords('node-a', 12);
const CREATED_AT_MS = 1_750_000_000_000;
/** A connection lives 60 s longer than its credential: this much is left of that. */
const SOON_MS = 400;
const open: LiveCollector[] = [];

afterEach(async () => {
  for (const collector of open.splice(0)) await discard(collector);
});

/** An admission that knows tokens by name, and can be told others while it works. */
class Tokens implements Admission {
  readonly known = new Map<string, AdmissionResult>();
  readonly asked: string[] = [];

  admit = (authorization: string | undefined): Promise<AdmissionResult> => {
    const token = authorization?.replace('Bearer ', '') ?? '';
    this.asked.push(token);
    return Promise.resolve(this.known.get(token) ?? { admitted: false, status: 401, code: 'CREDENTIAL_UNKNOWN', reason: 'unknown token' });
  };
}

function credential(node: string, change: { readonly pod?: Partial<CredentialPod>; readonly leftMs?: number } = {}): AdmissionResult {
  const pod = { name: `agent-${node}`, uid: `uid-${node}`, createdAtMs: CREATED_AT_MS, ofDaemonSet: true, ...change.pod };
  return { admitted: true, node: node as NodeName, pod, expiresAtMs: Date.now() + (change.leftMs ?? 600_000) };
}

function expiring(node: string): AdmissionResult {
  return credential(node, { leftMs: SOON_MS - 60_000 });
}

interface Place {
  readonly collector: LiveCollector;
  readonly tokens: Tokens;
  /** Connects with a token, without a hello. */
  readonly connect: (token: string) => Promise<RawClient>;
  readonly welcomed: (token: string, agent: SignedAgent) => Promise<RawClient>;
}

async function place(known: Readonly<Record<string, AdmissionResult>>, options: Partial<LiveCollectorOptions> = {}): Promise<Place> {
  const tokens = new Tokens();
  for (const [name, result] of Object.entries(known)) tokens.known.set(name, result);
  const collector = await startLiveCollector({ expected: ['node-a', 'node-b'], admission: tokens, ...options });
  open.push(collector);
  const connect = (token: string): Promise<RawClient> => {
    writeFileSync(collector.address.tokenFile, token);
    return RawClient.connect(collector.address);
  };
  const welcomed = async (token: string, agent: SignedAgent): Promise<RawClient> => {
    const client = await connect(token);
    client.hello(agent);
    await client.next('welcome');
    return client;
  };
  return { collector, tokens, connect, welcomed };
}

function renew(client: RawClient, token: string): void {
  client.send(encodeAgentMessage({ kind: 'renew', token }));
}

function codes({ incidentCounts }: LiveCollector): readonly unknown[] {
  return incidentCounts().map(({ code, node, count }) => [code, node, count]);
}

describe('a credential that expires', () => {
  it('ends the connection a minute later, and the agent may come back with another one', async () => {
    const { collector, tokens, connect, welcomed } = await place({ old: expiring('node-a') });
    const agent = testAgent('node-a', BODIES);
    const client = await welcomed('old', agent);

    expect(await client.closed).toBe('CREDENTIAL_EXPIRED');
    expect(codes(collector)).toEqual([['CREDENTIAL_EXPIRED', 'node-a', 1]]);
    tokens.known.set('new', credential('node-a'));
    const again = await connect('new');
    again.hello(agent);
    expect(await again.next('welcome')).toMatchObject({ resumeSeq: 0 });
  });

  it('ends a connection that never said hello, too', async () => {
    const { connect } = await place({ old: expiring('node-a') });

    expect(await (await connect('old')).closed).toBe('CREDENTIAL_EXPIRED');
  });

  it('lasts as long as its renewal; the stream goes on meanwhile', async () => {
    const { collector, tokens, welcomed } = await place({ old: expiring('node-a') });
    tokens.known.set('new', credential('node-a', { leftMs: 3 * SOON_MS - 60_000 }));
    const startedAt = performance.now();
    const agent = testAgent('node-a', BODIES);
    const client = await welcomed('old', agent);
    client.send(agent.frame(1, 3));
    await client.next('ack');
    renew(client, 'new');
    client.send(agent.frame(4, 6));

    expect(await client.next('ack')).toEqual({ kind: 'ack', durableSeq: 6 });
    expect(await client.closed).toBe('CREDENTIAL_EXPIRED');
    expect(performance.now() - startedAt).toBeGreaterThan(2 * SOON_MS);
    expect(tokens.asked).toEqual(['old', 'new']);
    expect(codes(collector)).toEqual([['CREDENTIAL_EXPIRED', 'node-a', 1]]);
  });

  it.each<[string, AdmissionResult, string]>([
    ['of another pod of the same node', credential('node-a', { pod: { uid: 'uid-other' } }), 'CREDENTIAL_NODE'],
    ['of another node', credential('node-b'), 'CREDENTIAL_NODE'],
    ['that names no pod', { admitted: true, node: undefined }, 'CREDENTIAL_NODE'],
  ])('cannot be replaced by one %s', async (_, other, code) => {
    const { collector, welcomed } = await place({ good: credential('node-a'), other });
    const client = await welcomed('good', testAgent('node-a', BODIES));
    renew(client, 'other');

    expect(await client.closed).toBe(code);
    expect(codes(collector)).toEqual([[code, 'node-a', 1]]);
  });

  it('is not renewed by a token that is refused: that is recorded, and the old one lasts as long as it lasts', async () => {
    const { collector, welcomed } = await place({ old: expiring('node-a') });
    const agent = testAgent('node-a', BODIES);
    const client = await welcomed('old', agent);
    renew(client, 'forged');
    client.send(agent.frame(1, 3));

    expect(await client.next('ack')).toEqual({ kind: 'ack', durableSeq: 3 });
    expect(await client.closed).toBe('CREDENTIAL_EXPIRED');
    expect(codes(collector)).toEqual([
      ['CREDENTIAL_UNKNOWN', 'node-a', 1],
      ['CREDENTIAL_EXPIRED', 'node-a', 1],
    ]);
  });

  it('cannot be renewed before the welcome', async () => {
    const { connect } = await place({ good: credential('node-a') });
    const client = await connect('good');
    renew(client, 'good');

    expect(await client.closed).toBe('WIRE_ORDER');
  });

  it('does not exist where a shared secret is the credential: renewals are ignored', async () => {
    const { tokens, welcomed } = await place({ secret: { admitted: true, node: undefined } });
    const agent = testAgent('node-a', BODIES);
    const client = await welcomed('secret', agent);
    renew(client, 'whatever');
    client.send(agent.frame(1, 3));

    expect(await client.next('ack')).toEqual({ kind: 'ack', durableSeq: 3 });
    expect(tokens.asked).toEqual(['secret']);
  });
});

describe('two pods of one node', () => {
  const OLD = credential('node-a');
  const NEW = credential('node-a', { pod: { name: 'agent-new', uid: 'uid-new', createdAtMs: CREATED_AT_MS + 1000 } });

  it('gives the node to the newer one; the older is sent away and its results do not count', async () => {
    const { collector, welcomed } = await place({ old: OLD, new: NEW }, { expected: ['node-a'] });
    const agents = [testAgent('node-a', BODIES), testAgent('node-a', BODIES)] as const;
    const older = await welcomed('old', agents[0]);
    older.send(agents[0].frame(1, 5));
    await older.next('ack');
    const newer = await welcomed('new', agents[1]);

    expect(await older.closed).toBe('POD_SUPERSEDED');
    newer.send(agents[1].frame(1, 12));
    await collector.gathered;
    expect((await collector.readSealed()).reports.map(({ attempt, records }) => [attempt, records])).toEqual([[2, BODIES]]);
    expect(codes(collector)).toEqual([['POD_SUPERSEDED', 'node-a', 1]]);
  });

  it('does not take the older one back', async () => {
    const { collector, connect, welcomed } = await place({ old: OLD, new: NEW });
    const newer = await welcomed('new', testAgent('node-a', BODIES));
    const older = await connect('old');
    older.hello(testAgent('node-a', BODIES));

    expect(await older.closed).toBe('POD_SUPERSEDED');
    newer.socket.terminate();
    await newer.closed;
    const later = await connect('old');
    later.hello(testAgent('node-a', BODIES));
    expect(await later.closed).toBe('POD_SUPERSEDED');
    expect(codes(collector)).toEqual([['POD_SUPERSEDED', 'node-a', 2]]);
  });

  it('lets no second process of the same pod in', async () => {
    const { collector, connect, welcomed } = await place({ old: OLD });
    await welcomed('old', testAgent('node-a', BODIES));
    const second = await connect('old');
    second.hello(testAgent('node-a', BODIES));

    expect(await second.closed).toBe('NODE_BUSY');
    expect(codes(collector)).toEqual([['NODE_BUSY', 'node-a', 1]]);
  });
});

describe('what is refused or suspicious', () => {
  it('is handed on with its code, the node that was proved, and what happened', async () => {
    const { collector, connect } = await place({
      audience: { admitted: false, status: 403, code: 'CREDENTIAL_AUDIENCE', reason: 'the token is for audience "x", not "y"' },
      pod: { admitted: false, status: 403, code: 'CREDENTIAL_POD', reason: 'pod p is gone', node: 'node-a' as NodeName },
      good: credential('node-a'),
    });
    for (const token of ['audience', 'pod', 'unknown', 'unknown']) expect(await codeOfPromise(connect(token))).toBe('UPLINK_REFUSED');
    const liar = await connect('good');
    liar.hello(testAgent('node-b', BODIES));
    await liar.closed;

    expect(collector.incidents.map(({ atMs: _atMs, ...incident }) => incident)).toEqual([
      { code: 'CREDENTIAL_AUDIENCE', detail: 'the token is for audience "x", not "y"' },
      { code: 'CREDENTIAL_POD', node: 'node-a', detail: 'pod p is gone' },
      { code: 'CREDENTIAL_UNKNOWN', detail: 'unknown token' },
      { code: 'CREDENTIAL_NODE', node: 'node-a', detail: 'the credential is for node node-a, the hello says node-b' },
    ]);
    expect(codes(collector)[2]).toEqual(['CREDENTIAL_UNKNOWN', undefined, 2]);
  });

  it.each<[string, (client: RawClient, agent: SignedAgent) => void, string]>([
    [
      'a batch of another run',
      (client, agent) => client.send(new SignedAgent('node-a', Buffer.alloc(32, 1), BODIES, agent.key).frame(1, 2)),
      'WIRE_SIGNATURE',
    ],
    [
      'two histories',
      (client, agent) =>
        [agent, new SignedAgent('node-a', agent.nonce, driverRecords('x', 12), agent.key)].forEach((each) => client.send(each.frame(1, 5))),
      'WIRE_EQUIVOCATION',
    ],
    ['garbage', (client) => client.send(Buffer.from('x')), 'WIRE_MALFORMED'],
    ['a frame that is too large', (client) => client.send(Buffer.alloc(1024 * 1024 + 1)), 'WIRE_LIMIT'],
    ['a gap', (client, agent) => client.send(agent.frame(3, 4)), 'WIRE_GAP'],
  ])('names the node of %s', async (_, misbehave, code) => {
    const { collector, welcomed } = await place({ good: credential('node-a') });
    const agent = testAgent('node-a', BODIES);
    const client = await welcomed('good', agent);
    misbehave(client, agent);
    await client.closed;

    expect(codes(collector)).toEqual([[code, 'node-a', 1]]);
  });

  it('is not an agent that comes after the seal', async () => {
    const { collector, connect, welcomed } = await place({ good: credential('node-a') }, { expected: ['node-a'] });
    const agent = testAgent('node-a', BODIES);
    (await welcomed('good', agent)).send(agent.frame(1, 12));
    await collector.gathered;
    const late = await connect('good');
    late.hello(testAgent('node-a', BODIES));

    expect(await late.closed).toBe('RUN_SEALED');
    expect(codes(collector)).toEqual([]);
  });
});

describe('a collector that is asked too much', () => {
  it('tells agents above its rate when to come back', async () => {
    const { connect } = await place({ good: credential('node-a') }, { acceptRate: { perSecond: 0.5, burst: 2 } });
    await connect('good');
    await connect('good');
    const refused = await connect('good').catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: 'UPLINK_LOST', details: { retryAfterMs: 2000 } });
  });

  it('turns a node away whose hello is refused again and again, and no other node', async () => {
    const { connect, welcomed } = await place({ z: credential('node-z'), b: credential('node-b') });
    for (let time = 0; time < 9; time += 1) {
      const client = await connect('z');
      client.hello(testAgent('node-z', BODIES));
      expect(await client.closed).toBe('NODE_REJECTED');
    }

    expect(await connect('z').catch((error: unknown) => error)).toMatchObject({ code: 'UPLINK_LOST', details: { retryAfterMs: 5000 } });
    await welcomed('b', testAgent('node-b', BODIES));
  });

  it('passes on when the API server wants to be asked again', async () => {
    const { connect } = await place({
      good: { admitted: false, status: 503, code: 'CLUSTER_UNREACHABLE', reason: 'no answer', retryAfterMs: 3200 },
    });

    expect(await connect('good').catch((error: unknown) => error)).toMatchObject({
      message: expect.stringContaining('HTTP status 503, CLUSTER_UNREACHABLE'),
      details: { retryAfterMs: 4000 },
    });
  });

  it('says to an agent why its credential is refused, by code', async () => {
    const { collector } = await place({});

    expect(await dial(collector.address).catch((error: unknown) => error)).toMatchObject({
      code: 'UPLINK_REFUSED',
      message: expect.stringContaining('(HTTP status 401, CREDENTIAL_UNKNOWN)'),
    });
  });
});

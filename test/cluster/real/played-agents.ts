import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CheckResult, RecordBody } from '#core/wire/record.ts';
import type { CollectorMessage } from '#core/wire/message.ts';
import type { CollectorAddress } from '../../../agent/uplink/dial.ts';
import { checkMachine } from '../../fixture/host/check-machine.ts';
import { hgxH100 } from '../../fixture/host/machines.ts';
import { driverRecords } from '../../fixture/uplink/records.ts';
import { RawClient } from '../../fixture/uplink/raw-client.ts';
import { SignedAgent } from '../../fixture/uplink/signed-agent.ts';
import type { Api, ApiObject } from '../bed/api.ts';

/** Agents of pods that nobody runs: kwok only says that they do. */
export interface Play {
  readonly api: Api;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly audience: string;
  /** Where the collector listens, and its key. */
  readonly address: Omit<CollectorAddress, 'tokenFile'>;
  /** What every agent says. */
  readonly bodies: readonly RecordBody[];
}

/** What became of the played agents. */
export interface Played {
  readonly agents: number;
  readonly tokensMs: number;
  /** From the first connection until the last record of the last agent was acknowledged. */
  readonly heardMs: number;
  readonly recordsPerAgent: number;
}

const PARALLEL_TOKENS = 32;

/** What an agent on a healthy H100 machine says: measurements, and all its checks as one phase. */
export async function h100Bodies(): Promise<readonly RecordBody[]> {
  const directory = mkdtempSync(join(tmpdir(), 'assay-played-'));
  try {
    const results = (await checkMachine(hgxH100(), { directory, accelerator: 'h100' })).filter(({ phase }) => phase === 'deployment');
    const [measurements, started] = driverRecords('', 4) as [RecordBody, RecordBody];
    const atMs = Date.now();
    return [
      measurements,
      started,
      ...results.map((result: CheckResult): RecordBody => ({ kind: 'check', result })),
      { kind: 'phase-ended', phase: 'deployment', atMs },
      { kind: 'finished', atMs },
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Plays the agent of every given pod to the end: a token bound to the pod, the real protocol, every record acknowledged. */
export async function playAgents(pods: readonly ApiObject[], play: Play): Promise<Played> {
  const folder = mkdtempSync(join(tmpdir(), 'assay-tokens-'));
  try {
    const tokensFrom = performance.now();
    await inParallel(pods, PARALLEL_TOKENS, async (pod) =>
      writeFileSync(tokenFile(folder, pod), await boundToken(pod, play), { mode: 0o600 }),
    );
    const heardFrom = performance.now();
    await Promise.all(pods.map((pod) => playOne(pod, tokenFile(folder, pod), play)));
    const endedAt = performance.now();
    return { agents: pods.length, tokensMs: heardFrom - tokensFrom, heardMs: endedAt - heardFrom, recordsPerAgent: play.bodies.length };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function tokenFile(folder: string, pod: ApiObject): string {
  return join(folder, pod.metadata.name);
}

/** The token that a kubelet would project into the pod. */
async function boundToken(pod: ApiObject, { api, namespace, serviceAccount, audience }: Play): Promise<string> {
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      audiences: [audience],
      expirationSeconds: 600,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid },
    },
  };
  const answer = await api.post(`/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`, request);
  return answer.status.token as string;
}

async function playOne(pod: ApiObject, token: string, { address, bodies }: Play): Promise<void> {
  const node = String(pod.spec.nodeName);
  const unheard = new SignedAgent(node, Buffer.alloc(32), []);
  const client = await RawClient.connect({ ...address, tokenFile: token });
  client.hello(unheard);
  const welcome = (await client.next('welcome')) as Extract<CollectorMessage, { kind: 'welcome' }>;
  const agent = new SignedAgent(node, Buffer.from(welcome.nonce), bodies, unheard.key);
  client.send(agent.frame(1, 1));
  await client.next('run');
  client.send(agent.frame(2, bodies.length));
  for (;;) {
    const ack = (await client.next('ack')) as Extract<CollectorMessage, { kind: 'ack' }>;
    if (ack.durableSeq >= bodies.length) break;
  }
  client.socket.close();
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
    }),
  );
}

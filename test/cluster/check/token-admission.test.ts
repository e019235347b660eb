import { createSign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#core/clock.ts';
import type { Cluster, NewObject } from '#core/cluster/cluster.ts';
import { connectCluster } from '#core/cluster/connect.ts';
import { encodeAgentMessage } from '#core/wire/agent-message.ts';
import type { Admission, AdmissionResult } from '../../../collector/session/admission.ts';
import { readingPodDirectory } from '../../../collector/session/pod-directory.ts';
import { tokenAdmission } from '../../../collector/session/token-admission.ts';
import { testAgent } from '../../fixture/uplink/entries.ts';
import { discard, startLiveCollector, type LiveCollector } from '../../fixture/uplink/live-collector.ts';
import { RawClient } from '../../fixture/uplink/raw-client.ts';
import { driverRecords } from '../../fixture/uplink/records.ts';
import { openApi, type Api } from '../bed/api.ts';

const kubeconfig = process.env['ASSAY_TEST_KUBECONFIG'] ?? '';
const NAMESPACE = 'assay-token';
const AUDIENCE = 'assay.assay-token.r';
const NODE_A = 'token-a';
const NODE_B = 'token-b';

interface Claims {
  exp: number;
  iat: number;
  nbf: number;
  'kubernetes.io': { node?: { name: string; uid: string }; pod: { name: string; uid: string } };
}

interface Wish {
  readonly account?: string;
  readonly audiences?: readonly string[];
  /** Kind and name of what the token is bound to; nothing when null. */
  readonly bound?: readonly [kind: string, name: string] | null;
}

function pod(name: string, change: { readonly node?: string; readonly account?: string; readonly metadata?: object } = {}): NewObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, ...change.metadata },
    spec: {
      nodeName: change.node ?? NODE_A,
      serviceAccountName: change.account ?? 'r-agent',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      tolerations: [{ operator: 'Exists' }],
      containers: [{ name: 'agent', image: 'registry.example/agent:1' }],
    },
  };
}

function outcome(result: AdmissionResult): string {
  return result.admitted ? `admitted ${String(result.node)} ${String(result.pod?.name)}` : `${String(result.status)} ${result.code}`;
}

describe.skipIf(kubeconfig === '')('tokens and a real API server (skipped without ASSAY_TEST_KUBECONFIG: npm run test:cluster)', () => {
  let cluster: Cluster;
  let api: Api;
  let admission: Admission;
  const open: LiveCollector[] = [];

  beforeAll(async () => {
    cluster = await connectCluster({ kubeconfig });
    api = openApi(kubeconfig);
    const named = (kind: string, name: string, namespace?: string): NewObject => ({
      apiVersion: 'v1',
      kind,
      metadata: { name, ...(namespace === undefined ? { annotations: { 'kwok.x-k8s.io/node': 'fake' } } : { namespace }) },
    });
    for (const object of [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
      named('ServiceAccount', 'r-agent', NAMESPACE),
      named('ServiceAccount', 'other', NAMESPACE),
      named('Node', NODE_A),
      named('Node', NODE_B),
      pod('agent-a'),
      pod('agent-b', { node: NODE_B }),
      pod('of-other', { account: 'other' }),
    ])
      await cluster.create(object);
    admission = newAdmission();
  }, 60_000);

  afterEach(async () => {
    for (const collector of open.splice(0)) await discard(collector);
  });

  afterAll(async () => {
    for (const name of [NODE_A, NODE_B]) await cluster.remove({ apiVersion: 'v1', kind: 'Node', name });
    await cluster.remove({ apiVersion: 'v1', kind: 'Namespace', name: NAMESPACE });
    api.close();
  });

  function newAdmission(): Admission {
    return tokenAdmission({
      cluster,
      audience: AUDIENCE,
      namespace: NAMESPACE,
      serviceAccount: 'r-agent',
      daemonSet: 'r-agent',
      pods: readingPodDirectory(cluster, NAMESPACE),
      clock: systemClock,
    });
  }

  async function token({ account = 'r-agent', audiences = [AUDIENCE], bound = ['Pod', 'agent-a'] }: Wish = {}): Promise<string> {
    const answer = await api.post(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${account}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences,
        expirationSeconds: 600,
        ...(bound === null ? {} : { boundObjectRef: { apiVersion: 'v1', kind: bound[0], name: bound[1] } }),
      },
    });
    return String(answer.status.token);
  }

  /** The same token with other claims, signed with the API server's own key. */
  async function forged(change: (claims: Claims) => void): Promise<string> {
    const [head, payload] = (await token()).split('.');
    const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()) as Claims;
    change(claims);
    const signed = `${String(head)}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    const key = readFileSync(join(dirname(kubeconfig), 'key', 'accounts.key'));
    return `${signed}.${createSign('sha256').update(signed).sign(key).toString('base64url')}`;
  }

  async function ask(text: string): Promise<string> {
    return outcome(await admission.admit(`Bearer ${text}`));
  }

  it('proves pod, node and their UIDs', async () => {
    const found = await api.get(`/api/v1/namespaces/${NAMESPACE}/pods/agent-a`);
    const node = await api.get(`/api/v1/nodes/${NODE_A}`);
    const result = await admission.admit(`Bearer ${await token()}`);

    expect(result).toMatchObject({
      admitted: true,
      node: NODE_A,
      pod: { name: 'agent-a', uid: found?.metadata.uid, nodeUid: node?.metadata.uid, ofDaemonSet: false },
    });
    const leftMs = (result.admitted ? (result.expiresAtMs ?? 0) : 0) - Date.now();
    expect(leftMs).toBeGreaterThan(590_000);
    expect(leftMs).toBeLessThanOrEqual(600_000);
  });

  it.each<[string, Wish, string]>([
    ['for another audience', { audiences: ['sigstore'] }, '403 CREDENTIAL_AUDIENCE'],
    ['for the API server itself', { audiences: [] }, '403 CREDENTIAL_AUDIENCE'],
    ['bound to nothing', { bound: null }, '403 CREDENTIAL_POD'],
    ['bound to a node only', { bound: ['Node', NODE_A] }, '403 CREDENTIAL_POD'],
    ['of another service account', { account: 'other', bound: ['Pod', 'of-other'] }, '403 CREDENTIAL_SUBJECT'],
  ])('refuses a token %s', async (_, wish, expected) => {
    expect(await ask(await token(wish))).toBe(expected);
  });

  it.each<[string, (claims: Claims) => void, string]>([
    [
      'that has expired',
      (claims) => {
        claims.exp -= 1200;
        claims.iat -= 1200;
        claims.nbf -= 1200;
      },
      '401 CREDENTIAL_EXPIRED',
    ],
    ['that names another node than its pod', (claims) => (claims['kubernetes.io'].node = { name: NODE_B, uid: 'x' }), '403 CREDENTIAL_POD'],
    ['of an earlier pod of the name', (claims) => (claims['kubernetes.io'].pod.uid = 'x'), '401 CREDENTIAL_UNKNOWN'],
    ['of an older API server, which names no node', (claims) => delete claims['kubernetes.io'].node, `admitted ${NODE_A} agent-a`],
  ])('judges a token %s', async (_, change, expected) => {
    expect(await ask(await forged(change))).toBe(expected);
  });

  it('refuses a token with one bit flipped', async () => {
    const good = await token();

    expect(await ask(`${good.slice(0, -10)}${good.at(-10) === 'A' ? 'B' : 'A'}${good.slice(-9)}`)).toBe('401 CREDENTIAL_UNKNOWN');
  });

  it('refuses the token of a pod that is ending, and of one that is gone, also while it remembers the token', async () => {
    await cluster.create(pod('ending', { metadata: { finalizers: ['test.assay.dev/hold'] } }));
    const text = await token({ bound: ['Pod', 'ending'] });
    const before = await ask(text);
    await api.remove(`/api/v1/namespaces/${NAMESPACE}/pods/ending`);
    const ending = await ask(text);
    await api.patch(`/api/v1/namespaces/${NAMESPACE}/pods/ending`, { metadata: { finalizers: null } });
    await expect.poll(() => api.get(`/api/v1/namespaces/${NAMESPACE}/pods/ending`)).toBe(undefined);

    expect([before, ending, await ask(text)]).toEqual([`admitted ${NODE_A} ending`, '403 CREDENTIAL_POD', '403 CREDENTIAL_POD']);
    // The API server believes its own answers for ten seconds, so it may still vouch for the token; the pod is looked at either way.
    expect(outcome(await newAdmission().admit(`Bearer ${text}`))).toMatch(/^(403 CREDENTIAL_POD|401 CREDENTIAL_UNKNOWN)$/);
  });

  describe('on an open connection', () => {
    async function connect(collector: LiveCollector, text: string, agent = testAgent(NODE_A, driverRecords('x', 6))): Promise<RawClient> {
      writeFileSync(collector.address.tokenFile, text);
      return (await RawClient.welcomed(collector.address, agent)).client;
    }

    async function collect(): Promise<LiveCollector> {
      const collector = await startLiveCollector({ expected: [NODE_A, NODE_B], admission });
      open.push(collector);
      return collector;
    }

    it('a fresh token of the same pod is taken: the stream goes on', async () => {
      const collector = await collect();
      const agent = testAgent(NODE_A, driverRecords('x', 6));
      const client = await connect(collector, await token(), agent);
      client.send(encodeAgentMessage({ kind: 'renew', token: await token() }));
      client.send(agent.frame(1, 6));

      expect(await client.next('ack')).toEqual({ kind: 'ack', durableSeq: 6 });
      expect(collector.incidentCounts()).toEqual([]);
    });

    it.each<[string, Wish]>([
      ['of another node', { bound: ['Pod', 'agent-b'] }],
      ['of another pod of the same node', { bound: ['Pod', 'twin'] }],
    ])('a token of a pod %s ends it', async (_, wish) => {
      await cluster.create(pod('twin')).catch(() => undefined);
      const collector = await collect();
      const client = await connect(collector, await token());
      client.send(encodeAgentMessage({ kind: 'renew', token: await token(wish) }));

      expect(await client.closed).toBe('CREDENTIAL_NODE');
      expect(collector.incidentCounts()).toEqual([{ code: 'CREDENTIAL_NODE', node: NODE_A, count: 1 }]);
    });

    it('an agent cannot speak for another node than that of its pod', async () => {
      const collector = await collect();
      writeFileSync(collector.address.tokenFile, await token());
      const client = await RawClient.connect(collector.address);
      client.hello(testAgent(NODE_B, driverRecords('x', 6)));

      expect(await client.closed).toBe('CREDENTIAL_NODE');
    });
  });
});

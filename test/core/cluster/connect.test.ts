import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ObjectChange } from '#core/cluster/cluster.ts';
import { connectCluster } from '#core/cluster/connect.ts';
import { codeOfPromise } from '../../fixture/uplink/code-of.ts';
import { eventText, listText, objectText, startFakeApi, type Answer, type FakeApi } from '../../fixture/cluster/fake-api.ts';

const MAP = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'ns' } as const;
const open: FakeApi[] = [];

async function api(answer: Answer): Promise<FakeApi> {
  const fake = await startFakeApi(answer);
  open.push(fake);
  return fake;
}

/** Answers with these in turn: a status, or a status with its text. */
function inTurn(...answers: readonly (readonly [number, string, Record<string, string>?])[]): Answer {
  let turn = 0;
  return (_, response) => {
    const [status, text, headers] = answers[Math.min(turn, answers.length - 1)] as (typeof answers)[number];
    turn += 1;
    // Retries of a test need not wait.
    response.writeHead(status, { 'retry-after': '0', ...headers }).end(text);
  };
}

async function take(changes: AsyncIterable<ObjectChange>, count: number): Promise<string[]> {
  const taken: string[] = [];
  for await (const event of changes) {
    taken.push(event.change === 'synced' ? 'synced' : `${event.change} ${event.object.metadata.name}`);
    if (taken.length === count) break;
  }
  return taken;
}

afterEach(async () => {
  for (const fake of open.splice(0)) await fake.close();
});

describe('requests to a cluster', () => {
  it('read an object as it is, without the bookkeeping of field owners', async () => {
    const { cluster, requests } = await api(
      inTurn([
        200,
        JSON.stringify({
          metadata: { name: 'a', creationTimestamp: '2026-01-02T03:04:05Z', managedFields: [{ manager: 'x' }] },
          data: { k: 'v' },
        }),
      ]),
    );

    expect(await cluster.read({ ...MAP, name: 'a' })).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', creationTimestamp: '2026-01-02T03:04:05Z' },
      data: { k: 'v' },
    });
    expect(requests).toEqual(['GET /api/v1/namespaces/ns/configmaps/a']);
  });

  it.each([
    ['an object that is not there', { ...MAP, name: 'a' }],
    ['a kind that is not there', { apiVersion: 'v1', kind: 'Unicorn', name: 'a' }],
    ['a group that is not there', { apiVersion: 'none.example/v1', kind: 'Thing', name: 'a' }],
  ])('read undefined for %s', async (_, name) => {
    const { cluster } = await api(() => 'unknown');

    expect(await cluster.read(name)).toBeUndefined();
    expect(await cluster.remove(name)).toBe(false);
  });

  it('are repeated while the server is overloaded or fails', async () => {
    const { cluster, requests } = await api(inTurn([429, '{}'], [500, 'oops'], [503, ''], [200, objectText('a')]));

    expect((await cluster.read({ ...MAP, name: 'a' }))?.metadata.name).toBe('a');
    expect(requests).toHaveLength(4);
  });

  it('are repeated after an answer that was cut off', async () => {
    let turn = 0;
    const { cluster } = await api((_, response) => {
      turn += 1;
      if (turn > 1) return void response.end(objectText('a'));
      response.writeHead(200, { 'content-length': '1000' }).write('{"met');
      setImmediate(() => response.destroy());
    });

    expect((await cluster.read({ ...MAP, name: 'a' }))?.metadata.name).toBe('a');
  });

  it('that create something are repeated only when the server has not begun', async () => {
    const limited = await api(inTurn([429, '{}'], [201, objectText('a')]));
    await limited.cluster.create({ ...MAP, metadata: { name: 'a', namespace: 'ns' } });
    const failing = await api(inTurn([500, '{}'], [201, objectText('a')]));

    expect(limited.requests).toHaveLength(2);
    expect(await codeOfPromise(failing.cluster.create({ ...MAP, metadata: { name: 'a', namespace: 'ns' } }))).toBe('CLUSTER_UNREACHABLE');
    expect(failing.requests).toHaveLength(1);
  });

  it.each([
    [401, 'CLUSTER_FORBIDDEN'],
    [403, 'CLUSTER_FORBIDDEN'],
    [409, 'CLUSTER_CONFLICT'],
    [422, 'CLUSTER_REFUSED'],
    [400, 'CLUSTER_REFUSED'],
    [500, 'CLUSTER_UNREACHABLE'],
    [302, 'CLUSTER_REFUSED'],
  ])('that are refused with %i end with %s and the words of the server', async (status, code) => {
    const { cluster } = await api(
      inTurn([status, '{"kind":"Status","message":"because\\u001b[31m of that"}', { location: 'http://169.254.169.254/' }]),
    );
    const error = await cluster.replace({ ...MAP, metadata: { name: 'a', namespace: 'ns' } }).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({
      code,
      message: `PUT /api/v1/namespaces/ns/configmaps/a: ${String(status)}, because[31m of that`,
      details: { status },
    });
  });

  it.each([
    ['no JSON', 'hello'],
    ['no object', '[]'],
    ['no metadata', '{"metadata":null}'],
  ])('that are answered with %s end as if there were no server', async (_, text) => {
    const { cluster } = await api(inTurn([200, text]));

    expect(await codeOfPromise(cluster.read({ ...MAP, name: 'a' }))).toBe('CLUSTER_UNREACHABLE');
  });

  it('read no more of an answer than anyone may send', async () => {
    const piece = Buffer.alloc(1024 * 1024, 0x20);
    let sent = 0;
    const { cluster } = await api((request, response) => {
      const more = (): void => {
        sent += 1;
        if (sent < 500 && !response.destroyed) response.write(piece, more);
        else response.end();
      };
      if (request.url?.startsWith('/big') === true) more();
    });

    expect(await codeOfPromise(cluster.get('/big'))).toBe('CLUSTER_REFUSED');
    expect(sent).toBeLessThan(40);
  });

  it('without a server end with a hint', async () => {
    const fake = await api(() => undefined);
    await fake.close();
    open.splice(0);

    expect(await fake.cluster.get('/version').catch((error: unknown) => error)).toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      hint: 'Check that the API server can be reached from here: kubectl version',
    });
  }, 20_000);

  it('put names where they belong, whatever they are', async () => {
    const { cluster, requests } = await api(() => 'unknown');
    await cluster.read({ ...MAP, name: '../../secrets/x?y' });

    expect(requests).toEqual(['GET /api/v1/namespaces/ns/configmaps/..%2F..%2Fsecrets%2Fx%3Fy']);
  });
});

describe('lists of a cluster', () => {
  it('are read page by page, with their selectors', async () => {
    const { cluster, requests } = await api((request, response) => {
      const more = request.url?.includes('continue=next') === true;
      response.end(more ? listText(['c']) : listText(['a', 'b'], { resourceVersion: '10', continue: 'next' }));
    });
    const objects = await cluster.list({ ...MAP, labels: 'a in (b,c)', fields: 'metadata.name!=x' });

    expect(objects?.map(({ kind, metadata: { name } }) => [kind, name])).toEqual([
      ['ConfigMap', 'a'],
      ['ConfigMap', 'b'],
      ['ConfigMap', 'c'],
    ]);
    const query = 'labelSelector=a+in+%28b%2Cc%29&fieldSelector=metadata.name%21%3Dx&limit=500';
    expect(requests).toEqual([
      `GET /api/v1/namespaces/ns/configmaps?${query}`,
      `GET /api/v1/namespaces/ns/configmaps?${query}&continue=next`,
    ]);
  });

  it('of all namespaces have no namespace in their path', async () => {
    const { cluster, requests } = await api(inTurn([200, listText([])]));

    expect(await cluster.list({ apiVersion: 'v1', kind: 'ConfigMap' })).toEqual([]);
    expect(requests[0]).toMatch(/^GET \/api\/v1\/configmaps\?/);
  });

  it.each([
    ['that is none', '{"items":{}}'],
    ['of nothing', 'null'],
    ['with something else in it', '{"items":[1]}'],
  ])('end when the server sends a list %s', async (_, text) => {
    const { cluster } = await api(inTurn([200, text]));

    expect(await codeOfPromise(cluster.list(MAP))).toBe('CLUSTER_UNREACHABLE');
  });

  it('without an end are given up', async () => {
    const { cluster, requests } = await api(inTurn([200, listText(['a'], { continue: 'again' })]));

    expect(await codeOfPromise(cluster.list(MAP))).toBe('CLUSTER_REFUSED');
    expect(requests).toHaveLength(200);
  });
});

describe('watches of a cluster', () => {
  const stop = new AbortController();

  it('say what exists, then every change, and go on where they were', async () => {
    let watches = 0;
    const { cluster, requests } = await api((request, response) => {
      if (request.url?.includes('watch=true') !== true) return void response.end(listText(['a', 'b']));
      watches += 1;
      if (watches === 1) {
        response.write(eventText('ADDED', 'c', '11'));
        response.write(eventText('BOOKMARK', '', '15'));
        setImmediate(() => response.destroy());
      } else response.write(eventText('DELETED', 'a', '16'));
    });

    expect(await take(cluster.watch(MAP, stop.signal), 5)).toEqual(['present a', 'present b', 'synced', 'present c', 'gone a']);
    expect(requests.filter((path) => path.includes('watch')).map((path) => /resourceVersion=(\d+)/.exec(path)?.[1])).toEqual(['10', '15']);
  });

  it.each([
    [
      'in the stream',
      (response: Parameters<Answer>[1]) => response.end('{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}\n'),
    ],
    ['as an answer', (response: Parameters<Answer>[1]) => response.writeHead(410).end('{"message":"too old"}')],
  ])('list again when their place is forgotten (%s), and say what vanished meanwhile', async (_, forget) => {
    let lists = 0;
    const { cluster } = await api((request, response) => {
      if (request.url?.includes('watch=true') === true)
        return void (lists === 1 ? forget(response) : response.write(eventText('MODIFIED', 'b', '21')));
      lists += 1;
      const replaced = listText(['b', 'c'], { resourceVersion: '20' }).replace('uid-c', 'uid-new');
      response.end(lists === 1 ? listText(['a', 'b', 'c']) : replaced);
    });

    expect(await take(cluster.watch(MAP, stop.signal), 9)).toEqual([
      'present a',
      'present b',
      'present c',
      'synced',
      'present b',
      'gone c',
      'present c',
      'gone a',
      'present b',
    ]);
  });

  it('wait an outage out once they know what exists', async () => {
    let watches = 0;
    const { cluster } = await api((request, response) => {
      if (request.url?.includes('watch=true') !== true) return void response.end(listText(['a']));
      watches += 1;
      if (watches === 1) response.writeHead(500).end('etcd is gone');
      else if (watches === 2) response.end('<html>');
      else response.write(eventText('MODIFIED', 'a', '12'));
    });

    expect(await take(cluster.watch(MAP, stop.signal), 3)).toEqual(['present a', 'synced', 'present a']);
    expect(watches).toBe(3);
  });

  it.each([
    ['CLUSTER_FORBIDDEN', 403],
    ['CLUSTER_REFUSED', 400],
  ])('end with %s when they are refused', async (code, status) => {
    const { cluster } = await api((request, response) => {
      if (request.url?.includes('watch=true') !== true) return void response.end(listText(['a']));
      response.writeHead(status).end('{"message":"no"}');
    });

    expect(await codeOfPromise(take(cluster.watch(MAP, stop.signal), 3))).toBe(code);
  });

  it('that cannot even begin end at once', async () => {
    const { cluster } = await api(inTurn([403, '{"message":"no"}']));

    expect(await codeOfPromise(take(cluster.watch(MAP, stop.signal), 1))).toBe('CLUSTER_FORBIDDEN');
    expect(await codeOfPromise(take(cluster.watch({ apiVersion: 'v1', kind: 'Unicorn' }, stop.signal), 1))).toBe('CLUSTER_REFUSED');
  });

  it('end when they are aborted, also while nothing happens', async () => {
    const over = new AbortController();
    const { cluster } = await api((request, response) => {
      if (request.url?.includes('watch=true') !== true) return void response.end(listText([]));
      response.flushHeaders();
      over.abort();
    });
    const changes: string[] = [];
    for await (const { change } of cluster.watch(MAP, over.signal)) changes.push(change);

    expect(changes).toEqual(['synced']);
  });

  it('do not keep a line without an end', async () => {
    const piece = 'x'.repeat(1024 * 1024);
    let sent = 0;
    const { cluster } = await api((request, response) => {
      if (request.url?.includes('watch=true') !== true) return void response.end(listText([]));
      const more = (): void => {
        sent += 1;
        if (sent < 100 && !response.destroyed) response.write(piece, more);
      };
      if (sent === 0) more();
      else response.write(eventText('ADDED', 'a', '11'));
    });

    expect(await take(cluster.watch(MAP, stop.signal), 2)).toEqual(['synced', 'present a']);
    expect(sent).toBeLessThan(40);
  });
});

describe('logs of pods', () => {
  it('are followed line by line until the container ends', async () => {
    const { cluster, requests } = await api((_, response) => {
      response.write('one\ntw');
      setImmediate(() => response.end('o\nthree'));
    });
    const lines: string[] = [];
    for await (const line of cluster.followPodLog(
      { namespace: 'ns', pod: 'p', container: 'c', tailLines: 5 },
      new AbortController().signal,
    ))
      lines.push(line);

    expect(lines).toEqual(['one', 'two', 'three']);
    expect(requests).toEqual(['GET /api/v1/namespaces/ns/pods/p/log?follow=true&container=c&tailLines=5']);
  });

  it('that are not there are refused with the reason', async () => {
    const { cluster } = await api(inTurn([400, '{"message":"container \\"c\\" in pod \\"p\\" is waiting to start"}']));

    expect(await cluster.podLog({ namespace: 'ns', pod: 'p' }).catch((error: unknown) => error)).toMatchObject({
      code: 'CLUSTER_REFUSED',
      message: expect.stringContaining('container "c" in pod "p" is waiting to start') as unknown,
    });
  });
});

describe('access to a cluster', () => {
  const directory = mkdtempSync(join(tmpdir(), 'assay-kubeconfig-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const config = (server: string, user = 'token: secret'): string => `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "${server}", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {${user}}}]
contexts: [{name: one, context: {cluster: c, user: u, namespace: team}}, {name: two, context: {cluster: c, user: u}}, {name: torn, context: {cluster: none, user: u}}]
current-context: one
`;

  it('takes server, namespace and credentials from a kubeconfig', async () => {
    const asked: (string | undefined)[] = [];
    const { url } = await api((request, response) => {
      asked.push(request.headers.authorization);
      response.end('{}');
    });
    const cluster = await connectCluster({ kubeconfig: file('good', config(`${url}/k8s/clusters/c-1/`)) });

    expect(cluster.namespace).toBe('team');
    expect(await cluster.get('/version')).toMatchObject({ status: 200, text: '{}' });
    expect(asked).toEqual(['Bearer secret']);
    expect(open[0]?.requests).toEqual(['GET /k8s/clusters/c-1/version']);
    expect((await connectCluster({ kubeconfig: file('good', config(url)), context: 'two' })).namespace).toBe('default');
  });

  it('runs the program of an exec plugin', async () => {
    const asked: (string | undefined)[] = [];
    const { url } = await api((request, response) => {
      asked.push(request.headers.authorization);
      response.end('{}');
    });
    const plugin = file('plugin.mjs', 'console.log(JSON.stringify({ status: { token: "from-plugin" } }))');
    const user = `exec: {apiVersion: client.authentication.k8s.io/v1, command: ${process.execPath}, args: ["${plugin}"]}`;
    await (await connectCluster({ kubeconfig: file('exec', config(url, user)) })).get('/version');

    expect(asked).toEqual(['Bearer from-plugin']);
  });

  it.each([
    ['is not there', () => ({ kubeconfig: join(directory, 'none') })],
    ['is no YAML', () => ({ kubeconfig: file('torn', 'a: [') })],
    ['is empty', () => ({ kubeconfig: file('empty', '') })],
    ['has no such context', () => ({ kubeconfig: file('context', config('http://127.0.0.1:1')), context: 'three' })],
    ['has a context without its cluster', () => ({ kubeconfig: file('context', config('http://127.0.0.1:1')), context: 'torn' })],
    ['names no address', () => ({ kubeconfig: file('address', config('nowhere')) })],
  ])('is refused when the kubeconfig %s', async (_, source) => {
    expect(await codeOfPromise(connectCluster(source()))).toBe('KUBECONFIG_INVALID');
  });

  it('tells of credentials that cannot be had before anything is sent', async () => {
    const { url, requests } = await api(() => 'unknown');
    const user = 'exec: {apiVersion: client.authentication.k8s.io/v1, command: /no/such/program}';
    const cluster = await connectCluster({ kubeconfig: file('broken', config(url, user)) });

    expect(await codeOfPromise(cluster.get('/version'))).toBe('KUBECONFIG_INVALID');
    expect(requests).toEqual([]);
    rmSync(directory, { recursive: true });
  });
});

import { createServer, request, type IncomingMessage, type RequestOptions, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LocalServer } from './json-server.ts';

/** What happens to one request instead of being passed on untouched. */
export type Fault =
  /** Answer without asking the service. */
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** Never answer. */
  | { readonly kind: 'hang' }
  /** Cut the connection before anything is answered. */
  | { readonly kind: 'cut' }
  /** Let the service do its work, then cut the connection instead of passing its answer on. */
  | { readonly kind: 'lose-answer' }
  /** Pass on this many bytes of the request's body, then cut. */
  | { readonly kind: 'cut-request'; readonly afterBytes: number }
  /** Pass on this many bytes of the answer's body, then cut. */
  | { readonly kind: 'cut-answer'; readonly afterBytes: number }
  /** Change the answer's body. */
  | { readonly kind: 'edit-answer'; readonly edit: (body: Buffer) => Buffer };

/** One request as the proxy sees it, counted from 1. */
export interface Seen {
  readonly count: number;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** A proxy in front of a real service, whose faults a test sets. */
export interface FaultProxy extends LocalServer {
  /** Everything that was asked. */
  readonly seen: readonly Seen[];
  /** Decides about each request; undefined passes it on. */
  setFault: (decide: (seen: Seen) => Fault | undefined) => void;
}

/** Starts a proxy on a free port. @param target address of the real service @param host address to listen on */
export async function startFaultProxy(target: string, host = '127.0.0.1'): Promise<FaultProxy> {
  const seen: Seen[] = [];
  let decide: (one: Seen) => Fault | undefined = () => undefined;
  const server = createServer((incoming, answer) => {
    const one = { count: seen.length + 1, method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers };
    seen.push(one);
    handle(new URL(target), decide(one), { incoming, answer });
  });
  await new Promise<void>((ready) => server.listen(0, host, ready));
  const close = (): Promise<void> =>
    new Promise((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { url: `http://${host}:${(server.address() as AddressInfo).port}`, close, seen, setFault: (next) => void (decide = next) };
}

interface Pair {
  readonly incoming: IncomingMessage;
  readonly answer: ServerResponse;
}

function handle(target: URL, fault: Fault | undefined, { incoming, answer }: Pair): void {
  if (fault?.kind === 'hang') return void incoming.resume();
  if (fault?.kind === 'cut') return void incoming.socket.destroy();
  if (fault?.kind === 'answer') {
    incoming.resume();
    incoming.once('end', () =>
      answer.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers }).end(fault.body ?? '{}'),
    );
    return;
  }
  // The service must see the address that the client used, because it answers with it.
  const options: RequestOptions = {
    host: target.hostname,
    port: target.port,
    method: incoming.method,
    path: incoming.url,
    headers: incoming.headers,
  };
  const outgoing = request(options, (received) => void relay(received, fault, answer));
  outgoing.once('error', () => answer.destroy());
  let passed = 0;
  incoming.on('data', (chunk: Buffer) => {
    passed += chunk.length;
    if (fault?.kind !== 'cut-request' || passed <= fault.afterBytes) return void outgoing.write(chunk);
    outgoing.destroy();
    incoming.socket.destroy();
  });
  incoming.once('end', () => outgoing.end());
  incoming.once('close', () => incoming.complete || outgoing.destroy());
}

async function relay(received: IncomingMessage, fault: Fault | undefined, answer: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of received) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  if (fault?.kind === 'lose-answer') return void answer.destroy();
  const sent = fault?.kind === 'edit-answer' ? fault.edit(body) : body;
  const { 'transfer-encoding': _, ...headers } = {
    ...received.headers,
    'content-length': String(received.headers['content-length'] ?? sent.length),
  };
  if (fault?.kind === 'edit-answer') headers['content-length'] = String(sent.length);
  answer.writeHead(received.statusCode ?? 502, headers);
  if (fault?.kind !== 'cut-answer') return void answer.end(sent);
  answer.write(sent.subarray(0, fault.afterBytes), () => answer.destroy());
}

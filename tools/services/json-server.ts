import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server of this process on loopback. */
export interface LocalServer {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** What a handler answers with. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, unless it is bytes. */
  readonly body?: unknown;
}

/** One request with its body read. */
export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Starts a server on a free loopback port that answers each request by one function; what it throws becomes a 400. */
export async function startServer(answer: (asked: Asked, base: string) => Promise<Answer> | Answer): Promise<LocalServer> {
  let base = '';
  const server = createServer((request, response) => {
    void readBody(request)
      .then((body) =>
        answer({ method: request.method ?? 'GET', url: new URL(request.url ?? '/', base), headers: request.headers, body }, base),
      )
      .catch((error: unknown) => ({ status: 400, body: { message: String(error) } }))
      .then((result) => reply(response, result));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> =>
    new Promise((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { url: base, close };
}

function reply(response: ServerResponse, { status = 200, headers = {}, body }: Answer): void {
  const bytes = body instanceof Uint8Array ? body : body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(bytes);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

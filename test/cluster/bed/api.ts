import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';

/** An object of the API, as much of it as tests look at. */
export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec?: any;
  readonly status?: any;
  readonly data?: Readonly<Record<string, string>>;
  readonly items?: readonly ApiObject[];
}

/** A plain client of an API server: what a test does with a cluster goes not through the code under test. */
export interface Api {
  /** @returns undefined for 404 @throws for any other refusal */
  readonly get: (path: string) => Promise<ApiObject | undefined>;
  /** Objects of a list; none when there is no such kind. */
  readonly list: (path: string) => Promise<readonly ApiObject[]>;
  readonly post: (path: string, body: unknown) => Promise<ApiObject>;
  /** Merge patch. */
  readonly patch: (path: string, body: unknown) => Promise<ApiObject>;
  /** @returns false when there was none */
  readonly remove: (path: string, options?: unknown) => Promise<boolean>;
  /** Text of any path. */
  readonly text: (path: string) => Promise<string>;
  readonly close: () => void;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { readonly server: string; readonly 'certificate-authority'?: string } }[];
  readonly users: readonly {
    readonly user: { readonly 'client-certificate'?: string; readonly 'client-key'?: string; readonly token?: string };
  }[];
}

const TIMEOUT_MS = 20_000;

/** Opens a client with a kubeconfig of the bed (JSON). */
export function openApi(kubeconfig: string): Api {
  const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  if (cluster === undefined || user === undefined) throw new Error(`${kubeconfig} names no cluster or user`);
  const file = (path: string | undefined): Buffer | undefined => (path === undefined ? undefined : readFileSync(path));
  const ca = file(cluster['certificate-authority']);
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 16,
    ca,
    cert: file(user['client-certificate']),
    key: file(user['client-key']),
    rejectUnauthorized: ca !== undefined,
  });
  const headers: Record<string, string> = user.token === undefined ? {} : { authorization: `Bearer ${user.token}` };
  const ask = (method: string, path: string, body?: unknown, type = 'application/json'): Promise<Answer> =>
    new Promise((done, fail) => {
      const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body));
      // Node gives the body of a DELETE no length by itself.
      const length = bytes.length === 0 ? {} : { 'content-type': type, 'content-length': bytes.length };
      const url = new URL(path, cluster.server);
      const outgoing = request(url, { agent, method, headers: { ...headers, ...length }, timeout: TIMEOUT_MS }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (part: string) => (text += part));
        incoming.once('end', () => done({ status: incoming.statusCode ?? 0, text })).once('error', fail);
      });
      outgoing.once('timeout', () => outgoing.destroy(new Error(`${method} ${path}: no answer`))).once('error', fail);
      outgoing.end(bytes);
    });
  const must = async (method: string, path: string, body?: unknown, type?: string): Promise<Answer> => {
    const answer = await ask(method, path, body, type);
    if (answer.status >= 300 && answer.status !== 404) throw new Error(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 500)}`);
    return answer;
  };
  const found = async (method: string, path: string, body?: unknown, type?: string): Promise<ApiObject> => {
    const { status, text } = await must(method, path, body, type);
    if (status === 404) throw new Error(`${method} ${path}: not found`);
    return JSON.parse(text) as ApiObject;
  };
  return {
    get: async (path) => {
      const { status, text } = await must('GET', path);
      return status === 404 ? undefined : (JSON.parse(text) as ApiObject);
    },
    list: async (path) => {
      const { status, text } = await must('GET', path);
      return status === 404 ? [] : ((JSON.parse(text) as ApiObject).items ?? []);
    },
    post: (path, body) => found('POST', path, body),
    patch: (path, body) => found('PATCH', path, body, 'application/merge-patch+json'),
    remove: async (path, options) => (await must('DELETE', path, options)).status !== 404,
    text: async (path) => (await must('GET', path)).text,
    close: () => agent.destroy(),
  };
}

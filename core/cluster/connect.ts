import { loadAccess, type AccessSource, type ClusterAccess } from './access.ts';
import { ApiClient } from './api-client.ts';
import { apiFailure } from './api-failure.ts';
import { AssayError } from '#core/error.ts';
import type {
  Cluster,
  ClusterObject,
  NewObject,
  ObjectChange,
  ObjectKind,
  ObjectName,
  ObjectSelection,
  PodLogSelection,
} from './cluster.ts';
import { isUnknownKind, listPages, readObject } from './list-pages.ts';
import { Discovery, resourcePath, type Place, type Resource } from './resource-path.ts';
import { linesOf, Transport, type ApiRequest } from './transport.ts';
import { watchObjects } from './watch-objects.ts';

/** Text that one call outside the objects, or one log, may give. */
const TEXT_LIMIT = 10 * 1024 * 1024;
const LOG_LINE_BYTES = 1024 * 1024;
const OK_END = 300;
const NOT_FOUND = 404;
/** Groups whose objects are questions: the server answers and keeps nothing, so asking twice is harmless. */
const REVIEW_GROUPS: ReadonlySet<string> = new Set(['authentication.k8s.io', 'authorization.k8s.io']);
const POD = { apiVersion: 'v1', kind: 'Pod' };

/**
 * Connects to the cluster of a kubeconfig, or of the pod that this program runs in. Nothing is sent yet.
 * @throws KUBECONFIG_INVALID
 */
export async function connectCluster(source: AccessSource = {}): Promise<Cluster> {
  return clusterAt(await loadAccess(source));
}

/** A cluster that is reached in a known way. */
export function clusterAt(access: ClusterAccess): Cluster {
  const client = new ApiClient(new Transport(access));
  const objects = new ApiObjects(client);
  const logs = new PodLogs(client);
  return {
    namespace: access.namespace,
    read: (name) => objects.read(name),
    list: (selection) => objects.list(selection),
    watch: (selection, signal) => objects.watch(selection, signal),
    create: (object) => objects.create(object),
    replace: (object) => objects.replace(object),
    patch: (name, change) => objects.patch(name, change),
    remove: (name) => objects.remove(name),
    podLog: (selection) => logs.read(selection),
    followPodLog: (selection, signal) => logs.lines(selection, { follow: 'true' }, signal),
    podLogLines: (selection, signal) => logs.lines(selection, {}, signal),
    get: async (path) => {
      const { status, text, date } = await client.exchange({ method: 'GET', path }, { maxBytes: TEXT_LIMIT });
      return { status, text, ...(date === undefined ? {} : { date }) };
    },
  };
}

/** Objects of any kind. */
class ApiObjects {
  readonly #client: ApiClient;
  readonly #discovery: Discovery;

  constructor(client: ApiClient) {
    this.#client = client;
    this.#discovery = new Discovery(client);
  }

  async read(name: ObjectName): Promise<ClusterObject | undefined> {
    const resource = await this.#discovery.find(name);
    if (resource === undefined) return undefined;
    const found = await this.#client.json({ method: 'GET', path: resourcePath(resource, name) });
    return found === undefined ? undefined : readObject(found, name);
  }

  async list(selection: ObjectSelection): Promise<readonly ClusterObject[] | undefined> {
    const resource = await this.#discovery.find(selection);
    if (resource === undefined) return undefined;
    const path = resourcePath(resource, pickNamespace(selection));
    try {
      const all: ClusterObject[] = [];
      for await (const { objects } of listPages(this.#client, path, selection)) all.push(...objects);
      return all;
    } catch (error) {
      if (isUnknownKind(error)) return undefined;
      throw error;
    }
  }

  async *watch(selection: ObjectSelection, signal: AbortSignal): AsyncIterable<ObjectChange> {
    const path = resourcePath(await this.#known(selection), pickNamespace(selection));
    yield* watchObjects({ client: this.#client, path, selection, signal });
  }

  async create(object: NewObject): Promise<ClusterObject> {
    const path = resourcePath(await this.#known(object), pickNamespace(object.metadata));
    const request = { method: 'POST', path, body: JSON.stringify(object) } as const;
    return this.#write(request, object, REVIEW_GROUPS.has(object.apiVersion.split('/')[0] ?? ''));
  }

  async replace(object: ClusterObject): Promise<ClusterObject> {
    return this.#write({ method: 'PUT', path: await this.#pathOf(object, object.metadata), body: JSON.stringify(object) }, object);
  }

  async patch(name: ObjectName, change: Readonly<Record<string, unknown>>): Promise<ClusterObject> {
    const path = await this.#pathOf(name, name);
    return this.#write({ method: 'PATCH', path, body: JSON.stringify(change), contentType: 'application/merge-patch+json' }, name);
  }

  async remove(name: ObjectName): Promise<boolean> {
    const resource = await this.#discovery.find(name);
    if (resource === undefined) return false;
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' });
    return (await this.#client.json({ method: 'DELETE', path: resourcePath(resource, name), body })) !== undefined;
  }

  async #write(request: ApiRequest, kind: ObjectKind, repeatable?: boolean): Promise<ClusterObject> {
    const written = await this.#client.json(request, repeatable);
    if (written === undefined) throw apiFailure({ what: `${request.method} ${request.path}`, status: NOT_FOUND, text: 'not found' });
    return readObject(written, kind);
  }

  async #pathOf(kind: ObjectKind, place: Place): Promise<string> {
    return resourcePath(await this.#known(kind), { namespace: place.namespace, name: place.name });
  }

  async #known(kind: ObjectKind): Promise<Resource> {
    const resource = await this.#discovery.find(kind);
    if (resource === undefined) throw new AssayError('CLUSTER_REFUSED', `the cluster does not know ${kind.kind} of ${kind.apiVersion}`);
    return resource;
  }
}

/** Logs of containers. */
class PodLogs {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  async read(selection: PodLogSelection): Promise<string> {
    const request = logRequest(selection, { limitBytes: String(TEXT_LIMIT) });
    const { status, text } = await this.#client.exchange(request, { maxBytes: TEXT_LIMIT });
    if (status >= OK_END) throw apiFailure({ what: `GET ${request.path}`, status, text });
    return text;
  }

  async *lines(selection: PodLogSelection, query: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<string> {
    const request = logRequest(selection, query);
    try {
      const { status, pieces } = await this.#client.transport.stream(request, signal);
      const lines = linesOf(pieces, LOG_LINE_BYTES);
      if (status >= OK_END) throw apiFailure({ what: `GET ${request.path}`, status, text: await textOf(lines) });
      yield* lines;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

function logRequest(selection: PodLogSelection, more: Readonly<Record<string, string>>): ApiRequest {
  const { namespace, pod, container, tailLines, previous, timestamps } = selection;
  const resource = { base: '/api/v1', plural: 'pods', namespaced: true };
  const query = new URLSearchParams({
    ...more,
    ...(container === undefined ? {} : { container }),
    ...(tailLines === undefined ? {} : { tailLines: String(tailLines) }),
    ...(previous === true ? { previous: 'true' } : {}),
    ...(timestamps === true ? { timestamps: 'true' } : {}),
  });
  return {
    method: 'GET',
    path: `${resourcePath(resource, { ...POD, namespace, name: pod, subresource: 'log' })}?${query.toString()}`,
    accept: '*/*',
  };
}

async function textOf(lines: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const line of lines) if (text.length < LOG_LINE_BYTES) text += line;
  return text;
}

/** A selection without a namespace means all of them. */
function pickNamespace({ namespace }: { readonly namespace?: string }): Place {
  return namespace === undefined ? {} : { namespace };
}

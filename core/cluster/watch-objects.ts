import { setTimeout as sleep } from 'node:timers/promises';
import { isAssayError } from '#core/error.ts';
import type { ApiClient } from './api-client.ts';
import { apiFailure, unreachable } from './api-failure.ts';
import type { ClusterObject, ObjectChange, ObjectSelection } from './cluster.ts';
import { listPages, readObject, selectors } from './list-pages.ts';
import { linesOf } from './transport.ts';

/** The server ends a watch after this long; it then goes on in a new request. */
const WATCH_SECONDS = 240;
/** A watch that is silent for longer than the server would let it be is dead. */
const CUT_OFF_MS = (WATCH_SECONDS + 30) * 1000;
/** An object has at most 1.5 MiB in etcd; as JSON it may be larger. */
const EVENT_BYTES = 8 * 1024 * 1024;
/** Something in between that ends every watch at once must not be asked in a loop. */
const SHORTEST_MS = 1000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 15_000;
const GONE = 410;
const TOO_MANY = 429;
const SERVER_ERROR = 500;
const OK_END = 300;

/** What a watch needs. */
export interface WatchOptions {
  readonly client: ApiClient;
  /** Path of the kind's objects. */
  readonly path: string;
  readonly selection: ObjectSelection;
  readonly signal: AbortSignal;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/**
 * Says what exists, `synced`, and then every change, without end. After an interruption it goes on where it was; when the server
 * has forgotten that place, everything is listed again, and what vanished meanwhile is said to be gone.
 * @throws the codes of the first list; later CLUSTER_FORBIDDEN and CLUSTER_REFUSED. An outage is waited out.
 */
export async function* watchObjects(options: WatchOptions): AsyncGenerator<ObjectChange> {
  const { signal, wait = (ms, until) => sleep(ms, undefined, { signal: until }) } = options;
  const watch = new ObjectWatch(options);
  while (!signal.aborted) {
    const startedMs = performance.now();
    try {
      yield* watch.round();
      if (performance.now() - startedMs > SHORTEST_MS) continue;
    } catch (error) {
      if (isAborted(signal)) return;
      watch.noteFailure(error);
    }
    await wait(watch.delayMs, signal).catch(() => undefined);
  }
}

/** Where a watch stands. */
class ObjectWatch {
  readonly #options: WatchOptions;
  readonly #known = new KnownObjects();
  /** Empty when everything has to be listed. */
  #version = '';
  #synced = false;
  #failures = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  get delayMs(): number {
    return Math.min(FIRST_DELAY_MS * 2 ** this.#failures, LONGEST_DELAY_MS);
  }

  /** One request to watch, and the list before it when there is no place to go on from. */
  async *round(): AsyncGenerator<ObjectChange> {
    if (this.#version === '') {
      this.#version = yield* relist(this.#options, this.#known);
      if (!this.#synced) yield { change: 'synced' };
      this.#synced = true;
    }
    for await (const { change, object, version } of follow(this.#options, this.#version)) {
      this.#failures = 0;
      this.#version = version;
      if (object === undefined) continue;
      this.#known.note(change, object);
      yield { change, object };
    }
  }

  /** @throws the failure, when waiting does not help */
  noteFailure(error: unknown): void {
    if (isExpired(error)) this.#version = '';
    else if (!this.#synced || !isOutage(error)) throw error;
    this.#failures += 1;
  }
}

/** The objects that were said to be present, by name, with what is needed to say that they are gone. */
class KnownObjects {
  readonly #objects = new Map<string, ClusterObject>();

  note(change: 'present' | 'gone', { apiVersion, kind, metadata: { name, namespace, uid } }: ClusterObject): void {
    const key = `${namespace ?? ''}/${name}`;
    if (change === 'gone') this.#objects.delete(key);
    else
      this.#objects.set(key, {
        apiVersion,
        kind,
        metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }) },
      });
  }

  /** The one of this name that is another object. */
  replacedBy({ metadata: { name, namespace, uid } }: ClusterObject): ClusterObject | undefined {
    const before = this.#objects.get(`${namespace ?? ''}/${name}`);
    return before !== undefined && before.metadata.uid !== uid ? before : undefined;
  }

  without(listed: ReadonlySet<string>): readonly ClusterObject[] {
    return [...this.#objects].filter(([key]) => !listed.has(key)).map(([, object]) => object);
  }
}

async function* relist({ client, path, selection }: WatchOptions, known: KnownObjects): AsyncGenerator<ObjectChange, string> {
  const listed = new Set<string>();
  let version = '';
  for await (const page of listPages(client, path, selection)) {
    version = page.resourceVersion;
    for (const object of page.objects) {
      const replaced = known.replacedBy(object);
      if (replaced !== undefined) yield { change: 'gone', object: replaced };
      listed.add(`${object.metadata.namespace ?? ''}/${object.metadata.name}`);
      known.note('present', object);
      yield { change: 'present', object };
    }
  }
  for (const object of known.without(listed)) {
    known.note('gone', object);
    yield { change: 'gone', object };
  }
  return version;
}

interface Followed {
  readonly change: 'present' | 'gone';
  /** Undefined for a bookmark. */
  readonly object?: ClusterObject;
  readonly version: string;
}

async function* follow({ client, path, selection, signal }: WatchOptions, version: string): AsyncGenerator<Followed> {
  const query = new URLSearchParams({
    ...selectors(selection),
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: version,
    timeoutSeconds: String(WATCH_SECONDS),
  });
  const what = `GET ${path}?watch`;
  const either = AbortSignal.any([signal, AbortSignal.timeout(CUT_OFF_MS)]);
  const { status, pieces } = await client.transport.stream({ method: 'GET', path: `${path}?${query.toString()}` }, either);
  const lines = linesOf(pieces, EVENT_BYTES);
  if (status >= OK_END) throw apiFailure({ what, status, text: await firstLine(lines) });
  try {
    for await (const line of lines) yield readEvent(line, { what, selection });
  } catch (cause) {
    if (isAssayError(cause)) throw cause;
    throw unreachable(what, 'the connection was cut off', cause);
  }
}

async function firstLine(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) return line;
  return '';
}

function readEvent(line: string, { what, selection }: { readonly what: string; readonly selection: ObjectSelection }): Followed {
  let event: { readonly type?: unknown; readonly object?: unknown } | null;
  try {
    event = JSON.parse(line) as typeof event;
  } catch (cause) {
    throw unreachable(what, 'an event is not JSON', cause);
  }
  if (event?.type === 'ERROR') {
    const { code } = (event.object ?? {}) as { readonly code?: unknown };
    throw apiFailure({ what, status: typeof code === 'number' ? code : SERVER_ERROR, text: JSON.stringify(event.object) });
  }
  const object = readObject(event?.object, selection);
  const version = object.metadata.resourceVersion ?? '';
  if (event?.type === 'BOOKMARK') return { change: 'present', version };
  return { change: event?.type === 'DELETED' ? 'gone' : 'present', object, version };
}

/** The server has forgotten the place where a watch or a list was to go on. */
function isExpired(error: unknown): boolean {
  return isAssayError(error) && error.details?.['status'] === GONE;
}

function isOutage(error: unknown): boolean {
  if (!isAssayError(error)) return false;
  const status = error.details?.['status'];
  return error.code === 'CLUSTER_UNREACHABLE' || (typeof status === 'number' && (status === TOO_MANY || status >= SERVER_ERROR));
}

/** A call, because the signal changes while something is awaited. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

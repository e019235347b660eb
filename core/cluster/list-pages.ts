import { AssayError } from '#core/error.ts';
import type { ApiClient } from './api-client.ts';
import { apiFailure, unreachable } from './api-failure.ts';
import type { ClusterObject, ObjectSelection } from './cluster.ts';

/** One page of a list. */
export interface ObjectPage {
  readonly objects: readonly ClusterObject[];
  /** Version of the whole list: where a watch goes on. */
  readonly resourceVersion: string;
}

const PAGE_OBJECTS = 500;
/** 100 000 objects. */
const MAX_PAGES = 200;
const GONE = 410;
const NOT_FOUND = 404;
const OK_END = 300;

/**
 * All objects of a selection, page by page.
 * @param path of the kind's objects
 * @throws the codes of the client; CLUSTER_REFUSED for a list that is too long or that changes faster than it can be read
 */
export async function* listPages(client: ApiClient, path: string, selection: ObjectSelection): AsyncGenerator<ObjectPage> {
  let token = '';
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = new URLSearchParams({
      ...selectors(selection),
      limit: String(PAGE_OBJECTS),
      ...(token === '' ? {} : { continue: token }),
    });
    const what = `GET ${path}`;
    const { status, text } = await client.exchange({ method: 'GET', path: `${path}?${query.toString()}` });
    if (status === GONE) throw new AssayError('CLUSTER_REFUSED', `${what}: the list changed while it was read`, { details: { status } });
    if (status >= OK_END) throw apiFailure({ what, status, text });
    const { metadata, items } = readList(text, what);
    yield { objects: items.map((item) => readObject(item, selection)), resourceVersion: metadata?.resourceVersion ?? '' };
    token = metadata?.continue ?? '';
    if (token === '') return;
  }
  throw new AssayError('CLUSTER_REFUSED', `GET ${path}: more than ${String(MAX_PAGES * PAGE_OBJECTS)} objects`);
}

/** Query of a selection. */
export function selectors({ labels, fields }: ObjectSelection): Record<string, string> {
  return { ...(labels === undefined ? {} : { labelSelector: labels }), ...(fields === undefined ? {} : { fieldSelector: fields }) };
}

/** True for the answer to a list whose kind was removed meanwhile. */
export function isUnknownKind(error: unknown): boolean {
  return error instanceof AssayError && error.details?.['status'] === NOT_FOUND;
}

/** An object of a list or of an event, with the kind that lists leave out, and without the bookkeeping of field owners. */
export function readObject(item: unknown, { apiVersion, kind }: Pick<ObjectSelection, 'apiVersion' | 'kind'>): ClusterObject {
  const object = item as ClusterObject;
  if (typeof object?.metadata !== 'object' || object.metadata === null)
    throw unreachable(kind, 'the API server sent an object without metadata');
  const { managedFields: _managedFields, ...metadata } = object.metadata as ClusterObject['metadata'] & { managedFields?: unknown };
  return { ...object, apiVersion, kind, metadata };
}

interface ObjectList {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items: readonly unknown[];
}

function readList(text: string, what: string): ObjectList {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw unreachable(what, 'the answer is not JSON', cause);
  }
  if (!Array.isArray((list as ObjectList | null)?.items)) throw unreachable(what, 'the answer is no list');
  return list as ObjectList;
}

import { AssayError } from '#core/error.ts';
import type { ApiClient } from './api-client.ts';
import type { ObjectKind } from './cluster.ts';

/** What the API server says about a kind. */
export interface Resource {
  /** `/api/v1` or `/apis/apps/v1` */
  readonly base: string;
  /** `pods` */
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Where one object or all objects of a kind are. */
export interface Place {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string;
}

/** Kinds of one group and version, by name. */
type Resources = ReadonlyMap<string, Resource>;

/** Finds the paths of kinds by asking the API server, once per group and version. */
export class Discovery {
  readonly #client: ApiClient;
  readonly #known = new Map<string, Resources>();

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** @returns undefined when the cluster does not know the kind @throws the codes of the client */
  async find({ apiVersion, kind }: ObjectKind): Promise<Resource | undefined> {
    const found = this.#known.get(apiVersion)?.get(kind);
    if (found !== undefined) return found;
    // A kind that is not there may be installed at any moment: only what was found is remembered.
    const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const resources = readResources(await this.#client.json({ method: 'GET', path: base }), base);
    this.#known.set(apiVersion, resources);
    return resources.get(kind);
  }
}

/** Path of an object, or of all objects of its kind. @throws BUG for an object of a namespaced kind without a namespace */
export function resourcePath({ base, plural, namespaced }: Resource, { namespace, name, subresource }: Place): string {
  if (namespaced && namespace === undefined && name !== undefined) throw new AssayError('BUG', `${plural} "${name}" without its namespace`);
  const scope = namespaced && namespace !== undefined ? ['namespaces', namespace] : [];
  const parts = [...scope, plural, ...(name === undefined ? [] : [name]), ...(subresource === undefined ? [] : [subresource])];
  return `${base}/${parts.map(encodeURIComponent).join('/')}`;
}

function readResources(document: unknown, base: string): Resources {
  const list = (document as { resources?: unknown } | undefined)?.resources;
  const rows = Array.isArray(list) ? (list as readonly { name?: unknown; kind?: unknown; namespaced?: unknown }[]) : [];
  return new Map(
    rows.flatMap(({ name, kind, namespaced }) =>
      typeof name === 'string' && typeof kind === 'string' && !name.includes('/')
        ? [[kind, { base, plural: name, namespaced: namespaced === true }] as const]
        : [],
    ),
  );
}

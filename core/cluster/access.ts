import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { AssayError, errorText } from '#core/error.ts';

/** Where the access to a cluster is described; by default as for kubectl: `KUBECONFIG`, the file in the home directory, then the pod's account. */
export interface AccessSource {
  /** Path of a kubeconfig file. */
  readonly kubeconfig?: string;
  /** Name of a context in it. */
  readonly context?: string;
}

/** How to reach a cluster and prove who asks. */
export interface ClusterAccess {
  readonly server: URL;
  /** Namespace of the context or of the pod. */
  readonly namespace: string;
  /** TLS material and `Authorization` header as they are at this moment: tokens and certificates change on disk. */
  readonly authorize: () => Promise<RequestOptions>;
}

const HINT = 'Give --kubeconfig FILE, set KUBECONFIG, or run in a pod with a service-account token.';
/** Where the client library ends when it finds nothing at all. */
const NOTHING_FOUND = 'http://localhost:8080';

/**
 * Finds the access to a cluster. Contexts, exec plugins, client certificates and rotating token files are the Kubernetes client's
 * work; it is loaded here, and only here, because it is large.
 * @throws KUBECONFIG_INVALID
 */
export async function loadAccess(source: AccessSource = {}): Promise<ClusterAccess> {
  const { emptyKubeConfig } = await import('./kube-config.ts');
  const config = emptyKubeConfig();
  read(config, source);
  const cluster = config.getCurrentCluster();
  if (cluster === null || config.getCurrentUser() === null)
    throw invalid(`the kubeconfig has no usable context${source.context === undefined ? '' : ` "${source.context}"`}`);
  if (source.kubeconfig === undefined && cluster.server === NOTHING_FOUND) throw invalid('there is no kubeconfig, and this is no pod');
  const proxied = cluster.proxyUrl !== undefined;
  return {
    server: serverUrl(cluster.server),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace?.trim() || 'default',
    authorize: () => authorize(config, proxied),
  };
}

function read(config: KubeConfig, { kubeconfig, context }: AccessSource): void {
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (cause) {
    throw invalid(`the kubeconfig cannot be read: ${errorText(cause)}`, cause);
  }
  if (context !== undefined) config.setCurrentContext(context);
}

async function authorize(config: KubeConfig, proxied: boolean): Promise<RequestOptions> {
  const options: RequestOptions = { headers: {} };
  try {
    await config.applyToHTTPSOptions(options);
  } catch (cause) {
    throw invalid(`the credentials of the kubeconfig cannot be had: ${errorText(cause)}`, cause);
  }
  // The library's agent opens a connection per request; only a proxy needs it.
  if (!proxied) delete options.agent;
  return options;
}

function serverUrl(text: string): URL {
  // Outside a pod its variables are missing, and the library writes that into the address.
  const url = text.includes('undefined') ? null : URL.parse(text);
  if (url === null) throw invalid(`"${text}" is not the address of an API server`);
  return url;
}

function invalid(message: string, cause?: unknown): AssayError {
  return new AssayError('KUBECONFIG_INVALID', message, { hint: HINT, ...(cause === undefined ? {} : { cause }) });
}

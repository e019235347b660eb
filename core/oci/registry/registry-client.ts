import { DEFAULT_RETRY, exchange, type RetryPolicy } from '#core/http/retry.ts';
import { isLoopback } from '#core/http/secure-url.ts';
import { HttpFailure, send, type HttpAnswer, type HttpCall } from '#core/http/send.ts';
import type { RegistryReference } from '../reference.ts';
import { fetchBearerToken } from './bearer-token.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import { basicAuthorization, type Credential, type RegistryOptions } from './credential.ts';
import { exchangeFailure, registryFailure, wrongAnswer } from './registry-failure.ts';

/** One request to a registry. */
export interface RegistryCall {
  readonly method: HttpCall['method'];
  /** Path below the repository (`blobs/sha256:…`), or the whole address that a registry answered with. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpCall['body'];
  /** Statuses that the caller understands; every other one is an error. */
  readonly accept: readonly number[];
  /** For messages: `read the tag v1`. */
  readonly action: string;
  /** `pull`, or `pull,push` when something is written. */
  readonly access: 'pull' | 'pull,push';
  /** Do not repeat: the body or the address is good for one attempt. */
  readonly once?: boolean;
}

const IDLE_TIMEOUT_MS = 30_000;
const UNAUTHORIZED = 401;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 5;
const NO_RETRY: RetryPolicy = { retries: 0, baseDelayMs: 0 };
/** The registry that is called by another name than its API's. */
const DOCKER_HUB = { name: 'docker.io', api: 'registry-1.docker.io' };

/**
 * Requests to one repository: authorization on demand, redirects without credentials, retries.
 * @source OCI distribution specification 1.1
 */
export class RegistryClient {
  readonly host: string;
  readonly repository: string;
  readonly #origin: string;
  readonly #options: RegistryOptions;
  readonly #retry: RetryPolicy;
  readonly #scopes = new Set<string>();
  #authorization: string | undefined;
  #credential: Promise<Credential | undefined> | undefined;
  #dispatcher: HttpCall['dispatcher'];

  constructor({ registry, repository }: Pick<RegistryReference, 'registry' | 'repository'>, options: RegistryOptions) {
    this.host = registry;
    this.repository = repository;
    this.#options = options;
    this.#retry = { ...DEFAULT_RETRY, retries: options.retries ?? DEFAULT_RETRY.retries, ...signalOf(options) };
    const api = registry === DOCKER_HUB.name ? DOCKER_HUB.api : registry;
    const isPlain = options.plainHttp === true || (options.insecureTls !== true && isLoopback(new URL(`http://${api}`).hostname));
    this.#origin = `${isPlain ? 'http' : 'https'}://${api}`;
  }

  /**
   * Sends a request and reads the answer, both again when the network fails in between.
   * @throws the REGISTRY_* errors, ARTIFACT_NOT_FOUND for a 404 that the caller does not accept
   */
  async call<T>(call: RegistryCall, read: (answer: HttpAnswer) => Promise<T>): Promise<T> {
    try {
      return await exchange(
        () => this.#authorized(call),
        (answer) => this.#checked(call, answer, read),
        call.once === true ? NO_RETRY : this.#retry,
      );
    } catch (cause) {
      throw cause instanceof HttpFailure ? exchangeFailure(cause) : cause;
    }
  }

  /** As {@link call}, for answers whose body does not matter. @returns status, headers, and where the answer came from */
  head(call: RegistryCall): Promise<Pick<HttpAnswer, 'status' | 'headers' | 'url'>> {
    return this.call(call, (answer) => Promise.resolve(answer));
  }

  async #checked<T>(call: RegistryCall, answer: HttpAnswer, read: (answer: HttpAnswer) => Promise<T>): Promise<T> {
    if (!call.accept.includes(answer.status)) throw await registryFailure(answer, call.action);
    return read(answer);
  }

  /** A 401 is answered once, by getting the authorization that it asks for: scopes grow from reading to writing. */
  async #authorized(call: RegistryCall): Promise<HttpAnswer> {
    const used = this.#authorization;
    const answer = await this.#redirected(call, used);
    if (answer.status !== UNAUTHORIZED || answer.url.origin !== this.#origin) return answer;
    const authorization = await this.#authorize(call, parseChallenges(answer.headers.get('www-authenticate')));
    if (authorization === undefined || authorization === used) return answer;
    await answer.discard();
    this.#authorization = authorization;
    return this.#redirected(call, authorization);
  }

  async #redirected(call: RegistryCall, authorization: string | undefined): Promise<HttpAnswer> {
    let url = typeof call.target === 'string' ? new URL(`/v2/${this.repository}/${call.target}`, this.#origin) : call.target;
    for (let hops = 0; ; hops++) {
      const answer = await this.#send(call, url, authorization);
      const isRead = call.method === 'GET' || call.method === 'HEAD';
      if (!REDIRECTS.has(answer.status) || !isRead) return answer;
      await answer.discard();
      if (hops >= MAX_REDIRECTS) throw wrongAnswer(this.host, `redirects more than ${MAX_REDIRECTS} times`);
      url = this.resolve(answer, call.action);
    }
  }

  /**
   * Where an answer's `Location` header leads: relative to the answer, never from https to http.
   * @throws REGISTRY_REFUSED
   */
  resolve(answer: Pick<HttpAnswer, 'headers' | 'url'>, action: string): URL {
    const location = answer.headers.get('location') ?? '';
    const url = location !== '' && URL.canParse(location, answer.url.href) ? new URL(location, answer.url) : undefined;
    const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && answer.url.protocol === 'http:');
    if (url === undefined || !isSafe)
      throw wrongAnswer(this.host, `sends us nowhere safe to ${action}: ${JSON.stringify(location.slice(0, 120))}`);
    return url;
  }

  /** Authorization goes to the registry itself and nowhere else. */
  async #send({ method, headers, body }: RegistryCall, url: URL, authorization: string | undefined): Promise<HttpAnswer> {
    await this.#options.guard?.check(url);
    const own = url.origin === this.#origin && authorization !== undefined ? { authorization } : {};
    return send({ method, url, headers: { ...headers, ...own }, ...(body === undefined ? {} : { body }), ...(await this.#connection()) });
  }

  async #connection(): Promise<Pick<HttpCall, 'idleTimeoutMs' | 'dispatcher' | 'signal'>> {
    const { timeoutMs: idleTimeoutMs = IDLE_TIMEOUT_MS, insecureTls = false, guard } = this.#options;
    const rules = { idleTimeoutMs, ...signalOf(this.#options) };
    if (!insecureTls && guard === undefined) return rules;
    const { ownDispatcher } = await import('./own-dispatcher.ts');
    this.#dispatcher ??= await ownDispatcher({
      rejectUnauthorized: !insecureTls,
      ...(guard === undefined ? {} : { lookup: guard.lookup }),
    });
    return { ...rules, dispatcher: this.#dispatcher };
  }

  /** @returns undefined when nothing that the registry asks for can be given */
  async #authorize(call: RegistryCall, challenges: readonly Challenge[]): Promise<string | undefined> {
    this.#credential ??= this.#options.credentials?.(this.host) ?? Promise.resolve(undefined);
    const credential = await this.#credential;
    if (credential?.kind === 'registry-token') return `Bearer ${credential.token}`;
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return `Bearer ${await this.#bearerToken(call, bearer, credential)}`;
    const wantsBasic = challenges.some(({ scheme }) => scheme === 'basic');
    return wantsBasic && credential?.kind === 'basic' ? basicAuthorization(credential) : undefined;
  }

  /** Asks for everything that was needed so far, so that requests at the same time do not take each other's rights away. */
  async #bearerToken(call: RegistryCall, { parameters }: Challenge, credential: Credential | undefined): Promise<string> {
    const wanted = parameters['scope'] ?? `repository:${this.repository}:${call.access}`;
    for (const scope of wanted.split(' ')) this.#scopes.add(scope);
    return fetchBearerToken({
      realm: parameters['realm'],
      service: parameters['service'],
      scopes: [...this.#scopes].sort(),
      credential,
      plainHttp: this.#options.plainHttp === true,
      retry: this.#retry,
      connection: await this.#connection(),
      ...(this.#options.guard === undefined ? {} : { guard: this.#options.guard }),
    });
  }
}

function signalOf({ signal }: RegistryOptions): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

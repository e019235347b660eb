import { AssayError } from '#core/error.ts';

type Dispatcher = NonNullable<RequestInit['dispatcher']>;
type DispatcherClass = new (options: { readonly connect: { readonly rejectUnauthorized: boolean } }) => Dispatcher;

/** Under this symbol the platform's fetch keeps the dispatcher of all requests. */
const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/**
 * Makes connections that do not check certificates, for the requests that are given it and for no others. The platform has
 * no option for this but one that holds for the whole process, and signing services must stay checked.
 * @throws CONFIG_INVALID on a platform whose fetch is built otherwise
 */
export async function insecureDispatcher(): Promise<Dispatcher> {
  // The first fetch of a process makes the dispatcher.
  await (await fetch('data:,')).arrayBuffer();
  const current = (globalThis as Record<symbol, { constructor: unknown } | undefined>)[GLOBAL_DISPATCHER];
  if (typeof current?.constructor !== 'function')
    throw new AssayError('CONFIG_INVALID', 'this Node cannot leave out certificate checks for a single registry', {
      hint: "Give the registry's authority in NODE_EXTRA_CA_CERTS instead of --insecure-tls.",
    });
  return new (current.constructor as DispatcherClass)({ connect: { rejectUnauthorized: false } });
}

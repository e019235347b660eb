import type { LookupFunction } from 'node:net';
import { AssayError } from '#core/error.ts';

type Dispatcher = NonNullable<RequestInit['dispatcher']>;
type DispatcherClass = new (options: { readonly connect: ConnectionRules }) => Dispatcher;

/** How connections to one registry are made. */
export interface ConnectionRules {
  readonly rejectUnauthorized: boolean;
  /** Resolver that has the last word on which address is called. */
  readonly lookup?: LookupFunction;
}

/** Under this symbol the platform's fetch keeps the dispatcher of all requests. */
const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/**
 * Makes connections by rules of their own (no certificate check, a guarded resolver), for the requests that are given it and
 * for no others. The platform has no option for this but one that holds for the whole process, and signing services must
 * stay checked.
 * @throws CONFIG_INVALID on a platform whose fetch is built otherwise
 */
export async function ownDispatcher(connect: ConnectionRules): Promise<Dispatcher> {
  // The first fetch of a process makes the dispatcher.
  await (await fetch('data:,')).arrayBuffer();
  const current = (globalThis as Record<symbol, { constructor: unknown } | undefined>)[GLOBAL_DISPATCHER];
  if (typeof current?.constructor !== 'function')
    throw new AssayError('CONFIG_INVALID', 'this Node cannot make connections by rules of their own for a single registry', {
      hint: "Give the registry's authority in NODE_EXTRA_CA_CERTS instead of --insecure-tls.",
    });
  return new (current.constructor as DispatcherClass)({ connect });
}

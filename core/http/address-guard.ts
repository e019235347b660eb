import { lookup as resolve } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { AssayError } from '#core/error.ts';
import { addressKind, type AddressKind } from './address-kind.ts';

/** Who chose the host that is called: the person at the keyboard, or a file of somebody else. */
export type HostOrigin = 'user' | 'file';

/** Decides which addresses may be called on behalf of one registry. */
export interface AddressGuard {
  /**
   * Looks at where a URL leads, before anything is sent there.
   * @throws ADDRESS_REFUSED
   */
  readonly check: (url: URL) => Promise<void>;
  /** Resolver for the connection itself, so that the address that was looked at is the one that is called. */
  readonly lookup: LookupFunction;
}

/** What a guard is made for. */
export interface GuardedRegistry {
  /** Host of the registry, with or without port. */
  readonly host: string;
  readonly origin: HostOrigin;
  /** The user said that the registry is not a public one. */
  readonly allowPrivate?: boolean;
}

/**
 * Guards calls to a registry and to where it sends us (redirects, token services): a registry that a stranger's file names
 * must have public addresses or be this computer by name; nobody is sent from a public registry into a private network, and
 * never to link-local addresses, where cloud metadata services answer.
 * @source OWASP, Server-Side Request Forgery Prevention Cheat Sheet
 */
export function addressGuard(registry: GuardedRegistry): AddressGuard {
  const own = new URL(`http://${registry.host}`).hostname;
  let ownKind: AddressKind | undefined;
  const isAllowed = (hostname: string, kind: AddressKind): boolean =>
    hostname === own ? isAllowedRegistry(registry, own, kind) : kind === 'public' || (kind !== 'forbidden' && kind === ownKind);
  return {
    check: async ({ hostname }) => {
      ownKind ??= await hostKind(own);
      const kind = hostname === own ? ownKind : await hostKind(hostname);
      if (!isAllowed(hostname, kind)) throw refused(hostname, kind);
    },
    lookup: (hostname, options, done) => {
      resolve(hostname, options, (error, address, family) => {
        const kind = error === null ? worstKind(address) : 'public';
        done(error ?? (isAllowed(hostname, kind) ? null : refused(hostname, kind)), address, family);
      });
    },
  };
}

/** A name that a stranger chose may be this computer only when it says so: a public name that resolves there is an attack. */
function isAllowedRegistry({ origin, allowPrivate = false }: GuardedRegistry, hostname: string, kind: AddressKind): boolean {
  if (kind === 'forbidden') return false;
  if (kind === 'public' || origin === 'user' || allowPrivate) return true;
  return kind === 'loopback' && (hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0);
}

/** The most restricted kind among all addresses of a host; a host that does not resolve is left to the connection to report. */
function hostKind(hostname: string): Promise<AddressKind> {
  const literal = hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) !== 0) return Promise.resolve(addressKind(literal));
  return new Promise((done) => {
    resolve(hostname, { all: true }, (error, addresses) => done(error === null ? worstKind(addresses) : 'public'));
  });
}

const ORDER: readonly AddressKind[] = ['forbidden', 'loopback', 'private', 'public'];

function worstKind(addresses: string | readonly LookupAddress[]): AddressKind {
  const list = typeof addresses === 'string' ? [addresses] : addresses.map(({ address }) => address);
  const kinds = new Set(list.map(addressKind));
  return ORDER.find((kind) => kinds.has(kind)) ?? 'forbidden';
}

function refused(hostname: string, kind: AddressKind): AssayError {
  const where = kind === 'forbidden' ? 'a link-local or reserved address' : `a ${kind} address`;
  return new AssayError('ADDRESS_REFUSED', `${hostname} has ${where}, where evidence of others must not send us`, {
    hint: 'If this registry is yours, name it yourself: --bundle HOST/REPOSITORY@sha256:…',
  });
}

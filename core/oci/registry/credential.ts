import type { AddressGuard } from '#core/http/address-guard.ts';

/** What a registry or its token service accepts instead of anonymity. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** A refresh token for the token service. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A bearer token for the registry itself. */
  | { readonly kind: 'registry-token'; readonly token: string };

/**
 * Finds the credential for a registry.
 * @param host host with port, exactly as in the reference
 */
export type CredentialLookup = (host: string) => Promise<Credential | undefined>;

/** How a registry is talked to. */
export interface RegistryOptions {
  /** Asked before anything is sent anywhere; needed when the reference comes from a file of somebody else. */
  readonly guard?: AddressGuard;
  readonly credentials?: CredentialLookup;
  /** Speak http, also to other computers. Loopback addresses are spoken to in http anyway. */
  readonly plainHttp?: boolean;
  /** Do not check the registry's certificate. */
  readonly insecureTls?: boolean;
  /** Longest silence on a connection, default 30 s. */
  readonly timeoutMs?: number;
  /** Attempts after the first, default 3. */
  readonly retries?: number;
  /** Blobs over this size are sent in pieces of it, default 64 MiB. */
  readonly chunkBytes?: number;
  /** A repository of the same registry that may have the blobs already. */
  readonly mountFrom?: string;
  /** Breaks off whatever is going on; what is thrown then is its reason. */
  readonly signal?: AbortSignal;
}

/** The value of an `Authorization` header for a user and a password. */
export function basicAuthorization({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

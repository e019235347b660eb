import { readFile } from 'node:fs/promises';
import { SIZE_LIMIT } from '#core/attestation/media-type.ts';
import { AssayError, errorText, systemCode } from '#core/error.ts';
import { publicTrust } from '#core/verify/trust/load-trust.ts';
import { findIdentity, type IdentityOptions } from './identity/identity-source.ts';
import { parseSigningConfig } from './service/signing-config.ts';
import { PUBLIC_SERVICES, servicesFrom, servicesInvalid, type ServiceAddresses, type SigningServices } from './service/signing-services.ts';
import type { KeylessRoute } from './sign-statement.ts';

/** What a person or a cluster says about keyless signing. */
export interface KeylessChoice {
  readonly identity: IdentityOptions;
  readonly services: ServiceAddresses;
  /** Path of a Sigstore signing configuration, instead of addresses. */
  readonly signingConfig?: string;
  /** Path of the trusted root of these services; signatures are verified against it before they are used. */
  readonly trustedRoot?: string;
  /** Allow http to other computers. */
  readonly plainHttp?: boolean;
  readonly timeoutMs?: number;
  /** Breaks signing off. */
  readonly signal?: AbortSignal;
}

/**
 * Everything that keyless signing needs, checked before anything is sent: services, then identity.
 * @throws SIGNING_SERVICES_INVALID, IDENTITY_*, FILE_NOT_FOUND, FILE_UNREADABLE
 */
export async function keylessRoute(choice: KeylessChoice, nowMs: number): Promise<KeylessRoute> {
  const services = await chooseServices(choice, nowMs);
  const trustedRoot = await chooseRoot(choice, services);
  const token = await findIdentity(choice.identity, nowMs);
  return {
    kind: 'keyless',
    token,
    services,
    ...(trustedRoot === undefined ? {} : { trustedRoot }),
    ...(choice.timeoutMs === undefined ? {} : { timeoutMs: choice.timeoutMs }),
    ...(choice.signal === undefined ? {} : { signal: choice.signal }),
  };
}

async function chooseServices({ services, signingConfig, plainHttp = false }: KeylessChoice, nowMs: number): Promise<SigningServices> {
  if (signingConfig === undefined) return servicesFrom(services, { plainHttp });
  const named = Object.values(services).some((address) => address !== undefined);
  if (named)
    throw servicesInvalid('both a signing configuration and addresses are given', 'Give --signing-config alone, or the addresses alone.');
  return parseSigningConfig(await readInput(signingConfig), { nowMs, plainHttp });
}

/** The public services have a public root; others have the one that is given, or none to check with. */
async function chooseRoot({ trustedRoot }: KeylessChoice, services: SigningServices): Promise<Uint8Array | undefined> {
  if (trustedRoot !== undefined) return readInput(trustedRoot);
  if (services !== PUBLIC_SERVICES) return undefined;
  return Buffer.from(JSON.stringify((await publicTrust()).root));
}

async function readInput(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    if (bytes.length <= SIZE_LIMIT.manifest) return bytes;
  } catch (cause) {
    throw new AssayError(
      systemCode(cause) === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE',
      `cannot read ${path}: ${errorText(cause)}`,
      { cause },
    );
  }
  throw new AssayError('FILE_TOO_LARGE', `${path} has more than ${SIZE_LIMIT.manifest} bytes`);
}

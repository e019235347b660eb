import { AssayError } from '#core/error.ts';
import { isSecureUrl } from '#core/http/secure-url.ts';

/** A transparency log and the API it speaks. */
export interface LogService {
  readonly url: URL;
  readonly apiVersion: 1 | 2;
}

/** The services that turn an identity token and a statement into a signature. */
export interface SigningServices {
  readonly fulcio: URL;
  readonly rekor: LogService;
  /** Full addresses of timestamp authorities, each of which stamps; at least one. */
  readonly timestamps: readonly [URL, ...URL[]];
}

/** Services named one by one. */
export interface ServiceAddresses {
  readonly fulcioUrl?: string;
  readonly rekorUrl?: string;
  readonly rekorApiVersion?: 1 | 2;
  readonly tsaUrl?: string;
}

/** The public-good instance: its log still speaks version 1 by default. @source Sigstore root-signing, signing_config.v0.2.json */
export const PUBLIC_SERVICES: SigningServices = {
  fulcio: new URL('https://fulcio.sigstore.dev'),
  rekor: { url: new URL('https://rekor.sigstore.dev'), apiVersion: 1 },
  timestamps: [new URL('https://timestamp.sigstore.dev/api/v1/timestamp')],
};

/** Issuer that people sign in at for the public-good instance. */
export const PUBLIC_OIDC_ISSUER = 'https://oauth2.sigstore.dev/auth';

const TIMESTAMP_PATH = '/api/v1/timestamp';

/**
 * Services from their addresses: all of them, or none for the public-good instance. A mixture is refused, because it would
 * send what a private authority certified to a public log.
 * @param options.plainHttp allow http to other computers
 * @throws SIGNING_SERVICES_INVALID
 */
export function servicesFrom(addresses: ServiceAddresses, options: { readonly plainHttp: boolean }): SigningServices {
  const { fulcioUrl, rekorUrl, rekorApiVersion = 2, tsaUrl } = addresses;
  const given = [fulcioUrl, rekorUrl, tsaUrl].filter((url) => url !== undefined);
  if (given.length === 0) return PUBLIC_SERVICES;
  if (fulcioUrl === undefined || rekorUrl === undefined || tsaUrl === undefined)
    throw servicesInvalid(
      'certificate authority, log and timestamp authority are not all named',
      'Give --fulcio-url, --rekor-url and --tsa-url together, or a --signing-config.',
    );
  return {
    fulcio: serviceUrl(fulcioUrl, options),
    rekor: { url: serviceUrl(rekorUrl, options), apiVersion: rekorApiVersion },
    timestamps: [timestampUrl(tsaUrl, options)],
  };
}

/**
 * A service's address.
 * @throws SIGNING_SERVICES_INVALID when it is no http(s) URL, or would carry secrets in the clear
 */
export function serviceUrl(text: string, { plainHttp }: { readonly plainHttp: boolean }): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw servicesInvalid(`"${text.slice(0, 200)}" is not an http(s) address`);
  if (url.username !== '' || url.password !== '')
    throw servicesInvalid(`the address of ${url.host} holds credentials`, 'Leave user name and password out of service addresses.');
  if (!plainHttp && !isSecureUrl(url))
    throw servicesInvalid(`${url.origin} is not https`, 'Use https, or --plain-http inside a network that you trust.');
  return url;
}

/** The failure of a set of services that cannot be used. */
export function servicesInvalid(problem: string, hint = 'Check --signing-config, --fulcio-url, --rekor-url and --tsa-url.'): AssayError {
  return new AssayError('SIGNING_SERVICES_INVALID', `the signing services cannot be used: ${problem}`, { hint });
}

/** A bare host means the path that Sigstore's timestamp authority serves. */
function timestampUrl(text: string, options: { readonly plainHttp: boolean }): URL {
  const url = serviceUrl(text, options);
  return url.pathname === '/' ? new URL(TIMESTAMP_PATH, url) : url;
}

import { parseStrictJson } from '#core/attestation/strict-json.ts';
import { errorText, isAssayError } from '#core/error.ts';
import { serviceUrl, servicesInvalid, type LogService, type SigningServices } from './signing-services.ts';

const MEDIA_TYPE = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
const MAX_BYTES = 1 << 20;
const API_VERSIONS = { fulcio: [1], rekor: [1, 2], timestamp: [1] } as const;

/** When and how a configuration is read. */
export interface ConfigReading {
  readonly nowMs: number;
  /** Allow http to other computers. */
  readonly plainHttp: boolean;
}

/** What a configuration names besides the services: where people sign in. */
export interface ConfiguredServices extends SigningServices {
  readonly oidcIssuer?: string;
}

interface Service {
  readonly url: string;
  readonly majorApiVersion: number;
}

/**
 * Services from a Sigstore signing configuration: of each kind the first listed one that is valid now and speaks an API
 * that we speak; timestamp authorities as many as its selector asks for.
 * @param bytes exact bytes of the JSON document
 * @throws SIGNING_SERVICES_INVALID
 * @source sigstore protobuf-specs, message SigningConfig
 */
export function parseSigningConfig(bytes: Uint8Array, reading: ConfigReading): ConfiguredServices {
  const config = parseConfig(bytes);
  const [fulcio] = usable(config['caUrls'], API_VERSIONS.fulcio, reading);
  const [rekor] = usable(config['rekorTlogUrls'], API_VERSIONS.rekor, reading);
  const stamps = selected(usable(config['tsaUrls'], API_VERSIONS.timestamp, reading), config['tsaConfig']);
  const [oidc] = usable(config['oidcUrls'], [1], reading);
  if (fulcio === undefined || rekor === undefined || stamps[0] === undefined)
    throw servicesInvalid('the signing configuration has no certificate authority, log and timestamp authority that are all valid now');
  return {
    fulcio: serviceUrl(fulcio.url, reading),
    rekor: { url: serviceUrl(rekor.url, reading), apiVersion: rekor.majorApiVersion as LogService['apiVersion'] },
    timestamps: stamps.map((stamp) => serviceUrl(stamp.url, reading)) as [URL, ...URL[]],
    ...(oidc === undefined ? {} : { oidcIssuer: oidc.url }),
  };
}

function parseConfig(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  if (bytes.length > MAX_BYTES) throw servicesInvalid(`the signing configuration has ${bytes.length} bytes, the limit is ${MAX_BYTES}`);
  const value = parseDocument(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw servicesInvalid('the signing configuration is not a JSON object');
  const config = value as Record<string, unknown>;
  if (config['mediaType'] !== MEDIA_TYPE)
    throw servicesInvalid(`the signing configuration has the media type ${JSON.stringify(config['mediaType'])}, not ${MEDIA_TYPE}`);
  return config;
}

function parseDocument(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes, 'the signing configuration');
  } catch (error) {
    throw isAssayError(error) ? servicesInvalid(errorText(error)) : error;
  }
}

function usable(list: unknown, versions: readonly number[], { nowMs }: ConfigReading): readonly Service[] {
  if (!Array.isArray(list)) return [];
  return (list as readonly unknown[]).filter(
    (entry): entry is Service => isService(entry) && versions.includes(entry.majorApiVersion) && isValidAt(entry, nowMs),
  );
}

function isService(entry: unknown): entry is Service & { validFor?: { start?: unknown; end?: unknown } } {
  return (
    typeof entry === 'object' &&
    entry !== null &&
    'url' in entry &&
    typeof entry.url === 'string' &&
    'majorApiVersion' in entry &&
    typeof entry.majorApiVersion === 'number'
  );
}

function isValidAt(service: Service & { validFor?: { start?: unknown; end?: unknown } }, nowMs: number): boolean {
  const { start, end } = service.validFor ?? {};
  const startMs = Date.parse(String(start));
  const endMs = end === undefined ? Infinity : Date.parse(String(end));
  return startMs <= nowMs && nowMs <= endMs;
}

function selected(services: readonly Service[], config: unknown): readonly Service[] {
  const { selector, count } = (config ?? {}) as { selector?: unknown; count?: unknown };
  if (selector === 'ALL') return services;
  const wanted = selector === 'EXACT' ? Number(count) : 1;
  if (!Number.isInteger(wanted) || services.length < wanted)
    throw servicesInvalid(`the signing configuration asks for ${String(count)} timestamp authorities and names ${services.length}`);
  return services.slice(0, wanted);
}

import { describe, expect, it } from 'vitest';
import { parseSigningConfig } from '#core/sign/service/signing-config.ts';
import { PUBLIC_SERVICES, servicesFrom, type ServiceAddresses } from '#core/sign/service/signing-services.ts';

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const reading = { nowMs: NOW_MS, plainHttp: false };
const valid = { start: '2026-01-01T00:00:00Z' };
const service = (url: string, majorApiVersion = 1, validFor: object = valid) => ({ url, majorApiVersion, validFor, operator: 'test' });
const config = {
  mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
  caUrls: [service('https://fulcio.test')],
  oidcUrls: [service('https://oidc.test')],
  rekorTlogUrls: [service('https://rekor.test', 2)],
  rekorTlogConfig: { selector: 'ANY' },
  tsaUrls: [service('https://tsa.test/api/v1/timestamp'), service('https://tsa2.test/api/v1/timestamp')],
  tsaConfig: { selector: 'ANY' },
};

function parse(changes: Record<string, unknown> = {}): ReturnType<typeof parseSigningConfig> {
  return parseSigningConfig(Buffer.from(JSON.stringify({ ...config, ...changes })), reading);
}

describe('a signing configuration', () => {
  it('names the services that sign', () => {
    expect(parse()).toEqual({
      fulcio: new URL('https://fulcio.test'),
      rekor: { url: new URL('https://rekor.test'), apiVersion: 2 },
      timestamps: [new URL('https://tsa.test/api/v1/timestamp')],
      oidcIssuer: 'https://oidc.test',
    });
  });

  it.each([
    [
      'in use from tomorrow',
      [service('https://next.test', 2, { start: '2026-11-22T00:00:00Z' }), service('https://now.test', 1)],
      'https://now.test/',
    ],
    [
      'in use until yesterday',
      [service('https://old.test', 2, { ...valid, end: '2026-11-20T00:00:00Z' }), service('https://now.test', 1)],
      'https://now.test/',
    ],
    ['of a version that nobody speaks yet', [service('https://v3.test', 3), service('https://now.test', 2)], 'https://now.test/'],
    ['without a time', [{ url: 'https://timeless.test', majorApiVersion: 2 }, service('https://now.test', 2)], 'https://now.test/'],
  ])('passes over a log %s', (_, rekorTlogUrls, url) => {
    expect(parse({ rekorTlogUrls }).rekor.url.href).toBe(url);
  });

  it.each([
    ['ALL', undefined, 2],
    ['EXACT', 2, 2],
    ['EXACT', 1, 1],
  ])('asks for timestamps by its selector %s %s', (selector, count, stamps) => {
    expect(parse({ tsaConfig: { selector, count } }).timestamps).toHaveLength(stamps);
  });

  it.each([
    ['another media type', { mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.1+json' }],
    ['no certificate authority', { caUrls: [] }],
    ['no log', { rekorTlogUrls: undefined }],
    ['no timestamp authority', { tsaUrls: [] }],
    ['fewer timestamp authorities than it asks for', { tsaConfig: { selector: 'EXACT', count: 3 } }],
    ['a service over plain http', { caUrls: [service('http://fulcio.test')] }],
    ['a service that is no URL', { caUrls: [service('fulcio')] }],
    ['a service with credentials in its address', { caUrls: [service('https://user:secret@fulcio.test')] }],
    ['a list of texts', { caUrls: ['https://fulcio.test'] }],
  ])('is refused with %s', (_, changes) => {
    expect(() => parse(changes)).toThrow(
      expect.objectContaining({ code: 'SIGNING_SERVICES_INVALID', exit: 3, message: expect.not.stringContaining('secret') as string }),
    );
  });

  it.each([['not json'], ['[]'], ['{"mediaType":1,"mediaType":2}']])('is refused when it is %s', (text) => {
    expect(() => parseSigningConfig(Buffer.from(text), reading)).toThrow(expect.objectContaining({ code: 'SIGNING_SERVICES_INVALID' }));
  });
});

describe('services by address', () => {
  const all = { fulcioUrl: 'https://fulcio.test', rekorUrl: 'https://rekor.test/', tsaUrl: 'https://tsa.test' };

  it('are the public ones when none is named', () => {
    expect(servicesFrom({}, { plainHttp: false })).toBe(PUBLIC_SERVICES);
  });

  it('take the usual path of a timestamp authority', () => {
    expect(servicesFrom(all, { plainHttp: false })).toEqual({
      fulcio: new URL('https://fulcio.test'),
      rekor: { url: new URL('https://rekor.test'), apiVersion: 2 },
      timestamps: [new URL('https://tsa.test/api/v1/timestamp')],
    });
  });

  it.each<[string, ServiceAddresses]>([
    ['only a certificate authority', { fulcioUrl: all.fulcioUrl }],
    ['no timestamp authority', { fulcioUrl: all.fulcioUrl, rekorUrl: all.rekorUrl }],
    ['no log', { fulcioUrl: all.fulcioUrl, tsaUrl: all.tsaUrl }],
    ['a service over plain http', { ...all, rekorUrl: 'http://rekor.test' }],
    ['a file', { ...all, rekorUrl: 'file:///etc/passwd' }],
  ])('are refused with %s, so that nothing private reaches a public log', (_, addresses) => {
    expect(() => servicesFrom(addresses, { plainHttp: false })).toThrow(expect.objectContaining({ code: 'SIGNING_SERVICES_INVALID' }));
  });

  it('may speak plain http on this computer, and elsewhere when told so', () => {
    expect(servicesFrom({ ...all, rekorUrl: 'http://127.0.0.1:1' }, { plainHttp: false }).rekor.url.port).toBe('1');
    expect(servicesFrom({ ...all, rekorUrl: 'http://rekor.svc' }, { plainHttp: true }).rekor.url.host).toBe('rekor.svc');
  });
});

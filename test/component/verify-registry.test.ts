import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { FindingCode } from '#core/verify/finding.ts';
import type { VerifyOptions } from '#core/verify/verify-options.ts';
import { honestEvidence, scratch, signEvidence, type SignedFixture } from '../fixture/verify/evidence.ts';
import { outcomeOf, type Outcome } from '../fixture/verify/outcome.ts';
import { startRegistry, type Interference, type TestRegistry } from '../fixture/verify/registry.ts';

let signed: SignedFixture;

beforeAll(async () => {
  signed = await signEvidence(honestEvidence());
});

/** One attempt and short patience: what a hostile registry does is not worth repeating. */
const IMPATIENT: NonNullable<VerifyOptions['registry']> = { retries: 0, timeoutMs: 400 };

async function against(interfere: Interference, options: VerifyOptions = {}, input?: (registry: TestRegistry) => string): Promise<Outcome> {
  await using registry = await startRegistry(signed);
  registry.interfere = interfere;
  return await outcomeOf(input?.(registry) ?? registry.reference, { trustedRoot: signed.trustedRoot, registry: IMPATIENT, ...options });
}

const on =
  (part: string, act: (response: ServerResponse, url: string) => void): Interference =>
  (request, response) => {
    const url = request.url ?? '';
    if (!url.includes(part)) return false;
    act(response, url);
    return true;
  };
const redirect =
  (to: string): ((response: ServerResponse) => void) =>
  (response) =>
    void response.writeHead(307, { location: to }).end();
const status =
  (code: number): ((response: ServerResponse) => void) =>
  (response) =>
    void response.writeHead(code).end();
const challenge =
  (header: string): ((response: ServerResponse) => void) =>
  (response) =>
    void response.writeHead(401, { 'www-authenticate': header }).end();
const body =
  (bytes: string | Uint8Array, type = 'application/vnd.oci.image.manifest.v1+json'): ((response: ServerResponse) => void) =>
  (response) =>
    void response.writeHead(200, { 'content-type': type }).end(bytes);

describe('an honest registry', () => {
  it('gives a valid verdict by digest, with the signature found among the referrers', async () => {
    await using registry = await startRegistry(signed);

    expect(await outcomeOf(registry.reference, { trustedRoot: signed.trustedRoot, requireSignature: true })).toEqual({
      exit: 0,
      step: undefined,
      codes: [],
    });
    expect(registry.requests.filter((line) => line.includes('/referrers/')).length).toBe(1);
  });

  it('is found through a pointer and asked for the digest, whatever the tag says', async () => {
    await using registry = await startRegistry(signed);
    using directory = scratch();
    const pointer = join(directory.path, 'p.yaml');
    writeFileSync(pointer, pointerTo(`${registry.host}/team/evidence:elsewhere`, registry.digest));

    expect((await outcomeOf(pointer, { trustedRoot: signed.trustedRoot })).exit).toBe(0);
    expect(registry.requests.some((line) => line.includes('elsewhere'))).toBe(false);
  });

  it('is followed by tag only when the caller accepts that tags move', async () => {
    const tag = (registry: TestRegistry): string => `oci://${registry.host}/team/evidence:v1`;

    expect(await against(() => false, {}, tag)).toEqual({ exit: 2, step: 'materialize', codes: ['TAG_ONLY'] });
    expect((await against(() => false, { allowUnpinnedTag: true }, tag)).exit).toBe(0);
  });

  it('is not called at all offline', async () => {
    await using registry = await startRegistry(signed);

    expect(await outcomeOf(registry.reference, { trustedRoot: signed.trustedRoot, offline: true })).toEqual({
      exit: 3,
      step: 'materialize',
      codes: ['OFFLINE_INPUT'],
    });
    expect(registry.requests).toEqual([]);
  });

  it('without referrers support is asked for the fallback tag, and no signature there is a pending one', async () => {
    expect(await against(on('/referrers/', status(404)))).toEqual({ exit: 1, step: undefined, codes: [] });
    expect((await against(on('/referrers/', status(404)), { requireSignature: true })).codes).toEqual(['SIGNATURE_REQUIRED']);
  });

  it('may send us to another port of this computer for blobs', async () => {
    await using store = await startRegistry(signed);

    expect((await against(on('/blobs/', (response, url) => redirect(`http://${store.host}${url}`)(response)))).exit).toBe(0);
  });
});

const HUGE = Buffer.alloc(5 << 20, 0x20);

const CASES: readonly (readonly [string, 2 | 3, FindingCode, Interference])[] = [
  [
    'redirects a manifest to a metadata service',
    2,
    'ADDRESS_REFUSED',
    on('/manifests/', redirect('http://169.254.169.254/latest/meta-data/')),
  ],
  ['redirects a blob to a metadata service', 2, 'ADDRESS_REFUSED', on('/blobs/', redirect('http://169.254.169.254/latest/meta-data/'))],
  ['redirects a blob to a metadata service in IPv6', 2, 'ADDRESS_REFUSED', on('/blobs/', redirect('http://[fd00:ec2::254]/latest'))],
  ['redirects a blob into a private network', 2, 'ADDRESS_REFUSED', on('/blobs/', redirect('http://10.0.0.1:8080/admin'))],
  ['redirects a blob to every interface', 2, 'ADDRESS_REFUSED', on('/blobs/', redirect('http://0.0.0.0:1/'))],
  ['redirects a blob to an address written as a number', 2, 'ADDRESS_REFUSED', on('/blobs/', redirect('http://2852039166/'))],
  ['redirects a blob to a file', 3, 'REGISTRY_UNAVAILABLE', on('/blobs/', redirect('file:///etc/passwd'))],
  ['redirects a blob to a data URL', 3, 'REGISTRY_UNAVAILABLE', on('/blobs/', redirect('data:text/plain,x'))],
  ['redirects in a circle', 3, 'REGISTRY_UNAVAILABLE', on('/manifests/', (response, url) => redirect(url)(response))],
  [
    'asks for a token at a metadata service',
    2,
    'ADDRESS_REFUSED',
    on('/', challenge('Bearer realm="https://169.254.169.254/token",service="x"')),
  ],
  ['asks for a token in a private network', 2, 'ADDRESS_REFUSED', on('/', challenge('Bearer realm="https://10.1.2.3/token",service="x"'))],
  [
    'asks for a token over plain http elsewhere',
    3,
    'REGISTRY_UNAVAILABLE',
    on('/', challenge('Bearer realm="http://registry.example/token",service="x"')),
  ],
  ['asks for a token at a file', 3, 'REGISTRY_UNAVAILABLE', on('/', challenge('Bearer realm="file:///etc/shadow"'))],
  ['asks for a token nowhere', 3, 'REGISTRY_UNAVAILABLE', on('/', challenge('Bearer service="x"'))],
  ['asks for a password', 3, 'REGISTRY_REFUSED', on('/', challenge('Basic realm="x"'))],
  ['asks for something unknown', 3, 'REGISTRY_REFUSED', on('/', challenge('Negotiate'))],
  ['forbids', 3, 'REGISTRY_REFUSED', on('/manifests/', status(403))],
  ['does not know the artifact', 2, 'ARTIFACT_NOT_FOUND', on('/manifests/', status(404))],
  ['does not have a blob', 2, 'ARTIFACT_NOT_FOUND', on('/blobs/', status(404))],
  ['fails', 3, 'REGISTRY_UNAVAILABLE', on('/manifests/', status(500))],
  ['is tired', 3, 'REGISTRY_UNAVAILABLE', on('/manifests/', status(429))],
  ['fails to list referrers', 3, 'REGISTRY_UNAVAILABLE', on('/referrers/', status(500))],
  ['forbids to list referrers', 3, 'REGISTRY_REFUSED', on('/referrers/', status(403))],
  ['hangs', 3, 'REGISTRY_UNAVAILABLE', on('/manifests/', () => undefined)],
  [
    'hangs in the middle of a blob',
    3,
    'REGISTRY_UNAVAILABLE',
    on('/blobs/', (response) => void response.writeHead(200, { 'content-length': '100' }).write('x')),
  ],
  ['cuts the connection', 3, 'REGISTRY_UNAVAILABLE', on('/manifests/', (response) => void response.destroy())],
  ['gives another manifest', 2, 'DIGEST_MISMATCH', on('/manifests/', body('{"schemaVersion":2}'))],
  ['gives a page instead of a manifest', 2, 'DIGEST_MISMATCH', on('/manifests/', body('<html>captive portal</html>', 'text/html'))],
  ['gives five megabytes as a manifest', 2, 'ARTIFACT_INVALID', on('/manifests/', body(HUGE))],
  ['gives an empty blob', 2, 'DIGEST_MISMATCH', on('/blobs/', body('', 'application/octet-stream'))],
  ['gives another blob', 2, 'DIGEST_MISMATCH', on('/blobs/', body('x', 'application/octet-stream'))],
  ['gives more than a blob', 2, 'DIGEST_MISMATCH', on('/blobs/', body(HUGE, 'application/octet-stream'))],
  ['lists referrers that are no JSON', 2, 'ARTIFACT_INVALID', on('/referrers/', body('[', 'application/vnd.oci.image.index.v1+json'))],
  [
    'lists referrers without end',
    3,
    'REGISTRY_UNAVAILABLE',
    on(
      '/referrers/',
      (response, url) =>
        void response
          .writeHead(200, {
            'content-type': 'application/vnd.oci.image.index.v1+json',
            link: `<${url.split('?')[0] ?? ''}?n=${Math.random()}>; rel="next"`,
          })
          .end('{"schemaVersion":2,"manifests":[]}'),
    ),
  ],
  [
    'continues the list of referrers elsewhere',
    3,
    'REGISTRY_UNAVAILABLE',
    on(
      '/referrers/',
      (response) =>
        void response
          .writeHead(200, { 'content-type': 'application/vnd.oci.image.index.v1+json', link: '<http://169.254.169.254/>; rel="next"' })
          .end('{"schemaVersion":2,"manifests":[]}'),
    ),
  ],
];

describe('a registry', () => {
  it.each(CASES)('that %s ends with %i: %s', async (_name, exit, code, interfere) => {
    expect(await against(interfere)).toEqual({ exit, step: 'materialize', codes: [code] });
  });

  it('that lists ten thousand referrers is asked for a bounded number of them', async () => {
    const manifests = Array.from({ length: 9000 }, (_, index) => ({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: `sha256:${index.toString(16).padStart(64, '0')}`,
      size: 10,
    }));
    await using registry = await startRegistry(signed);
    registry.interfere = on(
      '/referrers/',
      body(JSON.stringify({ schemaVersion: 2, manifests }), 'application/vnd.oci.image.index.v1+json'),
    );

    const outcome = await outcomeOf(registry.reference, { trustedRoot: signed.trustedRoot, registry: IMPATIENT });

    expect([outcome, registry.requests.length < 100]).toEqual([{ exit: 2, step: 'materialize', codes: ['LIMIT_EXCEEDED'] }, true]);
  });

  it('that nobody runs leaves the verdict open', async () => {
    expect(await outcomeOf(`127.0.0.1:1/team/evidence@sha256:${'a'.repeat(64)}`, { registry: IMPATIENT })).toEqual({
      exit: 3,
      step: 'materialize',
      codes: ['REGISTRY_UNAVAILABLE'],
    });
  });
});

describe('a pointer of a stranger', () => {
  it.each([
    '169.254.169.254/latest/meta-data:v1',
    '[fd00:ec2::254]/x:v1',
    '10.0.0.1:8080/admin:v1',
    '192.168.0.1/router:v1',
    '0.0.0.0:2375/containers:v1',
    '[::ffff:169.254.169.254]/x:v1',
  ])('to %s sends us nowhere', async (oci) => {
    using directory = scratch();
    const pointer = join(directory.path, 'p.yaml');
    writeFileSync(pointer, pointerTo(oci, `sha256:${'a'.repeat(64)}`));

    expect(await outcomeOf(pointer, { registry: IMPATIENT })).toEqual({
      exit: 2,
      step: 'materialize',
      codes: [expect.stringMatching(/^(?:ADDRESS_REFUSED|POINTER_INVALID)$/)],
    });
  });

  it('that claims a signer is invalid when the registry hides the signature', async () => {
    await using registry = await startRegistry(signed);
    registry.interfere = on('/referrers/', body('{"schemaVersion":2,"manifests":[]}', 'application/vnd.oci.image.index.v1+json'));
    using directory = scratch();
    const pointer = join(directory.path, 'p.yaml');
    writeFileSync(pointer, pointerTo(`${registry.host}/team/evidence:v1`, registry.digest));

    expect(await outcomeOf(pointer, { trustedRoot: signed.trustedRoot, registry: IMPATIENT })).toEqual({
      exit: 2,
      step: 'signature',
      codes: ['SIGNATURE_MISSING'],
    });
  });
});

function pointerTo(oci: string, digest: string): string {
  const signer = '{identity: "https://lab.assay.invalid/local/tester@bench-1", issuer: "https://lab.assay.invalid"}';
  return `attestations:\n  - bundle: {digest: "${digest}", oci: "${oci}", predicateType: "https://aicr.run/recipe-evidence/v1"}\n    signer: ${signer}\nrecipe: h100-eks-ubuntu-training\nschemaVersion: 1.0.0\n`;
}

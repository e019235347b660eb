import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startChild, untilReady, type Child } from './child.ts';
import { startOidcIssuer, type OidcIssuer } from './oidc-issuer.ts';
import { startRekorV1, type RekorV1 } from './rekor-v1.ts';
import { startSctIssuer, type SctIssuer } from './sct-issuer.ts';
import { localSigningConfig, localTrustedRoot } from './trust.ts';

/** Real signing services and registries on loopback, for one test file. */
export interface Stack {
  readonly oidc: OidcIssuer;
  readonly fulcioUrl: string;
  readonly rekorUrl: string;
  readonly rekorV1: RekorV1;
  readonly tsaUrl: string;
  /** `127.0.0.1:port`; serves the referrers API, reports the config's type as artifact type. */
  readonly registry: string;
  /** `127.0.0.1:port`; the CNCF registry, which has no referrers API. */
  readonly plainRegistry: string;
  /** JSON of the trusted root of all of them. */
  readonly trustedRoot: Uint8Array;
  /** JSON of a signing configuration. */
  readonly signingConfig: Uint8Array;
  readonly stop: () => Promise<void>;
}

const ORIGIN = 'rekor.local';

/** A free port may be taken by somebody else before its program is up. */
const ATTEMPTS = 3;

/** A Kubernetes cluster whose service accounts Fulcio gives certificates to. */
export interface TrustedCluster {
  /** The `iss` claim, and where the keys are fetched. */
  readonly issuer: string;
  /** PEM of the authority that the issuer's own certificate comes from. */
  readonly ca: string;
}

/** Starts everything; takes well under a second. Stop it, or its programs outlive the test. */
export async function startStack(clusters: readonly TrustedCluster[] = []): Promise<Stack> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(clusters);
    } catch (error) {
      if (attempt >= ATTEMPTS) throw error;
    }
  }
}

async function startOnce(clusters: readonly TrustedCluster[]): Promise<Stack> {
  const state = await mkdtemp(join(tmpdir(), 'assay-services-'));
  const [oidc, ct, rekorV1] = await Promise.all([startOidcIssuer(), startSctIssuer(), startRekorV1()]);
  const children: Child[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all([...children.map((child) => child.stop()), oidc.close(), ct.close(), rekorV1.close()]);
    await rm(state, { recursive: true, force: true });
  };
  try {
    const [rekor, tsaUrl, registry, plainRegistry, fulcioUrl] = await Promise.all([
      startRekor(state, children),
      startTimestampAuthority(children),
      startRegistry(children),
      startDistribution(state, children),
      startFulcio(state, children, { oidc, ct, clusters }),
    ]);
    const root = await localTrustedRoot({
      fulcioUrl,
      tsaUrl,
      rekor: { baseUrl: `https://${ORIGIN}`, origin: ORIGIN, spki: rekor.spki },
      rekorV1: { baseUrl: `https://${rekorV1.host}`, spki: rekorV1.spki },
      ct: { baseUrl: ct.url, spki: ct.spki },
    });
    const config = localSigningConfig({ fulcioUrl, tsaUrl, rekorUrl: rekor.url, rekorApiVersion: 2, oidcUrl: `${oidc.url}/email` });
    const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value, null, 2));
    return {
      oidc,
      fulcioUrl,
      rekorUrl: rekor.url,
      rekorV1,
      tsaUrl,
      registry,
      plainRegistry,
      trustedRoot: json(root),
      signingConfig: json(config),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface FulcioNeeds {
  readonly oidc: OidcIssuer;
  readonly ct: SctIssuer;
  readonly clusters: readonly TrustedCluster[];
}

async function startFulcio(state: string, children: Child[], { oidc, ct, clusters }: FulcioNeeds): Promise<string> {
  const [http, grpc, metrics] = [await freePort(), await freePort(), await freePort()];
  const config = join(state, 'fulcio.yaml');
  await writeFile(config, fulcioConfig(oidc.url, clusters));
  const child = startChild('fulcio', [
    'serve',
    '--ca=ephemeralca',
    '--host=127.0.0.1',
    `--port=${http}`,
    '--grpc-host=127.0.0.1',
    `--grpc-port=${grpc}`,
    `--metrics-port=${metrics}`,
    `--config-path=${config}`,
    `--ct-log-url=${ct.url}`,
    `--legacy-unix-domain-socket=${join(state, 'fulcio.sock')}`,
    '--log_type=prod',
  ]);
  children.push(child);
  const url = `http://127.0.0.1:${http}`;
  await untilReady(child, `${url}/healthz`);
  return url;
}

function fulcioConfig(base: string, clusters: readonly TrustedCluster[]): string {
  const trusted = clusters.map(
    ({ issuer, ca }) =>
      `  ${issuer}:\n    issuer-url: ${issuer}\n    client-id: sigstore\n    type: kubernetes\n    ca-cert: |\n${ca.trim().replace(/^/gm, '      ')}\n`,
  );
  const issuer = (path: string, fields: string): string =>
    `  ${base}${path}:\n    issuer-url: ${base}${path}\n    client-id: sigstore\n${fields}`;
  return `oidc-issuers:
${issuer('/k8s', '    type: kubernetes\n')}${issuer('/email', '    type: email\n')}${issuer('/uri', `    type: uri\n    subject-domain: ${base}\n`)}${issuer('/gha', '    type: ci-provider\n    ci-provider: github-workflow\n')}${trusted.join('')}ci-issuer-metadata:
  github-workflow:
    default-template-values:
      url: "https://github.com"
    extension-templates:
      github-workflow-trigger: "event_name"
      build-signer-uri: "{{ .url }}/{{ .job_workflow_ref }}"
      source-repository-uri: "{{ .url }}/{{ .repository }}"
    subject-alternative-name-template: "{{ .url }}/{{ .job_workflow_ref }}"
`;
}

async function startRekor(state: string, children: Child[]): Promise<{ url: string; spki: Buffer }> {
  const [http, grpc, metrics] = [await freePort(), await freePort(), await freePort()];
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  await writeFile(join(state, 'rekor.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  await mkdir(join(state, 'rekor'));
  const child = startChild('rekor', [
    'serve',
    '--http-address=127.0.0.1',
    `--http-port=${http}`,
    '--grpc-address=127.0.0.1',
    `--grpc-port=${grpc}`,
    `--http-metrics-port=${metrics}`,
    `--hostname=${ORIGIN}`,
    `--storage-dir=${join(state, 'rekor')}`,
    `--signer-filepath=${join(state, 'rekor.pem')}`,
    '--checkpoint-interval=100ms',
    '--batch-max-age=10ms',
    '--persistent-antispam=false',
    '--log-level=error',
  ]);
  children.push(child);
  const url = `http://127.0.0.1:${http}`;
  await untilReady(child, `${url}/healthz`);
  return { url, spki: publicKey.export({ format: 'der', type: 'spki' }) };
}

async function startTimestampAuthority(children: Child[]): Promise<string> {
  const port = await freePort();
  const child = startChild('timestamp', ['-port', String(port)]);
  children.push(child);
  await untilReady(child, `http://127.0.0.1:${port}/ping`);
  return `http://127.0.0.1:${port}`;
}

/** The registry with a referrers API. @param user `name:password` that it asks for @returns `127.0.0.1:port` */
export async function startRegistry(children: Child[], user = ''): Promise<string> {
  const child = startChild('registry', ['-user', user]);
  children.push(child);
  return child.firstLine;
}

/** The CNCF registry. @param auth further configuration, for token authentication */
export async function startDistribution(state: string, children: Child[], auth = ''): Promise<string> {
  const port = await freePort();
  const config = join(state, `distribution-${port}.yaml`);
  const storage = 'storage:\n  inmemory: {}\n  delete:\n    enabled: true\n';
  await writeFile(config, `version: 0.1\nlog:\n  level: error\n${storage}http:\n  addr: 127.0.0.1:${port}\n${auth}`);
  const child = startChild('distribution', ['serve', config], { OTEL_TRACES_EXPORTER: 'none' });
  children.push(child);
  await untilReady(child, `http://127.0.0.1:${port}/`);
  return `127.0.0.1:${port}`;
}

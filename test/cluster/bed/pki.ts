import { existsSync, statSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from './call.ts';
import { CLUSTER_ISSUER, network, nodeAddress } from './network.ts';
import { place } from './place.ts';

const DAYS = 30;
const RENEW_MS = 20 * 86_400_000;
const CLUSTER = 'assay-bed';

/** A client of the API server: file name, and what RBAC knows it by. */
interface Identity {
  readonly name: string;
  readonly subject: string;
  /** Names that it serves under, in openssl's form. */
  readonly served?: string;
}

const ADMIN: Identity = { name: 'admin', subject: '/O=system:masters/CN=admin' };
const CLIENTS: readonly Identity[] = [
  ADMIN,
  { name: 'apiserver-kubelet', subject: '/O=system:masters/CN=apiserver-kubelet' },
  { name: 'controllers', subject: '/CN=system:kube-controller-manager' },
  { name: 'scheduler', subject: '/CN=system:kube-scheduler' },
  { name: 'proxy', subject: '/CN=system:kube-proxy' },
];

/** Path of a file of the bed's keys and certificates. */
export function keyFile(name: string): string {
  return join(place.keys, name);
}

/** Makes the bed's authority and all certificates, unless they are there and young. @param nodes number of nodes */
export async function makeKeys(nodes: number): Promise<void> {
  const done = keyFile(`made-for-${nodes}`);
  if (existsSync(done) && Date.now() - statSync(done).mtimeMs < RENEW_MS) return;
  const kubelets = Array.from({ length: nodes }, (_, index) => kubelet(index + 1));
  await makeAuthority(place.keys, [...CLIENTS, apiServer([network.controlPlane, network.apiService, '127.0.0.1']), ...kubelets]);
  await writeFile(done, '');
}

/** Makes an authority with an administrator for an API server on loopback, and the administrator's kubeconfig. */
export async function makeLightKeys(
  folder: string,
  { kubeconfig, server }: { readonly kubeconfig: string; readonly server: string },
): Promise<void> {
  await makeAuthority(folder, [ADMIN, apiServer(['127.0.0.1'])]);
  await writeFile(kubeconfig, kubeconfigText({ folder, identity: ADMIN.name, server }), { mode: 0o600 });
}

/** Writes a kubeconfig of one identity of the bed. */
export async function writeKubeconfig(file: string, identity: string): Promise<void> {
  await writeFile(file, kubeconfigText({ folder: place.keys, identity, server: CLUSTER_ISSUER }), { mode: 0o600 });
}

async function makeAuthority(folder: string, identities: readonly Identity[]): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const [key, accounts] = [join(folder, 'ca.key'), join(folder, 'accounts.key')];
  await newKey(key);
  await openssl(['req', '-x509', '-new', '-key', key, '-subj', `/CN=${CLUSTER}-ca`, '-days', String(DAYS), '-out', join(folder, 'ca.crt')]);
  // RS256 is what every verifier of OpenID Connect tokens knows.
  await openssl(['genrsa', '-out', accounts, '2048']);
  await openssl(['rsa', '-in', accounts, '-pubout', '-out', join(folder, 'accounts.pub')]);
  for (const identity of identities) await issue(folder, identity);
}

function apiServer(addresses: readonly string[]): Identity {
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${network.domain}`, 'localhost'];
  return {
    name: 'apiserver',
    subject: '/CN=kube-apiserver',
    served: [...addresses.map((ip) => `IP:${ip}`), ...names.map((name) => `DNS:${name}`)].join(','),
  };
}

function kubelet(index: number): Identity {
  const name = `node-${index}`;
  return { name, subject: `/O=system:nodes/CN=system:node:${name}`, served: `IP:${nodeAddress(index)},DNS:${name}` };
}

async function newKey(file: string): Promise<void> {
  await openssl(['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', file]);
}

async function issue(folder: string, { name, subject, served }: Identity): Promise<void> {
  const file = (suffix: string): string => join(folder, `${name}.${suffix}`);
  const lines = ['basicConstraints=CA:FALSE', 'keyUsage=digitalSignature', 'extendedKeyUsage=serverAuth,clientAuth'];
  if (served !== undefined) lines.push(`subjectAltName=${served}`);
  await newKey(file('key'));
  await openssl(['req', '-new', '-key', file('key'), '-subj', subject, '-out', file('csr')]);
  await writeFile(file('ext'), `${lines.join('\n')}\n`);
  const ca = ['-CA', join(folder, 'ca.crt'), '-CAkey', join(folder, 'ca.key'), '-CAcreateserial', '-days', String(DAYS)];
  await openssl(['x509', '-req', '-in', file('csr'), ...ca, '-extfile', file('ext'), '-out', file('crt')]);
  await Promise.all([rm(file('csr')), rm(file('ext'))]);
}

async function openssl(args: readonly string[]): Promise<void> {
  await call('openssl', args);
}

function kubeconfigText({
  folder,
  identity,
  server,
}: {
  readonly folder: string;
  readonly identity: string;
  readonly server: string;
}): string {
  const file = (name: string): string => join(folder, name);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: CLUSTER, cluster: { server, 'certificate-authority': file('ca.crt') } }],
    users: [{ name: identity, user: { 'client-certificate': file(`${identity}.crt`), 'client-key': file(`${identity}.key`) } }],
    contexts: [{ name: CLUSTER, context: { cluster: CLUSTER, user: identity } }],
    'current-context': CLUSTER,
  };
  return JSON.stringify(config, null, 2);
}

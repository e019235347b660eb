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

const CLIENTS: readonly Identity[] = [
  { name: 'admin', subject: '/O=system:masters/CN=admin' },
  { name: 'apiserver-kubelet', subject: '/O=system:masters/CN=apiserver-kubelet' },
  { name: 'controllers', subject: '/CN=system:kube-controller-manager' },
  { name: 'scheduler', subject: '/CN=system:kube-scheduler' },
  { name: 'proxy', subject: '/CN=system:kube-proxy' },
];

/** Path of a file of the cluster's keys and certificates. */
export function keyFile(name: string): string {
  return join(place.keys, name);
}

/** Makes the cluster's authority and all certificates, unless they are there and young. @param nodes number of nodes */
export async function makeKeys(nodes: number): Promise<void> {
  const done = keyFile(`made-for-${nodes}`);
  if (existsSync(done) && Date.now() - statSync(done).mtimeMs < RENEW_MS) return;
  await rm(place.keys, { recursive: true, force: true });
  await mkdir(place.keys, { recursive: true, mode: 0o700 });
  await newKey('ca');
  await openssl([
    'req',
    '-x509',
    '-new',
    '-key',
    keyFile('ca.key'),
    '-subj',
    `/CN=${CLUSTER}-ca`,
    '-days',
    String(DAYS),
    '-out',
    keyFile('ca.crt'),
  ]);
  // RS256 is what every verifier of OpenID Connect tokens knows.
  await openssl(['genrsa', '-out', keyFile('accounts.key'), '2048']);
  await openssl(['rsa', '-in', keyFile('accounts.key'), '-pubout', '-out', keyFile('accounts.pub')]);
  for (const identity of [...CLIENTS, apiServer(), ...Array.from({ length: nodes }, (_, index) => kubelet(index + 1))])
    await issue(identity);
  await writeFile(done, '');
}

function apiServer(): Identity {
  const inside = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${network.domain}`, 'localhost'];
  const addresses = [network.controlPlane, network.apiService, '127.0.0.1'];
  return {
    name: 'apiserver',
    subject: '/CN=kube-apiserver',
    served: [...addresses.map((ip) => `IP:${ip}`), ...inside.map((name) => `DNS:${name}`)].join(','),
  };
}

function kubelet(index: number): Identity {
  const name = `node-${index}`;
  return { name, subject: `/O=system:nodes/CN=system:node:${name}`, served: `IP:${nodeAddress(index)},DNS:${name}` };
}

async function newKey(name: string): Promise<void> {
  await openssl(['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', keyFile(`${name}.key`)]);
}

async function issue({ name, subject, served }: Identity): Promise<void> {
  const [request, extensions] = [keyFile(`${name}.csr`), keyFile(`${name}.ext`)];
  const lines = ['basicConstraints=CA:FALSE', 'keyUsage=digitalSignature', 'extendedKeyUsage=serverAuth,clientAuth'];
  if (served !== undefined) lines.push(`subjectAltName=${served}`);
  await newKey(name);
  await openssl(['req', '-new', '-key', keyFile(`${name}.key`), '-subj', subject, '-out', request]);
  await writeFile(extensions, `${lines.join('\n')}\n`);
  const ca = ['-CA', keyFile('ca.crt'), '-CAkey', keyFile('ca.key'), '-CAcreateserial', '-days', String(DAYS)];
  await openssl(['x509', '-req', '-in', request, ...ca, '-extfile', extensions, '-out', keyFile(`${name}.crt`)]);
  await Promise.all([rm(request), rm(extensions)]);
}

async function openssl(args: readonly string[]): Promise<void> {
  await call('openssl', args);
}

/** Writes a kubeconfig of one identity. */
export async function writeKubeconfig(file: string, identity: string): Promise<void> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: CLUSTER, cluster: { server: CLUSTER_ISSUER, 'certificate-authority': keyFile('ca.crt') } }],
    users: [{ name: identity, user: { 'client-certificate': keyFile(`${identity}.crt`), 'client-key': keyFile(`${identity}.key`) } }],
    contexts: [{ name: CLUSTER, context: { cluster: CLUSTER, user: identity } }],
    'current-context': CLUSTER,
  };
  await writeFile(file, JSON.stringify(config, null, 2), { mode: 0o600 });
}

import type { Cluster } from '#core/cluster/cluster.ts';
import { textAt } from '#core/cluster/object-value.ts';
import { isAssayError, type AssayError } from '#core/error.ts';
import { parseReference, type RegistryReference } from '#core/oci/reference.ts';
import type { CredentialLookup, RegistryOptions } from '#core/oci/registry/credential.ts';
import type { ChartPlan } from './chart-plan.ts';
import { fail, ok, warn, type DoctorLine } from './doctor-line.ts';

/** How the registry is asked. */
export interface RegistryQuestion {
  readonly cluster: Pick<Cluster, 'read'>;
  /** Registry flags of the command line; their credentials are used where the release names no Secret. */
  readonly options: RegistryOptions;
}

const AT = { section: 'registry' } as const;
const DOCKER_CONFIG = '.dockerconfigjson';

/**
 * Whether the registry would take the evidence, asked from this computer with the credentials that the release will use, and
 * whether verifiers could read it there. Nothing is stored.
 */
export async function registryLines({ namespace, registry }: ChartPlan, question: RegistryQuestion): Promise<readonly DoctorLine[]> {
  if (registry.repository === '')
    return [
      warn(
        { ...AT, id: 'repository' },
        'no repository is named: the evidence stays in the volume of the collector',
        '--set registry.repository=HOST/REPOSITORY',
      ),
    ];
  const secret = await secretCredentials(question.cluster, { namespace, name: registry.secretName });
  if (!('credentials' in secret)) return [secret.line];
  try {
    const reference = parseReference(registry.repository);
    if (reference.kind !== 'registry') return [ok('registry', 'repository', `${registry.repository} is a directory: nothing is asked`)];
    const { plainHttp, insecureTls } = registry;
    const options = {
      ...question.options,
      ...(plainHttp ? { plainHttp } : {}),
      ...(insecureTls ? { insecureTls } : {}),
      ...(secret.credentials === undefined ? {} : { credentials: secret.credentials }),
    };
    return [await pushLine(reference, options), await readLine(reference, options)];
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return [failed('repository', error)];
  }
}

interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

type SecretReading = { readonly credentials: CredentialLookup | undefined } | { readonly line: DoctorLine };

/** The credentials that the release will push with; those of this computer where it names none, or they may not be read. */
async function secretCredentials(cluster: Pick<Cluster, 'read'>, { namespace, name }: SecretName): Promise<SecretReading> {
  if (name === '') return { credentials: undefined };
  const at = { ...AT, id: 'secret' };
  const create = `kubectl create secret docker-registry ${name} -n ${namespace} --docker-server=HOST --docker-username=USER --docker-password-stdin`;
  try {
    const secret = await cluster.read({ apiVersion: 'v1', kind: 'Secret', namespace, name });
    if (secret === undefined)
      return { line: fail(at, `the Secret ${namespace}/${name} that should hold the registry's credentials does not exist`, create) };
    const data = textAt(secret, 'data', DOCKER_CONFIG);
    if (data === undefined)
      return { line: fail(at, `the Secret ${namespace}/${name} has no ${DOCKER_CONFIG}: the collector's pod would not start`, create) };
    const { configCredentials } = await import('#core/oci/registry/docker-config.ts');
    return { credentials: configCredentials(Buffer.from(data, 'base64').toString('utf8'), `the Secret ${name}`) };
  } catch (error) {
    if (!isAssayError(error)) throw error;
    if (error.code !== 'CLUSTER_FORBIDDEN') return { line: failed('secret', error) };
    return {
      line: warn(
        at,
        `the Secret ${namespace}/${name} may not be read: whether it opens the registry is not known`,
        'Ask somebody who may.',
      ),
    };
  }
}

async function pushLine(reference: RegistryReference, options: RegistryOptions): Promise<DoctorLine> {
  const { probePush } = await import('#core/oci/registry/probe-access.ts');
  try {
    await probePush(reference, options);
    return ok('registry', 'push', `${reference.registry} lets us push to ${reference.repository}`);
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return failed('push', error);
  }
}

async function readLine(reference: RegistryReference, options: RegistryOptions): Promise<DoctorLine> {
  const { probePublicRead } = await import('#core/oci/registry/probe-access.ts');
  const name = `${reference.registry}/${reference.repository}`;
  const at = { ...AT, id: 'public-read' };
  try {
    const access = await probePublicRead(reference, options);
    if (access === 'readable') return ok('registry', 'public-read', `everybody can read ${name}`);
    if (access === 'unknown')
      return ok('registry', 'public-read', `${name} has nothing yet: look again after the first run whether everybody can read it`);
    return warn(
      at,
      `strangers cannot read ${name}: who verifies the evidence needs credentials`,
      'Make the repository public, or hand out read access.',
    );
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return warn(at, `whether strangers can read ${name} is not known: ${error.message}`, error.hint ?? 'Try again later.');
  }
}

/** What only this computer may not reach is no proof that the cluster does not. */
function failed(id: string, error: AssayError): DoctorLine {
  const text = `${error.code}: ${error.message}`;
  if (error.code === 'REGISTRY_UNAVAILABLE' || error.code === 'REGISTRY_RATE_LIMITED')
    return warn(
      { ...AT, id },
      text,
      'It is asked from this computer; check that the cluster reaches it. An outage is sat out, and loses nothing.',
    );
  return fail({ ...AT, id }, text, error.hint ?? 'See docs/guide/signing.md.');
}

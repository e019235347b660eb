import type { Cluster } from '#core/cluster/cluster.ts';
import { at } from '#core/cluster/object-value.ts';
import { isAssayError } from '#core/error.ts';
import { parseSigningConfig } from '#core/sign/service/signing-config.ts';
import { fulcioIssuers, probeLog, probeTimestamps, type FulcioIssuer } from '#core/sign/service/probe-service.ts';
import { PUBLIC_SERVICES, servicesFrom, type SigningServices } from '#core/sign/service/signing-services.ts';
import type { ChartPlan, SigningPlan } from './chart-plan.ts';
import type { ClusterReading } from './cluster-reading.ts';
import { fail, ok, warn, type DoctorLine } from './doctor-line.ts';
import { configuredIssuer, publicIssuer } from './issuer-match.ts';

/** How the services are asked. */
export interface SigningQuestion {
  readonly cluster: Pick<Cluster, 'create'>;
  readonly timeoutMs: number;
  readonly nowMs: number;
}

const AT = { section: 'signing' } as const;
const SIGN_ELSEWHERE =
  'Name a Fulcio of your own in sigstore.*, or set sigstore.enabled=false and sign the pushed evidence elsewhere: assay sign REFERENCE';

/** Whether the evidence will be signed in the cluster: services that answer, and an issuer that they take. */
export async function signingLines(plan: ChartPlan, reading: ClusterReading, question: SigningQuestion): Promise<readonly DoctorLine[]> {
  if (!plan.signing.enabled)
    return [
      warn(
        { ...AT, id: 'enabled' },
        'signing in the cluster is off: the evidence is pushed unsigned and the Job ends 1',
        'Sign it afterwards: assay sign REFERENCE. Or --set sigstore.enabled=true.',
      ),
    ];
  const services = chosenServices(plan, question.nowMs);
  if ('line' in services) return [services.line];
  const { fulcio, rekor, timestamps } = services;
  const configured = await asked(() => fulcioIssuers(fulcio, question.timeoutMs));
  const isPublic = fulcio.href === PUBLIC_SERVICES.fulcio.href;
  return [
    'failure' in configured ? configured.failure : ok('signing', 'fulcio', `${fulcio.host} answers`),
    ...(await issuerLines(
      { reading, signing: plan.signing, isPublic, configured: 'failure' in configured ? undefined : configured.value },
      question,
    )),
    await answerLine('rekor', rekor.url.host, () => probeLog(rekor, question.timeoutMs)),
    ...(await Promise.all(timestamps.map((url) => answerLine('timestamp', url.host, () => probeTimestamps(url, question.timeoutMs))))),
  ];
}

function chosenServices({ signing, registry }: ChartPlan, nowMs: number): SigningServices | { readonly line: DoctorLine } {
  const { fulcioUrl, rekorUrl, rekorApi, tsaUrl, signingConfig } = signing;
  try {
    const plainHttp = registry.plainHttp;
    if (signingConfig !== undefined) return parseSigningConfig(Buffer.from(signingConfig), { nowMs, plainHttp });
    return servicesFrom(
      {
        ...(fulcioUrl === undefined ? {} : { fulcioUrl }),
        ...(rekorUrl === undefined ? {} : { rekorUrl, rekorApiVersion: rekorApi === '1' ? 1 : 2 }),
        ...(tsaUrl === undefined ? {} : { tsaUrl }),
      },
      { plainHttp },
    );
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return { line: fail({ ...AT, id: 'services' }, `${error.code}: ${error.message}`, error.hint ?? 'Check sigstore.*') };
  }
}

interface IssuerFacts {
  readonly reading: ClusterReading;
  readonly signing: SigningPlan;
  readonly isPublic: boolean;
  /** What the Fulcio takes; undefined when it did not say. */
  readonly configured: readonly FulcioIssuer[] | undefined;
}

async function issuerLines(facts: IssuerFacts, question: SigningQuestion): Promise<readonly DoctorLine[]> {
  const { issuer } = facts.reading;
  const id = { ...AT, id: 'issuer' };
  if (issuer === undefined)
    return [warn(id, 'the cluster does not say who issues its tokens', 'Ask: kubectl get --raw /.well-known/openid-configuration')];
  const line = issuerLine(issuer, facts);
  if (line.level !== 'ok' || facts.isPublic) return [line];
  return [line, ...(await discoveryLine(question))];
}

function issuerLine(issuer: string, { signing, isPublic, configured }: IssuerFacts): DoctorLine {
  const id = { ...AT, id: 'issuer' };
  const service = isPublic ? publicIssuer(issuer) : undefined;
  const entry = configured === undefined ? undefined : configuredIssuer(issuer, configured);
  if (service === undefined && entry === undefined)
    return configured === undefined && !isPublic
      ? warn(id, `whether the Fulcio takes tokens of ${issuer} is not known`, 'Try again when it answers.')
      : fail(id, `the Fulcio takes no tokens of ${issuer}`, SIGN_ELSEWHERE);
  if (entry !== undefined && entry.audience !== '' && entry.audience !== signing.audience)
    return fail(
      id,
      `the Fulcio wants the audience "${entry.audience}", tokens are made for "${signing.audience}"`,
      `--set sigstore.audience=${entry.audience}`,
    );
  return ok('signing', 'issuer', `the Fulcio takes tokens of ${issuer}${service === undefined ? '' : ` (${service})`}`);
}

/** A Fulcio of one's own fetches the issuer's keys from the API server, as a stranger. */
async function discoveryLine({ cluster }: SigningQuestion): Promise<readonly DoctorLine[]> {
  const review = await asked(() =>
    cluster.create({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: { name: '' },
      spec: {
        user: 'system:anonymous',
        groups: ['system:unauthenticated'],
        nonResourceAttributes: { path: '/.well-known/openid-configuration', verb: 'get' },
      },
    }),
  );
  if ('failure' in review || at(review.value, 'status', 'allowed') === true) return [];
  return [
    warn(
      { ...AT, id: 'discovery' },
      'strangers may not read the keys of the token issuer: a Fulcio outside this cluster cannot check its tokens there',
      'kubectl create clusterrolebinding oidc-discovery --clusterrole=system:service-account-issuer-discovery --group=system:unauthenticated',
    ),
  ];
}

async function answerLine(id: string, host: string, ask: () => Promise<void>): Promise<DoctorLine> {
  const answer = await asked(ask, id);
  return 'failure' in answer ? answer.failure : ok('signing', id, `${host} answers`);
}

/** From this computer; the cluster may have another way, so that an outage is no proof. */
async function asked<T>(ask: () => Promise<T>, id = 'fulcio'): Promise<{ readonly value: T } | { readonly failure: DoctorLine }> {
  try {
    return { value: await ask() };
  } catch (error) {
    if (!isAssayError(error)) throw error;
    const hint = 'It is asked from this computer; check that the cluster reaches it. An outage is sat out, and loses nothing.';
    return { failure: warn({ ...AT, id }, `${error.code}: ${error.message}`, hint) };
  }
}

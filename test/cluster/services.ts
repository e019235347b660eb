import { readFileSync } from 'node:fs';
import type { Child } from '../../tools/services/child.ts';
import { startFaultProxy, type FaultProxy } from '../../tools/services/fault-proxy.ts';
import { startRegistry, startStack, type Stack } from '../../tools/services/stack.ts';
import { localSigningConfig } from '../../tools/services/trust.ts';
import { CLUSTER_ISSUER, network } from './bed/network.ts';
import { keyFile } from './bed/pki.ts';

/** Signing services and registries as pods reach them: each behind a proxy on the bridge, whose faults a test sets. */
export interface BedServices {
  readonly fulcio: FaultProxy;
  readonly rekor: FaultProxy;
  readonly timestamp: FaultProxy;
  readonly registry: FaultProxy;
  /** Asks for a login: {@link loginConfig}. */
  readonly privateRegistry: FaultProxy;
  /** JSON text; names the proxies. */
  readonly signingConfig: string;
  /** JSON text. */
  readonly trustedRoot: string;
  /** Takes all faults back. */
  readonly heal: () => void;
  readonly stop: () => Promise<void>;
}

const REGISTRY_LOGIN = { username: 'robot', password: 'pass word' } as const;

/** Starts the services; Fulcio takes tokens of the bed's cluster, which must be up. */
export async function startBedServices(): Promise<BedServices> {
  const stack = await startStack([{ issuer: CLUSTER_ISSUER, ca: readFileSync(keyFile('ca.crt'), 'utf8') }]);
  const children: Child[] = [];
  const proxies: FaultProxy[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all([...proxies.map((proxy) => proxy.close()), ...children.map((child) => child.stop()), stack.stop()]);
  };
  try {
    const proxy = async (target: string): Promise<FaultProxy> => {
      const started = await startFaultProxy(target, network.host);
      proxies.push(started);
      return started;
    };
    const login = await startRegistry(children, `${REGISTRY_LOGIN.username}:${REGISTRY_LOGIN.password}`);
    const [fulcio, rekor, timestamp, registry, privateRegistry] = await Promise.all([
      proxy(stack.fulcioUrl),
      proxy(stack.rekorUrl),
      proxy(stack.tsaUrl),
      proxy(`http://${stack.registry}`),
      proxy(`http://${login}`),
    ]);
    const heal = (): void => proxies.forEach((one) => one.setFault(() => undefined));
    return { fulcio, rekor, timestamp, registry, privateRegistry, ...trustOf(stack, { fulcio, rekor, timestamp }), heal, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function trustOf(
  stack: Stack,
  { fulcio, rekor, timestamp }: Pick<BedServices, 'fulcio' | 'rekor' | 'timestamp'>,
): Pick<BedServices, 'signingConfig' | 'trustedRoot'> {
  const config = localSigningConfig({
    fulcioUrl: fulcio.url,
    rekorUrl: rekor.url,
    rekorApiVersion: 2,
    tsaUrl: timestamp.url,
    oidcUrl: CLUSTER_ISSUER,
  });
  return { signingConfig: JSON.stringify(config), trustedRoot: Buffer.from(stack.trustedRoot).toString() };
}

/** `host:port` of a registry behind a proxy. */
export function hostOf({ url }: FaultProxy): string {
  return new URL(url).host;
}

/** Docker's configuration with the login of the private registry. */
export function loginConfig({ privateRegistry }: BedServices): string {
  const auth = Buffer.from(`${REGISTRY_LOGIN.username}:${REGISTRY_LOGIN.password}`).toString('base64');
  return JSON.stringify({ auths: { [hostOf(privateRegistry)]: { auth } } });
}

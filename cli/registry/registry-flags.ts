import type { Command } from 'commander';
import type { RegistryOptions } from '#core/oci/registry/credential.ts';
import { dockerCredentials } from '#core/oci/registry/docker-config.ts';
import { parseDuration } from '#core/setting/duration.ts';
import { dockerConfigPath } from './config.ts';

/** Flags of every verb that talks to a registry. */
export interface RegistryFlags {
  readonly plainHttp?: boolean;
  readonly insecureTls?: boolean;
  readonly registryConfig?: string;
  readonly timeout?: string;
}

/** Adds the flags of a verb that talks to a registry. */
export function withRegistry(command: Command): Command {
  return command
    .option('--plain-http', 'speak http to registry and signing services, also to other computers')
    .option('--insecure-tls', "do not check the registry's certificate")
    .option('--registry-config <file>', 'Docker configuration with registry credentials (default: $DOCKER_CONFIG or ~/.docker)')
    .option('--timeout <duration>', 'longest silence on a connection', '30s');
}

/** How the registry is talked to, by these flags. @throws CONFIG_INVALID */
export function registryOptions(flags: RegistryFlags): RegistryOptions {
  return {
    plainHttp: flags.plainHttp === true,
    insecureTls: flags.insecureTls === true,
    timeoutMs: parseDuration(flags.timeout ?? '30s'),
    ...credentialsOf(flags),
  };
}

function credentialsOf({ registryConfig = dockerConfigPath() }: RegistryFlags): Pick<RegistryOptions, 'credentials'> {
  if (registryConfig === undefined) return {};
  const credentials = dockerCredentials(registryConfig, async (helper, host) => {
    const { runCredentialHelper } = await import('#core/process/credential-helper.ts');
    return runCredentialHelper(helper, host);
  });
  return { credentials };
}

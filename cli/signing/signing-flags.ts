import type { Command } from 'commander';
import { AssayError } from '#core/error.ts';
import type { KeylessChoice } from '#core/sign/keyless-route.ts';
import { PUBLIC_OIDC_ISSUER } from '#core/sign/service/signing-services.ts';
import { identityEnvironment } from './config.ts';

/** Flags that name the signing services. */
export interface ServiceFlags {
  readonly fulcioUrl?: string;
  readonly rekorUrl?: string;
  readonly rekorApi?: string;
  readonly tsaUrl?: string;
  readonly signingConfig?: string;
  readonly trustedRoot?: string;
  readonly plainHttp?: boolean;
}

/** Flags that give an identity where no person is. */
export interface TokenFlags {
  readonly identityToken?: string;
  readonly identityTokenFile?: string;
}

/** Flags that say who signs and where. */
export interface SigningFlags extends ServiceFlags, TokenFlags {
  readonly deviceFlow?: boolean;
  readonly oidcIssuer?: string;
  readonly oidcClientId?: string;
}

/** Adds the flags that say who signs and where. */
export function withSigning(command: Command): Command {
  withToken(command)
    .option('--device-flow', 'sign in with a browser on any computer')
    .option('--oidc-issuer <url>', 'where the device flow signs in', PUBLIC_OIDC_ISSUER)
    .option('--oidc-client-id <id>', 'client id of the device flow', 'sigstore');
  return withServices(command);
}

/** Adds the flags that give an identity where no person is. */
export function withToken(command: Command): Command {
  return command
    .option('--identity-token <token>', 'OIDC token to sign with (visible to other users of this computer: better a file)')
    .option('--identity-token-file <file>', 'file with an OIDC token, for example a projected service-account token');
}

/** Adds the flags that name the signing services. */
export function withServices(command: Command): Command {
  return command
    .option('--signing-config <file>', 'Sigstore signing configuration that names the services')
    .option('--fulcio-url <url>', 'certificate authority (with --rekor-url and --tsa-url)')
    .option('--rekor-url <url>', 'transparency log')
    .option('--rekor-api <version>', 'API version of the log: 1 or 2', '2')
    .option('--tsa-url <url>', 'timestamp authority')
    .option('--trusted-root <file>', 'trusted root of these services: the signature is verified before it is used');
}

/** The choice that these flags make. @throws USAGE */
export function keylessChoice(flags: SigningFlags): KeylessChoice {
  const { identityToken, identityTokenFile, signingConfig, trustedRoot } = flags;
  return {
    identity: {
      env: identityEnvironment(),
      ...(identityToken === undefined ? {} : { token: identityToken }),
      ...(identityTokenFile === undefined ? {} : { tokenFile: identityTokenFile }),
      ...(flags.deviceFlow === true
        ? {
            deviceFlow: {
              issuer: flags.oidcIssuer ?? PUBLIC_OIDC_ISSUER,
              clientId: flags.oidcClientId ?? 'sigstore',
              prompt: (text) => void process.stderr.write(`${text}\n`),
            },
          }
        : {}),
    },
    services: serviceAddresses(flags),
    plainHttp: flags.plainHttp === true,
    ...(signingConfig === undefined ? {} : { signingConfig }),
    ...(trustedRoot === undefined ? {} : { trustedRoot }),
  };
}

function serviceAddresses({ fulcioUrl, rekorUrl, rekorApi = '2', tsaUrl }: SigningFlags): KeylessChoice['services'] {
  if (rekorApi !== '1' && rekorApi !== '2')
    throw new AssayError('USAGE', `"${rekorApi}" is no API version of a log`, { hint: 'Use --rekor-api 1 or 2.' });
  return {
    ...(fulcioUrl === undefined ? {} : { fulcioUrl }),
    ...(rekorUrl === undefined ? {} : { rekorUrl, rekorApiVersion: rekorApi === '1' ? 1 : 2 }),
    ...(tsaUrl === undefined ? {} : { tsaUrl }),
  };
}

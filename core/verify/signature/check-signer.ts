import { shown } from '../foreign-text.ts';
import { finding, type Finding } from '../finding.ts';
import { Refusal } from '../refusal.ts';
import type { PointerSigner } from '#core/attestation/pointer.ts';
import type { VerifiedSigner } from '../verdict.ts';
import type { VerifyOptions } from '../verify-options.ts';

/** True when the caller said who must have signed, so that unsigned evidence cannot be acceptable. */
export function isSignerPinned({ expectedIdentity, expectedIdentityRegexp, expectedIssuer }: VerifyOptions): boolean {
  return expectedIdentity !== undefined || expectedIdentityRegexp !== undefined || expectedIssuer !== undefined;
}

/**
 * Compares a proven signer with what the caller expects: exact issuer, exact identity, and an identity expression that has to
 * match as a whole (with `upstream` anywhere in it, which lets `…/collector` accept `…/collector-evil`).
 * @throws Refusal IDENTITY_PATTERN_INVALID
 */
export async function checkSigner({ identity, issuer }: VerifiedSigner, options: VerifyOptions): Promise<readonly Finding[]> {
  const { expectedIdentity, expectedIssuer, expectedIdentityRegexp, upstream = false } = options;
  const found: Finding[] = [];
  if (expectedIssuer !== undefined && issuer !== expectedIssuer)
    found.push(finding('SIGNER_UNEXPECTED', `the issuer is ${shown(issuer)}, expected ${shown(expectedIssuer)}`));
  if (expectedIdentity !== undefined && identity !== expectedIdentity)
    found.push(finding('SIGNER_UNEXPECTED', `the identity is ${shown(identity)}, expected ${shown(expectedIdentity)}`));
  if (expectedIdentityRegexp !== undefined && !(await matches(identity, expectedIdentityRegexp, upstream)))
    found.push(
      finding(
        'SIGNER_UNEXPECTED',
        `the identity ${shown(identity)} does not match ${shown(expectedIdentityRegexp)}${upstream ? '' : ' as a whole'}`,
      ),
    );
  return found;
}

/** Compares a proven signer with the one a pointer claims. @source recipe-evidence v1, verification policy, rule 7 */
export function checkPointerSigner(signer: VerifiedSigner, claimed: PointerSigner): readonly Finding[] {
  const pairs = [
    ['identity', signer.identity, claimed.identity],
    ['issuer', signer.issuer, claimed.issuer],
    ...(claimed.rekorLogIndex === undefined
      ? []
      : [['log index', String(signer.rekorLogIndex ?? 'none'), String(claimed.rekorLogIndex)] as const]),
  ] as const;
  return pairs.flatMap(([what, proven, claim]) =>
    proven === claim ? [] : [finding('SIGNER_CONTRADICTS_POINTER', `the ${what} is ${shown(proven)}, the pointer claims ${shown(claim)}`)],
  );
}

/** RE2 in linear time: an expression can come from a file of a stranger. */
async function matches(identity: string, expression: string, anywhere: boolean): Promise<boolean> {
  const { RE2JS } = await import('re2js');
  try {
    const pattern = RE2JS.compile(expression);
    return anywhere ? pattern.matcher(identity).find() : pattern.matches(identity);
  } catch (cause) {
    throw new Refusal('IDENTITY_PATTERN_INVALID', `${shown(expression)} is no RE2 expression`, {
      cause,
      hint: 'Quote it for the shell, and escape dots in host names.',
    });
  }
}

import type { Predicate } from '#core/attestation/predicate.ts';
import { systemClock } from '#core/clock.ts';
import { finding, type Finding } from '../finding.ts';
import type { StepOutcome } from '../step-outcome.ts';
import type { Compared } from '../verdict.ts';
import { DEFAULT_MAX_AGE_DAYS, type VerifyOptions } from '../verify-options.ts';

const DAY_MS = 86_400_000;
/** Clocks of sealer, signer and reader may differ by this much. */
const SKEW_MS = 5 * 60_000;

/** Whole days between attestation and now, or undefined when the time is none. */
export function ageInDays({ attestedAt }: Pick<Predicate, 'attestedAt'>, nowMs = systemClock.nowMs()): number | undefined {
  const attestedAtMs = Date.parse(attestedAt);
  return Number.isNaN(attestedAtMs) ? undefined : Math.floor((nowMs - attestedAtMs) / DAY_MS);
}

/**
 * Compares the time of the evidence with now, with the time of its signature, and with its own expiry.
 * @param content.signedAtMs trusted times of the signature; attested later than signed is impossible
 */
export function checkAge(
  { predicate, signedAtMs }: { readonly predicate: Predicate; readonly signedAtMs: readonly number[] },
  options: VerifyOptions,
): StepOutcome {
  const nowMs = options.nowMs ?? systemClock.nowMs();
  const attestedAtMs = Date.parse(predicate.attestedAt);
  const expiresAt = predicate['x-assay']?.expiresAt;
  const maxAgeDays = options.maxAgeDays ?? DEFAULT_MAX_AGE_DAYS;
  const days = Math.floor((nowMs - attestedAtMs) / DAY_MS);
  const findings: readonly Finding[] = [
    ...timeFindings(predicate.attestedAt, { attestedAtMs, nowMs, signedAtMs }),
    ...(expiresAt === undefined ? [] : expiryFindings(expiresAt, nowMs)),
    ...(days > maxAgeDays ? [finding('EVIDENCE_OLD', `attested ${days} days ago, the limit is ${maxAgeDays}`)] : []),
  ];
  return {
    detail: findings[0]?.detail ?? `attested ${days} day(s) ago; the limit is ${maxAgeDays} days`,
    compared: rows(predicate, { nowMs, signedAtMs, expiresAt }),
    findings,
  };
}

interface Times {
  readonly attestedAtMs: number;
  readonly nowMs: number;
  readonly signedAtMs: readonly number[];
}

function timeFindings(attestedAt: string, { attestedAtMs, nowMs, signedAtMs }: Times): readonly Finding[] {
  if (Number.isNaN(attestedAtMs)) return [finding('TIME_IMPOSSIBLE', `attestedAt ${attestedAt} is no time`)];
  if (attestedAtMs > nowMs + SKEW_MS)
    return [
      finding('TIME_IMPOSSIBLE', `attestedAt ${attestedAt} lies in the future`, {
        hint: 'Check the clock of this computer; if it is right, the evidence is not.',
      }),
    ];
  const early = signedAtMs.find((time) => attestedAtMs > time + SKEW_MS);
  return early === undefined
    ? []
    : [finding('TIME_IMPOSSIBLE', `attestedAt ${attestedAt} is later than the signature of ${new Date(early).toISOString()}`)];
}

function expiryFindings(expiresAt: string, nowMs: number): readonly Finding[] {
  const expiresAtMs = Date.parse(expiresAt);
  if (Number.isNaN(expiresAtMs)) return [finding('TIME_IMPOSSIBLE', `expiresAt ${expiresAt} is no time`)];
  return expiresAtMs < nowMs ? [finding('EVIDENCE_EXPIRED', `the evidence expired at ${expiresAt}`)] : [];
}

function rows(
  { attestedAt }: Predicate,
  { nowMs, signedAtMs, expiresAt }: Omit<Times, 'attestedAtMs'> & { readonly expiresAt: string | undefined },
): readonly Compared[] {
  return [
    { key: 'attestedAt', value: `${attestedAt} against now ${new Date(nowMs).toISOString()}` },
    {
      key: 'signed at',
      value:
        signedAtMs.length === 0 ? 'no trusted time to compare with' : signedAtMs.map((time) => new Date(time).toISOString()).join('; '),
    },
    { key: 'expiresAt', value: expiresAt ?? 'not recorded' },
  ];
}

import { isDeepStrictEqual } from 'node:util';
import type { Predicate } from '#core/attestation/predicate.ts';
import type { Snapshot } from '#core/snapshot/document.ts';
import { redactSnapshot } from '#core/snapshot/redaction.ts';
import { finding, type Finding } from '../finding.ts';
import { shown } from '../foreign-text.ts';
import type { StepOutcome } from '../step-outcome.ts';
import type { PhaseFacts } from './phase-facts.ts';

/**
 * Compares the claim of redaction with the content: applying the policy again must change nothing.
 * @param snapshot absent when it could not be read
 * @source recipe-evidence v1, redaction policy `minimal`
 */
export function checkRedaction(predicate: Predicate, snapshot: Snapshot | undefined, facts: readonly PhaseFacts[]): StepOutcome {
  const { redaction } = predicate;
  if (redaction === undefined) return { detail: 'the evidence claims no redaction: it is a full bundle', status: 'skipped' };
  const findings = [...snapshotFindings(snapshot), ...facts.flatMap(textFindings)];
  const policy = `${redaction.policy} ${redaction.version}`;
  return {
    detail: findings[0]?.detail ?? `policy ${policy}: applying it again changes nothing`,
    compared: [
      { key: 'snapshot.yaml', value: snapshot === undefined ? 'not readable, not compared' : `against the keys that ${policy} keeps` },
      { key: 'reports', value: `${facts.length} searched for messages and output` },
    ],
    findings,
    ...(snapshot === undefined ? { status: 'skipped' } : {}),
  };
}

function snapshotFindings(snapshot: Snapshot | undefined): readonly Finding[] {
  if (snapshot === undefined) return [];
  const { fingerprint: _advisory, ...own } = snapshot;
  const { fingerprint: _kept, ...redacted } = redactSnapshot(snapshot).snapshot;
  if (isDeepStrictEqual(redacted, own)) return [];
  const extra = keysOf(own).filter((key) => !keysOf(redacted).includes(key));
  return [
    finding(
      'REDACTION_VIOLATED',
      `snapshot.yaml holds what the policy removes: ${
        extra
          .slice(0, 5)
          .map((key) => shown(key, 80))
          .join(', ') || 'empty or additional parts'
      }`,
    ),
  ];
}

function textFindings({ phase, freeTexts }: PhaseFacts): readonly Finding[] {
  return freeTexts.length === 0
    ? []
    : [finding('REDACTION_VIOLATED', `ctrf/${phase}.json holds messages or output, for example of ${freeTexts[0]}`)];
}

function keysOf({ metadata, measurements }: Pick<Snapshot, 'metadata' | 'measurements'>): readonly string[] {
  return [
    ...Object.keys(metadata).map((key) => `metadata.${key}`),
    ...measurements.flatMap(({ type, subtypes }) =>
      subtypes.flatMap(({ subtype, data }) => Object.keys(data).map((key) => `${type}.${subtype}.${key}`)),
    ),
  ];
}

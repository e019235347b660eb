import { sha256Hex } from '#core/digest/sha256.ts';
import { isBundlePath } from '#core/attestation/bundle-path.ts';
import type { Phase } from '#core/ctrf/report.ts';
import type { CheckResult } from '#core/wire/record.ts';

const SHORT_DIGITS = 12;

/** Path of a phase's page in the logs directory. */
export function pagePath(phase: Phase): string {
  return `phases/${phase}/report.md`;
}

/** Path of a log in the logs directory. A name that is no file name is replaced by its digest. */
export function logPath(phase: Phase, name: string): string {
  const path = `phases/${phase}/logs/${name}.log`;
  return !name.includes('/') && isBundlePath(path) ? path : `phases/${phase}/logs/check-${sha256Hex(name).slice(0, SHORT_DIGITS)}.log`;
}

/** What one node's check said, under a line that tells whose it is; empty when it said nothing. @param node pseudonym */
export function logEntry({ status, durationMs, message, stdout = [] }: CheckResult, node: string): string {
  if (message === undefined && stdout.length === 0) return '';
  const lines = [
    `== ${node} ${status} ${Math.round(durationMs)} ms`,
    ...(message === undefined ? [] : [message]),
    ...stdout.map((line) => `| ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

import type { CheckResult, RecordBody } from '#core/wire/record.ts';
import type { RunEvent } from '#core/wire/run-event.ts';

/** What people are told when a record is on stable storage; undefined for measurements, which are many. */
export function recordEvent(node: string, body: RecordBody): RunEvent | undefined {
  switch (body.kind) {
    case 'measurements':
      return undefined;
    case 'phase-started':
    case 'phase-ended':
      return { event: body.kind, node, phase: body.phase };
    case 'check':
      return checkEvent(node, body.result);
    case 'finished':
      return { event: 'node-finished', node };
  }
}

function checkEvent(node: string, { phase, check, status, message }: CheckResult): RunEvent {
  return { event: 'check', node, phase, check, status, ...(message === undefined || status === 'passed' ? {} : { message }) };
}

import type { RecordBody } from '#core/wire/record.ts';
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
      return { event: 'check', node, phase: body.result.phase, check: body.result.check, status: body.result.status };
    case 'finished':
      return { event: 'node-finished', node };
  }
}

import { errorText } from '#core/error.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';
import { withDeadline } from '../host/deadline.ts';
import type { Probe } from './catalog.ts';
import { measure } from './measure.ts';
import type { NodeView } from './node-view.ts';
import type { Pseudonyms } from './pseudonym.ts';

/** What one probe gave. */
export interface ProbeResult {
  readonly probe: string;
  readonly measurements: readonly Measurement[];
}

/** What every probe gets. */
export interface ProbeInput {
  readonly node: NodeView;
  readonly pseudonyms: Pseudonyms;
}

/** Runs probes side by side; results come in catalog order. A probe that throws or hangs gives one unreadable measurement with the reason. */
export async function runProbes(probes: readonly Probe[], input: ProbeInput): Promise<readonly ProbeResult[]> {
  return Promise.all(probes.map(async (probe) => ({ probe: probe.name, measurements: await runProbe(probe, input) })));
}

async function runProbe(probe: Probe, { node, pseudonyms }: ProbeInput): Promise<readonly Measurement[]> {
  try {
    const result = await withDeadline(probe.run(node, pseudonyms), probe.deadlineMs);
    return result.inTime ? result.value : failed(probe, `no answer within ${probe.deadlineMs} ms`);
  } catch (error) {
    return failed(probe, errorText(error));
  }
}

function failed(probe: Probe, reason: string): readonly Measurement[] {
  return measure({ subtype: 'probe', item: probe.name }, [
    { key: 'result', read: { state: 'unreadable', reason }, source: `probe ${probe.name}` },
  ]);
}

import { errorText } from '#core/error.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';
import { withDeadline } from '../host/deadline.ts';
import type { Probe } from './catalog.ts';
import { measure } from './measure.ts';
import type { NodeView } from './node-view.ts';

/** What one probe gave. */
export interface ProbeResult {
  readonly probe: string;
  readonly measurements: readonly Measurement[];
}

/** Runs probes side by side; results come in catalog order. A probe that throws or hangs gives one unreadable measurement with the reason. */
export async function runProbes(probes: readonly Probe[], node: NodeView): Promise<readonly ProbeResult[]> {
  return Promise.all(probes.map(async (probe) => ({ probe: probe.name, measurements: await runProbe(probe, node) })));
}

async function runProbe(probe: Probe, node: NodeView): Promise<readonly Measurement[]> {
  try {
    const result = await withDeadline(probe.run(node), probe.deadlineMs);
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

import { layDefaultMachines } from '../bed/machine.ts';
import type { RunState, RunStatus } from '#core/cluster/run-status.ts';
import { artifactOf, readRecord, type SignedRecord } from './record.ts';
import { Release, type Ground, type InstallOptions } from './release.ts';

/** Where a fault happens. */
export interface Scene extends Ground {
  readonly release: Release;
}

/** What is known when a run with a fault is over. */
export interface Aftermath {
  readonly scene: Scene;
  readonly status: RunStatus;
  /** Undefined when nothing was pushed. */
  readonly record: SignedRecord | undefined;
}

/** One row of the fault table. */
export interface Fault {
  readonly name: string;
  /** Makes the ground ready: machines, services that are out from the start. */
  readonly prepare?: (ground: Ground) => Promise<void> | void;
  readonly install?: (ground: Ground) => InstallOptions;
  /** What goes wrong after `helm install` has returned. */
  readonly strike: (scene: Scene) => Promise<void>;
  /** States that end the wait; default published. */
  readonly ends?: readonly RunState[];
  /** Longest time from the strike until the run is over; default 120 s. */
  readonly withinMs?: number;
  /** Asserts what the record and the status say. */
  readonly expect: (aftermath: Aftermath) => Promise<void> | void;
  /** Takes everything back that would disturb the next fault. */
  readonly heal?: (scene: Ground) => Promise<void>;
}

const WITHIN_MS = 120_000;

/** Lets one fault happen to a release of its own and asserts what is left. @returns the row of the table: what the record says */
export async function playFault(fault: Fault, ground: Ground, namespace: string): Promise<string> {
  layDefaultMachines();
  await fault.prepare?.(ground);
  let release: Release | undefined;
  try {
    release = await Release.install(ground, namespace, fault.install?.(ground) ?? {});
    const scene: Scene = { ...ground, release };
    await fault.strike(scene);
    const status = await release.untilState(fault.ends ?? ['published'], fault.withinMs ?? WITHIN_MS);
    const record = status.state === 'published' ? await readRecord(artifactOf(status), ground.services, namespace) : undefined;
    await fault.expect({ scene, status, record });
    return sayRecord(status, record);
  } finally {
    ground.services.heal();
    await fault.heal?.(ground);
    await release?.uninstall();
  }
}

/** What the record says of connections when nothing was wrong with them. */
export const QUIET = { rejected: 0, startedOver: 0, collectorRestarts: 0, refilled: false } as const;

/** Counts of refused and suspicious connections as the record has them. */
export function sessionsOf(record: SignedRecord | undefined): unknown {
  return record?.tests.find(({ name }) => name === 'agent-sessions')?.extra['observed'];
}

function sayRecord(status: RunStatus, record: SignedRecord | undefined): string {
  if (record === undefined) return `nothing signed and pushed: ${status.state}, ${status.reason ?? 'without a reason'}`;
  const nodes = Object.entries(record.nodes).map(([node, said]) => `${node} ${said}`);
  const incidents = Object.entries(sessionsOf(record) ?? {}).filter(([, count]) => count !== 0 && count !== false);
  return [
    `signed: ${record.coverage.reported} of ${record.coverage.expected} reported`,
    ...nodes,
    ...incidents.map(([what, count]) => `${what} ${String(count)}`),
  ].join('; ');
}

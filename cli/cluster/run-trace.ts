import type { CtrfStatus, Phase } from '#core/ctrf/report.ts';
import type { AbsenceReason } from '#core/wire/run.ts';
import type { RunEvent } from '#core/wire/run-event.ts';

/** A check as the log tells of it. */
export interface TracedCheck {
  readonly phase: Phase;
  readonly check: string;
  readonly status: CtrfStatus;
  readonly message?: string;
}

/** A node as the log tells of it. Times are those of the log, in milliseconds since the epoch. */
export interface TracedNode {
  readonly node: string;
  readonly connectedAtMs?: number;
  readonly finishedAtMs?: number;
  /** Phase that it is in, and since when. */
  readonly phase?: Phase;
  readonly phaseSinceMs?: number;
  /** Phases that it is done with. */
  readonly done: readonly Phase[];
  readonly checks: readonly TracedCheck[];
  /** What stands in its way now. */
  readonly waiting?: { readonly reason: AbsenceReason; readonly detail: string };
  /** Why it is missing in the sealed run. */
  readonly absent?: { readonly reason: AbsenceReason; readonly detail: string };
}

interface NodeDraft {
  connectedAtMs?: number | undefined;
  finishedAtMs?: number | undefined;
  phase?: Phase | undefined;
  phaseSinceMs?: number | undefined;
  readonly done: Set<Phase>;
  readonly checks: Map<string, TracedCheck>;
  waiting?: TracedNode['waiting'] | undefined;
  absent?: TracedNode['absent'] | undefined;
}

type Of<Kind extends RunEvent['event']> = Extract<RunEvent, { event: Kind }>;

/** What an event says about its node. */
const ON_NODE: { readonly [Kind in RunEvent['event']]?: (node: NodeDraft, event: Of<Kind>, atMs: number | undefined) => void } = {
  'node-connected': (node, _event, atMs) => {
    node.connectedAtMs ??= atMs;
    node.waiting = undefined;
  },
  'phase-started': (node, { phase }, atMs) => {
    node.phase = phase;
    node.phaseSinceMs = atMs;
  },
  'phase-ended': (node, { phase }) => {
    node.done.add(phase);
    node.phase = undefined;
    node.phaseSinceMs = undefined;
  },
  check: (node, event) => void node.checks.set(keyOf(event), tracedCheck(event)),
  'node-finished': (node, _event, atMs) => {
    node.finishedAtMs = atMs ?? 0;
    node.phase = undefined;
    node.absent = undefined;
  },
  waiting: (node, { reason, detail = '' }) => {
    node.waiting = reason === undefined ? undefined : { reason, detail };
  },
  absent: (node, { reason, detail }) => {
    node.absent = { reason, detail };
  },
};

/** What an event says about the run. */
const ON_RUN: { readonly [Kind in RunEvent['event']]?: (trace: RunTrace, event: Of<Kind>) => void } = {
  listening: (trace, { runId }) => {
    trace.runId = runId;
    // A pod that follows another one has not failed yet.
    trace.failed = undefined;
  },
  incident: (trace, { code }) => void trace.incidents.set(code, (trace.incidents.get(code) ?? 0) + 1),
  'cluster-check': (trace, event) => void trace.clusterCheckOf.set(keyOf(event), tracedCheck(event)),
  stalled: (trace, { message }) => {
    trace.stalled = message;
  },
  resumed: (trace) => {
    trace.stalled = undefined;
  },
  sealed: (trace, event) => {
    trace.runId = event.runId;
    trace.sealed = event;
  },
  assembled: (trace, { recipe }) => {
    trace.recipe = recipe;
  },
  delivery: (trace, event) => {
    trace.delivery = event;
  },
  failed: (trace, event) => {
    trace.failed = event;
  },
};

/**
 * What the events of a run add up to, told one by one and in order. The logs of pods that followed one another are one story:
 * what is told again replaces what was told before.
 */
export class RunTrace {
  readonly #nodes = new Map<string, NodeDraft>();
  readonly clusterCheckOf = new Map<string, TracedCheck>();
  readonly incidents = new Map<string, number>();
  runId: string | undefined;
  recipe: string | undefined;
  sealed: Of<'sealed'> | undefined;
  delivery: Of<'delivery'> | undefined;
  failed: Of<'failed'> | undefined;
  /** The collector waits for space on its disk. */
  stalled: string | undefined;
  hasBegun = false;

  /** @param atMs when it was written; undefined in a log without times */
  add(event: RunEvent, atMs?: number): void {
    this.hasBegun = true;
    // What a log holds need not be an event that this version knows.
    if (Object.hasOwn(ON_RUN, event.event)) (ON_RUN[event.event] as (trace: RunTrace, event: RunEvent) => void)(this, event);
    if (!Object.hasOwn(ON_NODE, event.event) || !('node' in event) || event.node === undefined) return;
    const note = ON_NODE[event.event] as (node: NodeDraft, event: RunEvent, atMs: number | undefined) => void;
    note(this.#node(event.node), event, atMs);
  }

  /** Every node that was named, in the order of names. */
  get nodes(): readonly TracedNode[] {
    const names = [...this.#nodes.keys()].sort();
    return names.map((node) => tracedNode(node, this.#nodes.get(node) as NodeDraft));
  }

  get clusterChecks(): readonly TracedCheck[] {
    return [...this.clusterCheckOf.values()];
  }

  #node(name: string): NodeDraft {
    const known = this.#nodes.get(name) ?? { done: new Set(), checks: new Map() };
    this.#nodes.set(name, known);
    return known;
  }
}

function keyOf({ phase, check }: TracedCheck): string {
  return `${phase}/${check}`;
}

function tracedCheck({ phase, check, status, message }: TracedCheck): TracedCheck {
  return { phase, check, status, ...(message === undefined ? {} : { message }) };
}

function tracedNode(node: string, draft: NodeDraft): TracedNode {
  const { done, checks, ...others } = draft;
  const known = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined)) as Partial<TracedNode>;
  return { node, ...known, done: [...done], checks: [...checks.values()] };
}

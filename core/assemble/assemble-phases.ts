import { SIZE_LIMIT } from '#core/attestation/media-type.ts';
import { buildReport } from '#core/ctrf/build-report.ts';
import { RUN_ORDER, type CtrfReport, type CtrfTest, type Phase } from '#core/ctrf/report.ts';
import type { CheckResult, RecordBody } from '#core/wire/record.ts';
import type { Absence } from '#core/wire/run.ts';
import { PhaseTests, writtenBytes } from './phase-tests.ts';
import { shownTest, type Redaction } from './shown-report.ts';

/** Name of the test that stands for a node's report as a whole. */
const NODE_REPORT = 'node-report';
/** Left for the frame of a report: its head, its summary, the closing brackets. */
const FRAME_BYTES = 4096;
const NOT_RUN = {
  host: 'needs a Kubernetes cluster; this run covered only the computer it ran on',
  cluster: 'nothing in this run performs this check',
} as const;

/** What the phases are assembled from besides the nodes. */
export interface PhaseInput {
  /** Check names the recipe asks for, per phase. */
  readonly recipeChecks: Partial<Readonly<Record<Phase, readonly string[]>>>;
  /** Results of cluster-scope checks, already CTRF tests with `suite: [phase]`. */
  readonly clusterTests?: Partial<Readonly<Record<Phase, readonly CtrfTest[]>>>;
  readonly scope: 'host' | 'cluster';
  readonly toolVersion: string;
  readonly redaction: Redaction;
  /** Bytes that one report may have; default what every reader accepts. */
  readonly maxReportBytes?: number;
}

/** A node by pseudonym, and its position among all nodes. */
export interface PlacedNode {
  readonly node: string;
  readonly place: number;
}

interface PhaseState {
  readonly tests: PhaseTests;
  readonly names: Set<string>;
  start: number;
  stop: number;
}

/**
 * Collects one CTRF report per phase that any node or the recipe touched: cluster checks first, then node checks in node
 * and evidence order, absent nodes (failed), and what the recipe asked for and nothing ran (skipped, with the reason).
 */
export class PhaseAssembly {
  readonly #input: PhaseInput;
  readonly #maxBytes: number;
  readonly #phases: ReadonlyMap<Phase, PhaseState>;

  constructor(input: PhaseInput) {
    this.#input = input;
    this.#maxBytes = (input.maxReportBytes ?? SIZE_LIMIT.ctrf) - FRAME_BYTES;
    this.#phases = new Map(
      RUN_ORDER.map((phase) => [phase, { tests: new PhaseTests(this.#maxBytes), names: new Set(), start: Infinity, stop: -Infinity }]),
    );
  }

  /** Takes what one node sent. Nodes come in the order of their places. */
  addNode(records: readonly RecordBody[], placed: PlacedNode): void {
    for (const record of records) {
      if (record.kind === 'check') this.#addTest(record.result.phase, nodeTest(record.result, placed.node), placed);
      else if (record.kind === 'phase-started' || record.kind === 'phase-ended') this.#note(record.phase, record.atMs);
    }
  }

  /** Takes a node that did not report; after all nodes that did, in the order of their places. */
  addAbsence({ reason, detail }: Absence, placed: PlacedNode): void {
    const test: CtrfTest = {
      name: NODE_REPORT,
      status: 'failed',
      duration: 0,
      suite: ['deployment', placed.node],
      message: detail,
      extra: { origin: 'collector', reason },
    };
    this.#addTest('deployment', test, placed);
  }

  /** The reports, redacted. @param sealedAtMs time of a phase that no node ran */
  toReports(sealedAtMs: number): ReadonlyMap<Phase, CtrfReport> {
    const reports = new Map<Phase, CtrfReport>();
    for (const [phase, state] of this.#phases) {
      const tests = this.#testsOf(phase, state);
      const span =
        state.start <= state.stop
          ? { start: Math.round(state.start), stop: Math.round(state.stop) }
          : { start: sealedAtMs, stop: sealedAtMs };
      if (tests.length > 0) reports.set(phase, buildReport(tests, { toolVersion: this.#input.toolVersion, ...span }));
    }
    return reports;
  }

  #testsOf(phase: Phase, { tests, names }: PhaseState): readonly CtrfTest[] {
    const cluster = this.#input.clusterTests?.[phase] ?? [];
    const ran = new Set([...names, ...cluster.map(({ name }) => name)]);
    const wanted = (this.#input.recipeChecks[phase] ?? []).filter((name) => !ran.has(name));
    const [before, after] = [cluster, wanted.map((name) => this.#notRun(phase, name))].map((list) => list.map((test) => this.#shown(test)));
    const otherBytes = [...(before ?? []), ...(after ?? [])].reduce((sum, test) => sum + writtenBytes(test), 0);
    return [...(before ?? []), ...tests.toTests(otherBytes), ...(after ?? [])];
  }

  #addTest(phase: Phase, test: CtrfTest, placed: PlacedNode): void {
    const state = this.#phases.get(phase);
    state?.names.add(test.name);
    state?.tests.add({ test: this.#shown(test), ...placed });
  }

  #note(phase: Phase, atMs: number): void {
    const state = this.#phases.get(phase);
    if (state !== undefined) Object.assign(state, { start: Math.min(state.start, atMs), stop: Math.max(state.stop, atMs) });
  }

  #shown(test: CtrfTest): CtrfTest {
    return shownTest(test, this.#input.redaction);
  }

  #notRun(phase: Phase, name: string): CtrfTest {
    const reason = NOT_RUN[this.#input.scope];
    return { name, status: 'skipped', duration: 0, suite: [phase], message: reason, extra: { origin: 'recipe', reason } };
  }
}

function nodeTest({ phase, check: name, status, durationMs, message, stdout, extra }: CheckResult, node: string): CtrfTest {
  return {
    name,
    status,
    duration: Math.round(durationMs),
    suite: [phase, node],
    ...(message === undefined ? {} : { message }),
    ...(stdout === undefined ? {} : { stdout }),
    extra: { origin: 'node', ...extra },
  };
}

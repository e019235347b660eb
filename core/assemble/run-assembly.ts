import { COVERAGE_FILE, NODES_FILE, type NodeEntry } from '#core/attestation/nodes.ts';
import type { AssayAdditions } from '#core/attestation/predicate.ts';
import { PHASES, type Phase } from '#core/ctrf/report.ts';
import { goJson } from '#core/digest/go-json.ts';
import { AssayError } from '#core/error.ts';
import type { Recipe } from '#core/recipe/document.ts';
import type { Measurement } from '#core/snapshot/measurement.ts';
import type { NodeName, NodeReport, SealedFrame } from '#core/wire/run.ts';
import { coverageFile, coverageSummary } from './assemble-coverage.ts';
import { nodeEntry, nodesFile, nodesRoot } from './assemble-nodes.ts';
import { PhaseAssembly, type PhaseInput, type PlacedNode } from './assemble-phases.ts';
import { assembleSnapshot, representative, type SourceNode } from './assemble-snapshot.ts';
import { composeBundle, type BundleParts, type ComposedBundle } from './compose-bundle.ts';
import { pseudonymOf, pseudonymsOf, type Pseudonyms } from './pseudonym.ts';

/** What a bundle says beyond its run: digests of other things, and until when it is good. */
export type Bindings = Pick<AssayAdditions, 'materialSlice' | 'expiresAt' | 'previousBundle' | 'logs'>;

/** Everything a run's bundle is made from, but what the nodes sent. Equal inputs give equal bytes. */
export interface AssemblyFrame
  extends
    Pick<BundleParts, 'recipe' | 'redaction' | 'toolVersion' | 'predicateType' | 'profile' | 'validatorCatalogVersion' | 'validatorImages'>,
    Pick<PhaseInput, 'clusterTests' | 'scope' | 'maxReportBytes'> {
  readonly run: SealedFrame;
  readonly clusterMeasurements?: readonly Measurement[];
}

/**
 * Assembles a sealed run into an evidence bundle, node by node, so that memory depends on the size of the bundle and not on
 * what the nodes sent. Pure: every time in it comes from the run.
 */
export class RunAssembly {
  readonly #frame: AssemblyFrame;
  readonly #pseudonyms: Pseudonyms;
  readonly #places: ReadonlyMap<NodeName, number>;
  readonly #phases: PhaseAssembly;
  readonly #complete = new Map<NodeName, boolean>();
  readonly #entries: NodeEntry[] = [];
  #source: SourceNode | undefined;
  #nextPlace = 0;

  constructor(frame: AssemblyFrame) {
    this.#frame = frame;
    this.#pseudonyms = pseudonymsOf(frame.run.expected);
    this.#places = new Map([...this.#pseudonyms.keys()].map((node, place) => [node, place]));
    this.#phases = new PhaseAssembly({ ...frame, recipeChecks: recipeChecks(frame.recipe) });
  }

  /** Nodes of the run in the order in which they have to be added. */
  get order(): readonly NodeName[] {
    return [...this.#pseudonyms.keys()];
  }

  /** What a bundle calls a node. */
  pseudonym(node: NodeName): string {
    return pseudonymOf(this.#pseudonyms, node);
  }

  /** Takes what one node sent; nodes come in the order of {@link order}, each at most once. @throws BUG */
  add(report: NodeReport): void {
    const placed = this.#placeOf(report.node);
    if (placed.place < this.#nextPlace) throw new AssayError('BUG', `node ${report.node} was added out of order`);
    this.#nextPlace = placed.place + 1;
    this.#complete.set(report.node, report.complete);
    this.#entries.push(nodeEntry(report, placed.node));
    this.#phases.addNode(report.records, placed);
    this.#source = representative(this.#source, report);
  }

  /** The bundle of everything that was added. Called once. */
  finish(bindings: Bindings = {}): ComposedBundle {
    const { run, scope, redaction, ...parts } = this.#frame;
    this.#addAbsences(run);
    const coverage = coverageFile({ run, pseudonyms: this.#pseudonyms, redaction, complete: this.#complete });
    const root = nodesRoot(this.#entries);
    return composeBundle({
      ...parts,
      redaction,
      snapshot: assembleSnapshot(run.sealedAtMs, this.#source, parts),
      reports: this.#phases.toReports(run.sealedAtMs),
      attestedAtMs: run.sealedAtMs,
      additionalFiles: new Map([
        [COVERAGE_FILE, Buffer.from(goJson(coverage))],
        [NODES_FILE, Buffer.from(goJson(nodesFile(this.#entries)))],
      ]),
      additions: {
        scope,
        runId: run.runId,
        nonce: run.nonce,
        coverage: coverageSummary(coverage),
        ...(root === undefined ? {} : { nodesRoot: root }),
        ...bindings,
      },
    });
  }

  #addAbsences({ absences }: SealedFrame): void {
    const placed = absences.map((absence) => ({ absence, placed: this.#placeOf(absence.node) }));
    for (const one of placed.sort((left, right) => left.placed.place - right.placed.place))
      this.#phases.addAbsence(one.absence, one.placed);
  }

  #placeOf(node: NodeName): PlacedNode {
    const place = this.#places.get(node);
    if (place === undefined) throw new AssayError('BUG', `node ${node} is not one of the run`);
    return { node: this.pseudonym(node), place };
  }
}

function recipeChecks(recipe: Recipe): Partial<Record<Phase, readonly string[]>> {
  return Object.fromEntries(PHASES.map((phase) => [phase, recipe.validation?.[phase]?.checks ?? []]));
}

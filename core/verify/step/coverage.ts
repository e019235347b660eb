import { isDeepStrictEqual } from 'node:util';
import { merkleProof, merkleRoot, rootFromProof } from '#core/attestation/merkle.ts';
import { COVERAGE_FILE, NODES_FILE } from '#core/attestation/nodes.ts';
import type { CoverageSummary, Predicate } from '#core/attestation/predicate.ts';
import type { CtrfStatus } from '#core/ctrf/report.ts';
import { countTests } from '#core/ctrf/summary.ts';
import { canonicalJson } from '#core/digest/canonical-json.ts';
import type { Digest } from '#core/digest/sha256.ts';
import { finding, type Finding } from '../finding.ts';
import { shown } from '../foreign-text.ts';
import type { BundleFiles } from '../materialize/bundle-files.ts';
import type { StepOutcome } from '../step-outcome.ts';
import type { Compared } from '../verdict.ts';
import type { PhaseFacts } from './phase-facts.ts';
import { readCoverageFile, readNodesFile, type CoverageRow, type NodeLeaf } from './read-node-files.ts';

/**
 * Compares who had to report with who did, in the predicate, `coverage.json`, `nodes.json` and the reports; recomputes the
 * Merkle root over the nodes, and proves one of them when asked.
 * @param node pseudonym to prove, as `--node` gives it
 */
export function checkCoverage(
  { files, predicate }: { readonly files: BundleFiles; readonly predicate: Predicate },
  facts: readonly PhaseFacts[],
  node: string | undefined,
): StepOutcome {
  const { coverage, nodesRoot } = predicate['x-assay'] ?? {};
  if (coverage === undefined) return notRecorded(node);
  const rows = readCoverageFile(files.get(COVERAGE_FILE));
  const leaves = readNodesFile(files.get(NODES_FILE));
  const findings = [
    ...summaryFindings(coverage, rows),
    ...nodeFindings(rows, { leaves, facts, isReadable: facts.length === Object.keys(predicate.phases).length }),
    ...rootFindings(leaves, nodesRoot),
    ...missingFindings(coverage),
    ...(node === undefined ? [] : proofFindings(node, leaves, nodesRoot)),
  ];
  const detail = findings[0]?.detail ?? `${coverage.reported} of ${coverage.expected} expected node(s) reported completely`;
  const compared: Compared[] = [
    {
      key: COVERAGE_FILE,
      value: rows === undefined ? 'not in the bundle' : `${rows.length} node(s) against the predicate and the reports`,
    },
    {
      key: NODES_FILE,
      value:
        leaves === undefined
          ? 'not in the bundle'
          : `Merkle root over ${leaves.length} node(s) against ${nodesRoot ?? 'no root in the predicate'}`,
    },
    ...(node === undefined ? [] : [{ key: `node ${shown(node, 80)}`, value: 'proof of inclusion recomputed against the root' }]),
  ];
  return { detail, compared, findings };
}

function notRecorded(node: string | undefined): StepOutcome {
  const detail = 'the evidence does not record which nodes were expected';
  const findings = [
    finding('COVERAGE_NOT_RECORDED', detail, { hint: 'Nothing shows that every node was tested; evidence made by Assay records it.' }),
    ...(node === undefined ? [] : [finding('NODE_UNPROVEN', `${shown(node)} cannot be proven: the evidence has no tree of nodes`)]),
  ];
  return { detail, findings, status: 'skipped' };
}

function summaryFindings({ expected, reported, missing }: CoverageSummary, rows: readonly CoverageRow[] | undefined): readonly Finding[] {
  const wrong = (detail: string): readonly Finding[] => [finding('COVERAGE_WRONG', detail)];
  if (reported > expected) return wrong(`the predicate says that ${reported} of ${expected} expected nodes reported`);
  if (rows === undefined) return wrong(`${COVERAGE_FILE} is missing or malformed`);
  const absent = rows.filter(({ state }) => state !== 'reported');
  if (rows.length - absent.length !== reported || absent.length < expected - reported)
    return wrong(
      `${COVERAGE_FILE} lists ${rows.length - absent.length} reported and ${absent.length} absent node(s), the predicate says ${reported} of ${expected}`,
    );
  const named = new Map(absent.map(({ node, state }) => [node, state]));
  const stranger = missing.find(({ node, reason }) => named.get(node) !== reason);
  return stranger === undefined
    ? []
    : wrong(`the predicate says that ${shown(stranger.node, 80)} is missing (${shown(stranger.reason, 40)}), ${COVERAGE_FILE} does not`);
}

interface NodeSources {
  readonly leaves: readonly NodeLeaf[] | undefined;
  readonly facts: readonly PhaseFacts[];
  /** True when every report could be read. */
  readonly isReadable: boolean;
}

function nodeFindings(rows: readonly CoverageRow[] | undefined, { leaves = [], facts, isReadable }: NodeSources): readonly Finding[] {
  const listed = new Set((rows ?? []).map(({ node }) => node));
  const complete = new Set(leaves.filter((leaf) => leaf.complete).map(({ node }) => node));
  const inReports = new Set(facts.flatMap(({ nodes }) => [...nodes.keys()]));
  const stranger = [...inReports, ...leaves.map(({ node }) => node)].find((node) => !listed.has(node));
  const claimed = (rows ?? []).find(({ node, state }) => state === 'reported' && !complete.has(node));
  const miscounted = isReadable ? leaves.find((leaf) => !isCountedRight(leaf, facts)) : undefined;
  const problems = [
    ...(stranger === undefined ? [] : [`${shown(stranger, 80)} has results, and ${COVERAGE_FILE} does not list it`]),
    ...(claimed === undefined ? [] : [`${shown(claimed.node, 80)} counts as reported, and ${NODES_FILE} has no complete entry for it`]),
    ...(miscounted === undefined ? [] : [`${NODES_FILE} counts other results of ${shown(miscounted.node, 80)} than the reports hold`]),
  ];
  return problems.map((problem) => finding('COVERAGE_WRONG', problem));
}

/** Compares a node's own counts with the reports; where tests of nodes are folded nothing can be counted. */
function isCountedRight({ node, checks }: NodeLeaf, facts: readonly PhaseFacts[]): boolean {
  if (facts.some(({ isFolded }) => isFolded)) return true;
  const sum = countTests([]);
  for (const { nodes } of facts) for (const [status, count] of Object.entries(nodes.get(node) ?? {})) sum[status as CtrfStatus] += count;
  return isDeepStrictEqual(checks, sum);
}

function rootFindings(leaves: readonly NodeLeaf[] | undefined, claimed: Digest | undefined): readonly Finding[] {
  const root = leaves === undefined || leaves.length === 0 ? undefined : merkleRoot(leaves.map(leafBytes));
  return root === claimed
    ? []
    : [finding('NODES_ROOT_MISMATCH', `the root over ${NODES_FILE} is ${root ?? 'none'}, the predicate says ${claimed ?? 'none'}`)];
}

function missingFindings({ expected, reported, missing }: CoverageSummary): readonly Finding[] {
  if (reported === expected) return [];
  const named = missing.slice(0, 5).map(({ node, reason }) => `${shown(node, 60)} (${shown(reason, 40)})`);
  return [finding('NODE_MISSING', `${expected - reported} of ${expected} expected nodes did not report completely: ${named.join(', ')}`)];
}

function proofFindings(node: string, leaves: readonly NodeLeaf[] = [], root: Digest | undefined): readonly Finding[] {
  const index = leaves.findIndex((leaf) => leaf.node === node);
  const leaf = leaves[index];
  if (leaf === undefined)
    return [
      finding('NODE_UNPROVEN', `${shown(node)} is not in ${NODES_FILE}`, {
        hint: `Nodes are named by pseudonym; ${COVERAGE_FILE} lists them.`,
      }),
    ];
  const bytes = leaves.map(leafBytes);
  const recomputed = rootFromProof(leafBytes(leaf), { index, size: leaves.length }, merkleProof(bytes, index));
  return recomputed === root
    ? []
    : [finding('NODE_UNPROVEN', `the proof of ${shown(node)} leads to ${recomputed ?? 'no root'}, the predicate says ${root ?? 'none'}`)];
}

function leafBytes({ entry }: NodeLeaf): Uint8Array {
  return Buffer.from(canonicalJson(entry));
}

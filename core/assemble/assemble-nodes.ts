import { canonicalJson } from '#core/digest/canonical-json.ts';
import { sha256, type Digest } from '#core/digest/sha256.ts';
import { countTests } from '#core/ctrf/summary.ts';
import { merkleRoot } from '#core/attestation/merkle.ts';
import type { NodeEntry, NodesFile } from '#core/attestation/nodes.ts';
import type { NodeReport, SealedRun } from '#core/wire/run.ts';
import { pseudonymOf, type Pseudonyms } from './pseudonym.ts';

/** `nodes.json` of a run: one entry per node that sent anything, in the order of the pseudonyms. */
export function nodesFile(run: SealedRun, pseudonyms: Pseudonyms): NodesFile {
  const entries = run.reports.map((report) => nodeEntry(report, pseudonymOf(pseudonyms, report.node)));
  return { schemaVersion: '1.0.0', nodes: entries.sort((left, right) => (left.node < right.node ? -1 : 1)) };
}

/** Merkle root over the entries of `nodes.json`, each leaf in canonical JSON (RFC 8785); undefined without nodes. */
export function nodesRoot(file: NodesFile): Digest | undefined {
  return file.nodes.length === 0 ? undefined : merkleRoot(file.nodes.map((entry) => Buffer.from(canonicalJson(entry))));
}

function nodeEntry(report: NodeReport, node: string): NodeEntry {
  const results = report.records.flatMap((record) => (record.kind === 'check' ? [record.result] : []));
  const { passed, failed, skipped, pending, other } = countTests(results);
  const recordsDigest = sha256(canonicalJson(report.records));
  return {
    node,
    agentVersion: report.agentVersion,
    complete: report.complete,
    records: report.records.length,
    recordsDigest,
    checks: { passed, failed, skipped, pending, other },
  };
}

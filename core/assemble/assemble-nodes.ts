import { merkleRoot } from '#core/attestation/merkle.ts';
import type { NodeEntry, NodesFile } from '#core/attestation/nodes.ts';
import { countTests } from '#core/ctrf/summary.ts';
import { canonicalJson } from '#core/digest/canonical-json.ts';
import { sha256, type Digest } from '#core/digest/sha256.ts';
import type { NodeReport } from '#core/wire/run.ts';

/** What one node contributed, with the digest of everything it sent. @param node its pseudonym */
export function nodeEntry(report: NodeReport, node: string): NodeEntry {
  const results = report.records.flatMap((record) => (record.kind === 'check' ? [record.result] : []));
  const { passed, failed, skipped, pending, other } = countTests(results);
  return {
    node,
    agentVersion: report.agentVersion,
    complete: report.complete,
    records: report.records.length,
    recordsDigest: sha256(canonicalJson(report.records)),
    checks: { passed, failed, skipped, pending, other },
  };
}

/** `nodes.json`: one entry per node that sent anything, in the order of the pseudonyms. */
export function nodesFile(entries: readonly NodeEntry[]): NodesFile {
  return { schemaVersion: '1.0.0', nodes: entries };
}

/** Merkle root over the entries of `nodes.json`, each leaf in canonical JSON (RFC 8785); undefined without nodes. */
export function nodesRoot(entries: readonly NodeEntry[]): Digest | undefined {
  return entries.length === 0 ? undefined : merkleRoot(entries.map((entry) => Buffer.from(canonicalJson(entry))));
}

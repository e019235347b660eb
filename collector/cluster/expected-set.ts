import type { Cluster } from '#core/cluster/cluster.ts';
import { isExpectedNode } from '#core/cluster/expected-node.ts';
import type { LabelRequirement } from '#core/cluster/label-selector.ts';
import { nodeFacts, type NodeFacts } from '#core/cluster/node-facts.ts';
import { AssayError } from '#core/error.ts';

/** A node that must report. */
export interface ExpectedNode {
  readonly name: string;
  readonly uid: string;
}

/**
 * The nodes that must report: those with accelerators, by capacity or label, and those that the selector adds. Never read from
 * the agents' DaemonSet, which would leave out exactly the nodes that it cannot reach.
 * @param selector requirements that a further node must meet; undefined adds none
 * @returns by name, in byte order
 * @throws NO_GPU_NODE when there is none; the codes of the cluster
 */
export async function readExpectedSet(
  cluster: Pick<Cluster, 'watch'>,
  selector: readonly LabelRequirement[] | undefined,
): Promise<readonly ExpectedNode[]> {
  const expected: ExpectedNode[] = [];
  let total = 0;
  for await (const node of currentNodes(cluster)) {
    total += 1;
    if (isExpectedNode(node, selector)) expected.push({ name: node.name, uid: node.uid });
  }
  if (expected.length === 0)
    throw new AssayError(
      'NO_GPU_NODE',
      `none of the ${String(total)} nodes has a GPU by capacity or label, so there is nothing to certify`,
      {
        hint: 'Install a device plug-in or Node Feature Discovery, or name the nodes: --expect-selector KEY=VALUE (chart: agent.extraNodes).',
        details: { nodes: total },
      },
    );
  return expected.sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** Page by page, because a list of all nodes with their images may be hundreds of megabytes. */
async function* currentNodes(cluster: Pick<Cluster, 'watch'>): AsyncIterable<NodeFacts> {
  const over = new AbortController();
  try {
    for await (const event of cluster.watch({ apiVersion: 'v1', kind: 'Node' }, over.signal)) {
      if (event.change === 'synced') return;
      if (event.change === 'present') yield nodeFacts(event.object);
    }
  } finally {
    over.abort();
  }
}

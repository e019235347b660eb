import type { Command } from 'commander';
import type { Cluster } from '#core/cluster/cluster.ts';

/** Flags of every verb that talks to a cluster. */
export interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

/** Flags that say which release and which of its runs. */
export interface RunFlags extends ClusterFlags {
  readonly release?: string;
  readonly run?: string;
}

/** A cluster and the namespace that is looked at. */
export interface ClusterPlace {
  readonly cluster: Cluster;
  readonly namespace: string;
}

/** Adds the flags of a verb that talks to a cluster. */
export function withCluster(command: Command): Command {
  return withKubeconfig(command).option('-n, --namespace <name>', 'namespace of the release (default: that of the context)');
}

/** Adds the flags that say which cluster. */
export function withKubeconfig(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'access to the cluster (default: as kubectl: $KUBECONFIG, ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig');
}

/** Adds the flags that say which release and which of its runs. */
export function withRun(command: Command): Command {
  return withCluster(command)
    .option('--release <name>', 'release, when the namespace has several')
    .option('--run <id>', 'run (default: the newest)');
}

/** Connects as the flags say; nothing is sent yet. @throws KUBECONFIG_INVALID */
export async function openCluster({ kubeconfig, context, namespace }: ClusterFlags): Promise<ClusterPlace> {
  const { connectCluster } = await import('#core/cluster/connect.ts');
  const cluster = await connectCluster({
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
  return { cluster, namespace: namespace ?? cluster.namespace };
}

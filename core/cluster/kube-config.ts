import { KubeConfig } from '@kubernetes/client-node';

/** An empty configuration of the Kubernetes client: a module of its own, so that a bundle takes nothing else of that library. */
export function emptyKubeConfig(): KubeConfig {
  return new KubeConfig();
}

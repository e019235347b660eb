import type { CredentialPod } from './admission.ts';

/**
 * How a pod that wants to speak for a node stands to the one that does: a pod of the release's DaemonSet before any other,
 * then the one that was created later.
 * @returns `same` for the same pod, for two of the same second, and where one of them proved nothing
 */
export function comparePods(pod: CredentialPod | undefined, present: CredentialPod | undefined): 'newer' | 'same' | 'older' {
  if (pod === undefined || present === undefined || pod.uid === present.uid) return 'same';
  if (pod.ofDaemonSet !== present.ofDaemonSet) return pod.ofDaemonSet ? 'newer' : 'older';
  if (pod.createdAtMs === present.createdAtMs) return 'same';
  return pod.createdAtMs > present.createdAtMs ? 'newer' : 'older';
}

/** Services by the beginning of a node's provider id. @source upstream snapshot, K8s.node provider */
const SERVICES: Readonly<Record<string, string>> = { aws: 'eks', gce: 'gke', azure: 'aks', oci: 'oke', linode: 'lke' };

/**
 * Which service runs a cluster, by the provider id of a node: `aws:///eu-west-1a/i-0` is `eks`, an unknown scheme stays as it is.
 * @returns undefined when the id says nothing
 */
export function serviceOf(providerId: string): string | undefined {
  if (providerId.startsWith('ocid1.')) return 'oke';
  const scheme = /^([A-Za-z][A-Za-z\d+.-]*):\/\//.exec(providerId)?.[1]?.toLowerCase();
  return scheme === undefined ? undefined : (SERVICES[scheme] ?? scheme);
}

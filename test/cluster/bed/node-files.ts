import { join } from 'node:path';
import { CLUSTER_ISSUER, network, nodeAddress, podNetwork } from './network.ts';
import { keyFile } from './pki.ts';
import { nodePlace, place } from './place.ts';
import { IMAGE_REGISTRY } from './registry.ts';

/** Settings of one node. */
export interface NodeSettings {
  readonly index: number;
  readonly nodes: number;
  /** Image of pod sandboxes. */
  readonly pause: string;
}

/** Where containerd reads which registry to ask, at every pull. */
export const REGISTRY_HOSTS = 'certs.d/_default/hosts.toml';

/** Every registry name is asked of one registry: charts keep the image names they have. */
export function registryHosts(): string {
  return `server = "http://${IMAGE_REGISTRY}"\n[host."http://${IMAGE_REGISTRY}"]\n  capabilities = ["pull", "resolve"]\n`;
}

/** Text of every configuration file of a node, by path below its folder. */
export function nodeFiles(settings: NodeSettings): Readonly<Record<string, string>> {
  const root = nodePlace(settings.index).root;
  const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`;
  return {
    'resolv.conf': `nameserver ${network.controlPlane}\nsearch ${network.domain}\n`,
    'cni/net.d/10-pods.conflist': json(podNetworkConfig(settings.index)),
    'containerd.toml': containerdConfig(root, settings.pause),
    [REGISTRY_HOSTS]: registryHosts(),
    'kubelet.json': json(kubeletConfig(settings.index, root)),
    'proxy.json': json(proxyConfig(settings.index)),
    ...(settings.index === 1 ? { 'authentication.json': json(AUTHENTICATION), 'audit.json': json(AUDIT), Corefile: COREFILE } : {}),
  };
}

/** Routed links, no bridge in the node: the way back from a Service needs no netfilter on bridges. */
function podNetworkConfig(index: number): unknown {
  const ipam = {
    type: 'host-local',
    dataDir: '/run/pod-addresses',
    ranges: [[{ subnet: podNetwork(index) }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  return { cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'ptp', mtu: 1400, ipMasq: false, ipam }] };
}

/** Debian's containerd is of version 1: configuration version 2. */
function containerdConfig(root: string, pause: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${root}/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[${cri}]
  sandbox_image = "${pause}"
  # Lowering a score below that of this process needs a right that it may lack.
  restrict_oom_score_adj = true
  [${cri}.cni]
    bin_dir = "${place.cni}"
    conf_dir = "${root}/cni/net.d"
  [${cri}.registry]
    config_path = "${root}/certs.d"
  [${cri}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [${cri}.containerd.runtimes.runc.options]
      BinaryName = "${place.bin}/runc"
`;
}

function kubeletConfig(index: number, root: string): unknown {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    failSwapOn: false,
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: keyFile('ca.crt') } },
    authorization: { mode: 'Webhook' },
    tlsCertFile: keyFile(`node-${index}.crt`),
    tlsPrivateKeyFile: keyFile(`node-${index}.key`),
    clusterDomain: network.domain,
    clusterDNS: [network.controlPlane],
    resolvConf: join(root, 'resolv.conf'),
    volumePluginDir: join(root, 'volume-plugins'),
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '0%', 'imagefs.available': '0%', 'nodefs.inodesFree': '0%' },
    nodeStatusUpdateFrequency: '4s',
    serializeImagePulls: false,
    // Failed pulls are tried again soon enough for a test.
    crashLoopBackOff: { maxContainerRestartPeriod: '10s' },
    featureGates: { KubeletCrashLoopBackOffMax: true },
  };
}

function proxyConfig(index: number): unknown {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: join(place.run, 'proxy.kubeconfig') },
    clusterCIDR: network.pods,
    hostnameOverride: `node-${index}`,
    bindAddress: nodeAddress(index),
    // These limits belong to the whole machine.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}

/** What a verifier of service-account tokens reads, and health, need no credentials; everything else does. */
const AUTHENTICATION = {
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AuthenticationConfiguration',
  anonymous: {
    enabled: true,
    conditions: ['/livez', '/readyz', '/healthz', '/.well-known/openid-configuration', '/openid/v1/jwks'].map((path) => ({ path })),
  },
};

/** One line per request of a pod's account: who asked for what, and how often. */
const AUDIT = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', userGroups: ['system:serviceaccounts:kube-system'] },
    { level: 'Metadata', userGroups: ['system:serviceaccounts'] },
    { level: 'None' },
  ],
};

const ADDRESSES = `bind ${network.controlPlane}\n    errors`;
const COREFILE = `${network.domain}:53 in-addr.arpa:53 {
    ${ADDRESSES}
    kubernetes ${network.domain} in-addr.arpa {
        kubeconfig ${place.kubeconfig}
        ttl 5
    }
}
.:53 {
    ${ADDRESSES}
    template ANY ANY {
        rcode NXDOMAIN
    }
}
`;

/** A program that a node keeps running. */
export interface NodeService {
  readonly name: string;
  readonly words: readonly string[];
  /** Started once the API server answers and its first roles exist: those who come earlier are refused and back off for seconds. */
  readonly afterApi?: boolean;
}

/** Programs of a node in the order of their start; the first one is the control plane too. @param gpus fake GPUs of the node */
export function nodeServices({ index }: NodeSettings, gpus: number): readonly NodeService[] {
  const root = nodePlace(index).root;
  return [
    { name: 'containerd', words: ['containerd', '-c', join(root, 'containerd.toml')] },
    ...(index === 1 ? controlPlane(root) : []),
    {
      name: 'kubelet',
      words: [
        'kubelet',
        `--config=${join(root, 'kubelet.json')}`,
        `--kubeconfig=${join(place.run, `node-${index}.kubeconfig`)}`,
        `--hostname-override=node-${index}`,
        `--node-ip=${nodeAddress(index)}`,
        `--node-labels=nvidia.com/gpu.present=true,nvidia.com/gpu.product=NVIDIA-H100-80GB-HBM3,nvidia.com/gpu.count=${gpus}`,
        '--v=2',
      ],
    },
    { name: 'gpu', words: ['bed-gpu', '-count', String(gpus), '-devices', nodePlace(index).devices] },
    { name: 'proxy', words: ['kube-proxy', `--config=${join(root, 'proxy.json')}`, '--v=1'], afterApi: true },
  ];
}

function controlPlane(root: string): readonly NodeService[] {
  const etcd = 'http://127.0.0.1:2379';
  const peer = 'http://127.0.0.1:2380';
  const config = (name: string): string => `--kubeconfig=${join(place.run, `${name}.kubeconfig`)}`;
  return [
    {
      name: 'etcd',
      words: [
        'etcd',
        '--name=bed',
        `--data-dir=${root}/etcd/data`,
        '--unsafe-no-fsync',
        `--listen-client-urls=${etcd}`,
        `--advertise-client-urls=${etcd}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=bed=${peer}`,
        '--log-level=warn',
      ],
    },
    { name: 'apiserver', words: apiServerWords(root, etcd) },
    {
      name: 'controllers',
      afterApi: true,
      words: [
        'kube-controller-manager',
        config('controllers'),
        '--use-service-account-credentials',
        `--service-account-private-key-file=${keyFile('accounts.key')}`,
        `--root-ca-file=${keyFile('ca.crt')}`,
        '--leader-elect=false',
        '--node-monitor-grace-period=20s',
        // The default limit delays the first service account, and with it the first pod, by seconds.
        '--kube-api-qps=200',
        '--kube-api-burst=400',
        '--v=1',
      ],
    },
    {
      name: 'scheduler',
      afterApi: true,
      words: ['kube-scheduler', config('scheduler'), '--leader-elect=false', '--kube-api-qps=500', '--kube-api-burst=1000', '--v=1'],
    },
    { name: 'dns', afterApi: true, words: ['bed-dns', '-conf', join(root, 'Corefile')] },
  ];
}

function apiServerWords(root: string, etcd: string): readonly string[] {
  return [
    'kube-apiserver',
    `--etcd-servers=${etcd}`,
    `--advertise-address=${network.controlPlane}`,
    `--secure-port=${network.apiPort}`,
    `--tls-cert-file=${keyFile('apiserver.crt')}`,
    `--tls-private-key-file=${keyFile('apiserver.key')}`,
    `--client-ca-file=${keyFile('ca.crt')}`,
    `--kubelet-client-certificate=${keyFile('apiserver-kubelet.crt')}`,
    `--kubelet-client-key=${keyFile('apiserver-kubelet.key')}`,
    `--kubelet-certificate-authority=${keyFile('ca.crt')}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    `--authentication-config=${join(root, 'authentication.json')}`,
    `--audit-policy-file=${join(root, 'audit.json')}`,
    `--audit-log-path=${join(root, 'log', 'audit.log')}`,
    `--service-cluster-ip-range=${network.services}`,
    `--service-account-issuer=${CLUSTER_ISSUER}`,
    `--service-account-jwks-uri=${CLUSTER_ISSUER}/openid/v1/jwks`,
    `--service-account-key-file=${keyFile('accounts.pub')}`,
    `--service-account-signing-key-file=${keyFile('accounts.key')}`,
    '--allow-privileged',
    '--endpoint-reconciler-type=master-count',
    // As on loopback: the distribution's etcd is too old for it.
    '--feature-gates=WatchList=false',
    '--v=1',
  ];
}

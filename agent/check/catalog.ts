import type { Check } from './check.ts';
import { checkGpuDriver, checkPciInventory } from './gpu-presence.ts';
import { checkGpuResponse } from './gpu-response.ts';
import { checkDiskHeadroom, checkMemoryHeadroom, DISK_THRESHOLDS, MEMORY_THRESHOLDS } from './headroom.ts';
import { checkClock, checkKernelRelease, CLOCK_THRESHOLDS } from './os.ts';

/** Files of sysfs and procfs answer in microseconds. */
const FILES_MS = 5000;
const TOOL_MS = 20_000;

/** Every node check, in evidence order within its phase. Each has a row in docs/reference/check.md. */
export const CHECKS: readonly Check[] = [
  {
    name: 'kernel-release',
    phase: 'deployment',
    summary: 'The kernel says which release it is',
    reads: ['/proc/sys/kernel/osrelease'],
    tier: 0,
    severity: 'config',
    thresholds: {},
    deadlineMs: FILES_MS,
    run: checkKernelRelease,
  },
  {
    name: 'clock',
    phase: 'deployment',
    summary: 'The wall clock is possible and near the hardware clock',
    reads: ['/sys/class/rtc/rtc0/since_epoch'],
    tier: 0,
    severity: 'config',
    thresholds: CLOCK_THRESHOLDS,
    deadlineMs: FILES_MS,
    run: checkClock,
  },
  {
    name: 'memory-headroom',
    phase: 'deployment',
    summary: 'Memory is left for a workload',
    reads: ['/proc/meminfo'],
    tier: 0,
    severity: 'minor',
    thresholds: MEMORY_THRESHOLDS,
    deadlineMs: FILES_MS,
    run: checkMemoryHeadroom,
  },
  {
    name: 'disk-headroom',
    phase: 'deployment',
    summary: 'Room and inodes are left where images, logs and volumes are kept',
    reads: ['/', '/var/lib/kubelet', '/var/lib/containerd', '/var/lib/docker'],
    tier: 0,
    severity: 'minor',
    thresholds: DISK_THRESHOLDS,
    deadlineMs: FILES_MS,
    run: checkDiskHeadroom,
  },
  {
    name: 'pci-inventory',
    phase: 'deployment',
    summary: 'Every PCI function answers and no GPU has fallen off the bus',
    reads: ['/sys/bus/pci/devices/*/{vendor,device,class}', '/sys/bus/pci/devices/*/config'],
    tier: 0,
    severity: 'critical',
    thresholds: {},
    deadlineMs: FILES_MS,
    run: checkPciInventory,
  },
  {
    name: 'gpu-driver',
    phase: 'deployment',
    summary: 'The kernel driver of every GPU is loaded',
    reads: ['/sys/bus/pci/devices', '/sys/module/{nvidia,amdgpu}'],
    tier: 0,
    severity: 'critical',
    thresholds: {},
    deadlineMs: FILES_MS,
    run: checkGpuDriver,
  },
  {
    name: 'gpu-response',
    phase: 'deployment',
    summary: "The vendor's tool answers for every GPU on the bus",
    reads: ['nvidia-smi -L', 'amd-smi list'],
    tier: 1,
    severity: 'critical',
    thresholds: {},
    deadlineMs: TOOL_MS,
    run: checkGpuResponse,
  },
];

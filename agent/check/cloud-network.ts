import { PROC_DRIVER } from '../probe/nvidia-reading.ts';
import { readCloud } from '../probe/platform.ts';
import { colonLines } from '../probe/text-file.ts';
import { boardOf } from './board-table.ts';
import type { CheckContext } from './check.ts';
import { nvidiaOnPci, type Given } from './nvidia-gpu.ts';
import { fail, pass, skip, skipFor, unknown, type Verdict } from './verdict.ts';

/** Ready on nodes of one cloud with one accelerator; elsewhere a verdict that nothing is to be checked. */
async function onlyOn(context: CheckContext, service: string, accelerator: string): Promise<Given<undefined>> {
  const gpus = await nvidiaOnPci(context);
  if (!gpus.ready) return gpus;
  const isBoard = gpus.value.some((gpu) => boardOf(gpu)?.accelerator === accelerator);
  const cloud = await readCloud(context.host);
  if (isBoard && cloud?.service === service) return { ready: true, value: undefined };
  return { ready: false, verdict: skip(`only for ${accelerator} on ${service}`) };
}

const PARAMETER = 'GrdmaPciTopoCheckOverride';

/**
 * On GB200 of Amazon, network cards hang on another root than the GPUs, and the driver has been told to let them reach GPU memory
 * all the same.
 * @source NCCL tests over EFA on GB200: a node without it falls back to sockets
 */
export async function checkTopologyOverride(context: CheckContext): Promise<Verdict> {
  const place = await onlyOn(context, 'eks', 'gb200');
  if (!place.ready) return place.verdict;
  const path = `${PROC_DRIVER}/params`;
  const read = await context.host.readText(path);
  if (read.state !== 'read') return unknown(read.reason);
  const value = colonLines(read.value).get(PARAMETER);
  const observed = { [PARAMETER]: value ?? null };
  return value === '1'
    ? pass(`${PARAMETER} is set`, observed)
    : fail(`${PARAMETER} is ${value ?? 'not there'}: GPU memory is out of the network's reach`, observed);
}

const DRIVER_DIRECTORY = '/home/kubernetes/bin/nvidia';
const PROFILE = `${DRIVER_DIRECTORY}/lib64/nccl-env-profile.sh`;

/** On H100 of Google, the profile that switches NCCL to the offloaded transport is installed. @source Google Cloud, GPUDirect-TCPXO */
export async function checkTransportProfile(context: CheckContext): Promise<Verdict> {
  const place = await onlyOn(context, 'gke', 'h100');
  if (!place.ready) return place.verdict;
  if ((await context.host.stat(DRIVER_DIRECTORY)).state !== 'read') return skipFor('host-files', `${DRIVER_DIRECTORY} is not visible`);
  const isThere = (await context.host.stat(PROFILE)).state === 'read';
  return isThere
    ? pass('the NCCL profile is installed', { profile: true })
    : fail(`${PROFILE} is missing: NCCL falls back to sockets`, { profile: false });
}

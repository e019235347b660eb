import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeMachine, type Machine } from '../../fixture/host/machine.ts';
import { failingH100, hgxH100 } from '../../fixture/host/machines.ts';
import { nodePlace } from './place.ts';

/** What a pod finds of the node's made-up machine: the tree is `root`, its tools are in `bin`. */
export const MACHINE_PATH = '/var/lib/bed-machine';

/** Makes a node look like a machine. Pods that have the folder mounted see the change at once. */
export function layMachine(index: number, machine: Machine): void {
  for (const part of ['root', 'bin']) rmSync(join(nodePlace(index).machine, part), { recursive: true, force: true });
  writeMachine(machine, nodePlace(index).machine);
}

/** Writes one tool of a node: a script of sh. */
function layTool(index: number, name: string, script: string): void {
  const file = join(nodePlace(index).machine, 'bin', name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/**
 * Makes a node a healthy machine whose vendor tool answers all questions but the first at leisure: the agent measures at once,
 * and is then for a while in the middle of the performance phase, where the tool is asked thrice.
 */
export function layLeisurely(index: number, seconds: number): void {
  layMachine(index, hgxH100());
  const bin = join(nodePlace(index).machine, 'bin');
  renameSync(join(bin, 'nvidia-smi'), join(bin, 'nvidia-smi.real'));
  layTool(index, 'nvidia-smi', `[ "$*" = "-q -x" ] || sleep ${seconds}\nexec "$0.real" "$@"`);
}

/** Node 1 is healthy, on node 2 one GPU fails, node 3 has the same GPUs and none of the vendor's tools. */
export function layDefaultMachines(): void {
  layMachine(1, hgxH100());
  layMachine(2, failingH100());
  layMachine(3, { ...hgxH100(), tools: {} });
}

import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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

/** Makes every call of one tool of a node take longer, and then answer as before: phases that use it are caught in their middle. */
export function slowTool(index: number, name: string, seconds: number): void {
  const file = join(nodePlace(index).machine, 'bin', name);
  if (!existsSync(`${file}.real`)) renameSync(file, `${file}.real`);
  layTool(index, name, `sleep ${seconds}; exec "$0.real" "$@"`);
}

/** Node 1 is healthy, on node 2 one GPU fails, node 3 has the same GPUs and none of the vendor's tools. */
export function layDefaultMachines(): void {
  layMachine(1, hgxH100());
  layMachine(2, failingH100());
  layMachine(3, { ...hgxH100(), tools: {} });
}

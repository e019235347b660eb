import type { Measurement } from '#core/snapshot/measurement.ts';
import { isNvSwitch } from './accelerator.ts';
import { entryCount } from './kernel.ts';
import { found, measure } from './measure.ts';
import type { NodeView } from './node-view.ts';
import { PCI_DEVICES } from './pci-function.ts';

const IMEX_NODES = '/etc/nvidia-imex/nodes_config.cfg';
const CHANNELS = '/dev/nvidia-caps-imex-channels';

/** What connects the GPUs of this node and of several nodes, as `Hardware.fabric`. */
export async function probeFabric({ host, pci }: NodeView): Promise<readonly Measurement[]> {
  const read = await pci();
  const switches = read.state === 'read' ? read.value.functions.filter(isNvSwitch).length : 0;
  const nodes = await host.readText(IMEX_NODES);
  const devices = await host.readText('/proc/devices');
  const isListed = (line: string): boolean => line.trim() !== '' && !line.startsWith('#');
  return measure({ subtype: 'fabric' }, [
    found('nvswitches', switches, PCI_DEVICES),
    // The list holds addresses of nodes: only their number leaves the agent.
    {
      key: 'imex-nodes',
      read: nodes.state === 'read' ? { state: 'read', value: nodes.value.split('\n').filter(isListed).length } : nodes,
      unit: '1',
      source: IMEX_NODES,
    },
    {
      key: 'imex-capable',
      read: devices.state === 'read' ? { state: 'read', value: /nvidia-caps-imex-channels/.test(devices.value) } : devices,
      source: '/proc/devices',
    },
    { key: 'imex-channels', read: await entryCount(host, CHANNELS), unit: '1', source: CHANNELS },
  ]);
}

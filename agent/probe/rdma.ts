import type { Measurement } from '#core/snapshot/measurement.ts';
import { INFINIBAND, type RdmaDevice } from './infiniband.ts';
import { found, measure } from './measure.ts';
import type { NodeView } from './node-view.ts';

/** RDMA devices and ports as `Hardware.rdma`: types, firmware, rates; no addresses, no counters. */
export async function probeRdma(node: NodeView): Promise<readonly Measurement[]> {
  const read = await node.infiniband();
  return read.state === 'read' ? read.value.flatMap(describe) : [];
}

function describe(device: RdmaDevice): readonly Measurement[] {
  const path = `${INFINIBAND}/${device.name}`;
  return [
    ...measure({ subtype: 'rdma', item: device.name }, [
      { key: 'hca-type', read: device.hcaType, source: `${path}/hca_type` },
      { key: 'firmware', read: device.firmware, source: `${path}/fw_ver` },
      { key: 'board-id', read: device.boardId, source: `${path}/board_id` },
      { key: 'driver', read: device.driver, source: `${path}/device/driver` },
      ...(device.pciAddress === undefined ? [] : [found('pci-address', device.pciAddress, `${path}/device`)]),
    ]),
    ...device.ports.flatMap((port) =>
      measure({ subtype: 'rdma', item: `${device.name}/${port.number}` }, [
        { key: 'link-layer', read: port.linkLayer, source: `${path}/ports/${port.number}/link_layer` },
        { key: 'state', read: port.state, source: `${path}/ports/${port.number}/state` },
        { key: 'rate', read: port.rateGbps, unit: 'Gb/s', source: `${path}/ports/${port.number}/rate` },
        { key: 'lanes', read: port.lanes, unit: '1', source: `${path}/ports/${port.number}/rate` },
      ]),
    ),
  ];
}

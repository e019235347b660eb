import type { Reading } from '#core/snapshot/measurement.ts';
import { pciAddress } from '../pci-address.ts';
import { textOf, type Field, type Tally } from '../parsed.ts';
import { resolveShape, type Resolved } from '../shape.ts';
import { readValue } from '../value.ts';
import { SMI_RULES, type SmiForm } from './smi-fields.ts';

/**
 * The facts that checks and fingerprints ask for, by the keys that can answer, best first
 * (older drivers print the same fact under another name).
 */
export const GPU_SHAPE = {
  productName: ['name'],
  brand: ['brand'],
  architecture: ['architecture'],
  uuid: ['uuid'],
  serial: ['serial'],
  pdi: ['pdi'],
  minorNumber: ['minor_number'],
  vbiosVersion: ['vbios_version'],
  boardPartNumber: ['board_part_number'],
  gpuPartNumber: ['gpu_part_number'],
  inforomImage: ['inforom.img'],
  inforomChecksumValid: ['inforom.checksum_validation'],
  gspFirmwareVersion: ['gsp.firmware_version'],
  persistenceMode: ['persistence_mode'],
  addressingMode: ['addressing_mode'],
  c2cMode: ['c2c.mode'],
  computeMode: ['compute_mode'],
  computeCapability: ['compute_cap'],
  virtualizationMode: ['virtualization.mode'],
  performanceState: ['pstate'],
  recoveryAction: ['gpu_recovery_action'],
  resetRequired: ['gpu_reset_status.reset_required'],
  drainAndResetRecommended: ['gpu_reset_status.drain_recommended'],
  mig: { current: ['mig.mode.current'], pending: ['mig.mode.pending'] },
  pci: { deviceId: ['pci.device_id'], subsystemId: ['pci.sub_device_id'] },
  pcie: {
    generationMax: ['pcie.link.gen.max'],
    generationCurrent: ['pcie.link.gen.current'],
    generationDeviceMax: ['pcie.link.gen.gpumax'],
    generationHostMax: ['pcie.link.gen.hostmax'],
    widthMax: ['pcie.link.width.max'],
    widthCurrent: ['pcie.link.width.current'],
    replayCounter: ['pcie.replay_counter'],
    replayRolloverCounter: ['pcie.replay_rollover_counter'],
  },
  memory: { total: ['memory.total'], reserved: ['memory.reserved'], used: ['memory.used'], free: ['memory.free'] },
  bar1Total: ['bar1.total'],
  protectedMemoryTotal: ['protected_memory.total'],
  utilization: { gpu: ['utilization.gpu'], memory: ['utilization.memory'] },
  ecc: {
    current: ['ecc.mode.current'],
    pending: ['ecc.mode.pending'],
    volatile: eccShape('volatile'),
    aggregate: eccShape('aggregate'),
    sramThresholdExceeded: ['ecc.errors.uncorrected.aggregate.sram.thresholdExceeded'],
    channelRepairPending: ['ecc.channel_repair_pending'],
    tpcRepairPending: ['ecc.tpc_repair_pending'],
    unrepairableMemory: ['ecc.unrepairable_memory'],
  },
  retiredPages: {
    singleBit: ['retired_pages.single_bit_ecc.count'],
    doubleBit: ['retired_pages.double_bit.count'],
    pending: ['retired_pages.pending', 'retired_pages.pending_blacklist'],
  },
  remappedRows: {
    correctable: ['remapped_rows.correctable'],
    uncorrectable: ['remapped_rows.uncorrectable'],
    pending: ['remapped_rows.pending'],
    failure: ['remapped_rows.failure'],
    histogram: {
      max: ['remapped_rows.histogram.max'],
      high: ['remapped_rows.histogram.high'],
      partial: ['remapped_rows.histogram.partial'],
      low: ['remapped_rows.histogram.low'],
      none: ['remapped_rows.histogram.none'],
    },
  },
  temperature: {
    gpu: ['temperature.gpu'],
    tlimit: ['temperature.gpu.tlimit'],
    slowdown: ['temperature.gpu.slowdown'],
    shutdown: ['temperature.gpu.shutdown'],
    memory: ['temperature.memory'],
    memoryMax: ['temperature.memory.max_operating'],
  },
  power: {
    draw: ['power.draw.instant', 'power.draw.average', 'power.draw'],
    limit: ['enforced.power.limit', 'power.limit'],
    defaultLimit: ['power.default_limit'],
    maxLimit: ['power.max_limit'],
    moduleDraw: ['module.power.draw.instant', 'module.power.draw.average', 'module.power.draw'],
    moduleLimit: ['module.enforced.power.limit', 'module.power.limit'],
  },
  clocks: {
    graphics: ['clocks.current.graphics'],
    sm: ['clocks.current.sm'],
    memory: ['clocks.current.memory'],
    maxSm: ['clocks.max.sm'],
    maxMemory: ['clocks.max.memory'],
    applicationsGraphics: ['clocks.applications.graphics'],
    applicationsMemory: ['clocks.applications.memory'],
  },
  eventReasons: {
    gpuIdle: ['clocks_event_reasons.gpu_idle'],
    applicationsClocksSetting: ['clocks_event_reasons.applications_clocks_setting'],
    swPowerCap: ['clocks_event_reasons.sw_power_cap'],
    hwSlowdown: ['clocks_event_reasons.hw_slowdown'],
    hwThermalSlowdown: ['clocks_event_reasons.hw_thermal_slowdown'],
    hwPowerBrakeSlowdown: ['clocks_event_reasons.hw_power_brake_slowdown'],
    swThermalSlowdown: ['clocks_event_reasons.sw_thermal_slowdown'],
    syncBoost: ['clocks_event_reasons.sync_boost'],
    displayClocksSetting: ['clocks_event_reasons.display_clocks_setting'],
  },
  eventCounters: {
    swPowerCap: ['clocks_event_reasons_counters.sw_power_cap'],
    syncBoost: ['clocks_event_reasons_counters.sync_boost'],
    swThermalSlowdown: ['clocks_event_reasons_counters.sw_thermal_slowdown'],
    hwThermalSlowdown: ['clocks_event_reasons_counters.hw_thermal_slowdown'],
    hwPowerBrakeSlowdown: ['clocks_event_reasons_counters.hw_power_brake_slowdown'],
  },
  fabric: {
    state: ['fabric.state'],
    status: ['fabric.status'],
    cliqueId: ['fabric.cliqueId'],
    clusterUuid: ['fabric.clusterUuid'],
    health: {
      summary: ['fabric.health.summary'],
      bandwidth: ['fabric.health.bandwidth'],
      routeRecoveryInProgress: ['fabric.health.route_recovery_in_progress'],
      routeUnhealthy: ['fabric.health.route_unhealthy'],
      accessTimeoutRecovery: ['fabric.health.access_timeout_recovery'],
      incorrectConfiguration: ['fabric.health.incorrect_configuration'],
      partitionAssigned: ['fabric.health.partition_assigned'],
    },
  },
  platform: {
    chassisSerialNumber: ['platform.chassis_serial_number'],
    slotNumber: ['platform.slot_number'],
    trayIndex: ['platform.tray_index'],
    hostId: ['platform.host_id'],
    peerType: ['platform.peer_type'],
    moduleId: ['platform.module_id'],
    gpuFabricGuid: ['platform.gpu_fabric_guid'],
  },
} as const;

/** `lost` and `reset-required` come from what the tool prints in place of values; everything else is `reachable`. */
export type GpuCondition = 'reachable' | 'lost' | 'reset-required';

/** One GPU as nvidia-smi describes it; every leaf is a {@link Field} in one of four states. */
export interface NvidiaGpu extends Resolved<typeof GPU_SHAPE> {
  /** Position in the listing (PCI order); no identity. */
  readonly index: number;
  /** `dddd:bb:dd.f` in lower case, or undefined when the output does not say. */
  readonly pciBusId: string | undefined;
  readonly condition: GpuCondition;
}

function eccShape<const S extends 'volatile' | 'aggregate'>(span: S) {
  return {
    dramCorrectable: [`ecc.errors.corrected.${span}.dram`, `ecc.errors.corrected.${span}.device_memory`],
    dramUncorrectable: [`ecc.errors.uncorrected.${span}.dram`, `ecc.errors.uncorrected.${span}.device_memory`],
    sramCorrectable: [`ecc.errors.corrected.${span}.sram`],
    sramUncorrectable: [`ecc.errors.uncorrected.${span}.sram`, `ecc.errors.uncorrected.${span}.total`],
    sramUncorrectableParity: [`ecc.errors.uncorrected.${span}.sram.parity`],
    sramUncorrectableSecded: [`ecc.errors.uncorrected.${span}.sram.secded`],
  } as const;
}

/** Collects the fields of one GPU while its output is read. */
export class GpuFields {
  readonly #fields = new Map<string, Field>();
  readonly #form: SmiForm;
  readonly #tally: Tally;
  #condition: GpuCondition = 'reachable';

  constructor(form: SmiForm, tally: Tally) {
    this.#form = form;
    this.#tally = tally;
  }

  /**
   * Types one leaf.
   * @param path path below the GPU, as the rules of the form write it
   * @param source path to name in the field
   */
  add(path: string, text: string, source: string): void {
    const rules = SMI_RULES[this.#form];
    this.#noteCondition(text);
    const rule = rules.leaf(path);
    if (rule !== undefined) {
      this.#tally.typed();
      const isRepeat = this.#fields.get(rule.key)?.path === source;
      const key = isRepeat ? `${rule.key}#${this.#repeats(rule.key)}` : rule.key;
      this.put({ key, path: source, ...readValue(rule.kind, text) });
    } else if (rules.isSection(path)) {
      this.#tally.typed();
      this.#collapse(rules.keysBelow(path), text, source);
    } else {
      this.#tally.unread(source);
    }
  }

  /** The number of a sibling with the same name, such as a second retired page address. */
  #repeats(key: string): number {
    let number = 2;
    while (this.#fields.has(`${key}#${number}`)) number += 1;
    return number;
  }

  /** Keeps a field; of two with one key the first that was read stays. */
  put(field: Field): void {
    const known = this.#fields.get(field.key);
    if (known === undefined || (known.reading.state !== 'read' && field.reading.state === 'read')) this.#fields.set(field.key, field);
  }

  get list(): readonly Field[] {
    return [...this.#fields.values()];
  }

  /**
   * The typed GPU.
   * @param missing reading of a fact that the output does not have
   */
  toGpu(index: number, heading: string, missing: Reading): NvidiaGpu {
    const resolved = resolveShape(GPU_SHAPE, this.#fields, missing);
    const busId = this.#fields.get('pci.bus_id');
    const pciBusId = pciAddress(heading) ?? (busId === undefined ? undefined : pciAddress(textOf(busId) ?? ''));
    return { ...resolved, index, pciBusId, condition: this.#condition };
  }

  #noteCondition(text: string): void {
    if (!text.startsWith('GPU ') && !text.startsWith('[GPU ')) return;
    if (/gpu is lost/i.test(text)) this.#condition = 'lost';
    else if (/gpu requires reset/i.test(text) && this.#condition === 'reachable') this.#condition = 'reset-required';
  }

  /** One word in place of a whole section (`Remapped Rows : N/A`) is the answer of every fact below it. */
  #collapse(keys: readonly string[], text: string, source: string): void {
    const { reading } = readValue('text', text);
    const state = reading.state === 'read' ? (reading.value === 'None' ? 'absent' : 'unreadable') : reading.state;
    for (const key of keys) this.put({ key, path: source, reading: { state, reason: `the section says "${text.trim().slice(0, 60)}"` } });
  }
}

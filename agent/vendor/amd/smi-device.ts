import type { Reading } from '#core/snapshot/measurement.ts';
import { pciAddress } from '../pci-address.ts';
import { textOf, type Field, type Tally } from '../parsed.ts';
import { resolveShape, type Resolved } from '../shape.ts';
import { readValue, type Kind } from '../value.ts';

/** The facts that checks and fingerprints ask for; amd-smi renamed some keys between ROCm 6 and 7. */
const AMD_SHAPE = {
  marketName: ['asic.market_name'],
  vendorId: ['asic.vendor_id'],
  deviceId: ['asic.device_id'],
  subsystemId: ['asic.subsystem_id'],
  revisionId: ['asic.rev_id'],
  serial: ['asic.asic_serial'],
  uuid: ['uuid', 'hip_uuid'],
  oamId: ['asic.oam_id'],
  computeUnits: ['asic.num_compute_units', 'asic.num_of_compute_units'],
  graphicsVersion: ['asic.target_graphics_version'],
  productName: ['board.product_name'],
  firmwareVersion: ['ifwi.version', 'vbios.version'],
  firmwarePartNumber: ['ifwi.part_number', 'vbios.part_number'],
  driver: { name: ['driver.name', 'driver.driver_name'], version: ['driver.version', 'driver.driver_version'] },
  bdf: ['bus.bdf', 'bdf'],
  kfdId: ['kfd_id'],
  partitionId: ['partition_id', 'partition.partition_id'],
  pcie: {
    widthMax: ['bus.max_pcie_width'],
    speedMax: ['bus.max_pcie_speed'],
    width: ['pcie.width'],
    speed: ['pcie.speed'],
    replayCount: ['pcie.replay_count'],
  },
  partition: {
    compute: ['partition.accelerator_partition', 'partition.compute_partition'],
    memory: ['partition.memory_partition'],
  },
  vram: {
    type: ['vram.type'],
    size: ['vram.size', 'vram.vram_size', 'vram.vram_size_mb', 'mem_usage.total_vram'],
    used: ['mem_usage.used_vram'],
  },
  ecc: {
    correctable: ['ecc.total_correctable_count'],
    uncorrectable: ['ecc.total_uncorrectable_count'],
    deferred: ['ecc.total_deferred_count'],
    umcUncorrectable: ['ecc_blocks.umc.uncorrectable_count'],
  },
  ras: {
    badPageThreshold: ['ras.bad_page_threshold'],
    badPageThresholdExceeded: ['ras.bad_page_threshold_exceeded'],
    umc: ['ras.ecc_block_state.umc'],
    poison: ['ras.poison_schema'],
  },
  temperature: {
    edge: ['temperature.edge'],
    hotspot: ['temperature.hotspot'],
    memory: ['temperature.mem'],
    slowdownHotspot: ['limit.slowdown_hotspot_temperature'],
    slowdownMemory: ['limit.slowdown_vram_temperature', 'limit.slowdown_mem_temperature'],
  },
  power: {
    socket: ['power.socket_power', 'power.current_socket_power', 'power.average_socket_power'],
    cap: ['limit.socket_power', 'limit.current_power_limit', 'limit.power_cap'],
    capMax: ['limit.max_power', 'limit.max_power_limit', 'limit.max_power_cap'],
  },
  throttle: {
    prochotStatus: ['throttle.prochot_violation_status'],
    prochotActivity: ['throttle.prochot_violation_activity'],
    socketThermalActivity: ['throttle.socket_thermal_violation_activity'],
    hbmThermalActivity: ['throttle.hbm_thermal_violation_activity'],
    pptActivity: ['throttle.ppt_violation_activity'],
  },
} as const;

/** One GPU (or partition of one) as amd-smi describes it. */
export interface AmdGpu extends Resolved<typeof AMD_SHAPE> {
  readonly index: number;
  /** `dddd:bb:dd.f`, or undefined when this command does not print it. */
  readonly pciBusId: string | undefined;
}

/** Sections and single facts that amd-smi prints below a device; a leaf below any other name stays unread. */
const KNOWN_SECTIONS = new Set(
  (
    'asic bus vbios ifwi limit driver board base_board gpu_board ras partition soc_pstate xgmi_plpd process_isolation numa vram cache_info ' +
    'clock dfc_ucode fb_info num_vf usage power temperature pcie ecc ecc_blocks fan voltage_curve overdrive mem_overdrive perf_level xgmi_err ' +
    'energy mem_usage throttle voltage bdf uuid hip_id hip_uuid kfd_id node_id partition_id drm_render drm_card hsa_id hsa_uuid links link_metrics ' +
    'link_status xgmi xgmi_metric fw_list firmware process_info process_list bad_pages retired pending un_res current_partition memory memory_partition ' +
    'accelerator_partition accelerator_type accelerator_profile_index profile_index partition_resources smu interface_version weight hops link_type ' +
    'link_accessibility numa_bandwidth coherency atomics dma bi_dir bit_rate max_bandwidth link_metric gpu_metrics num_partition'
  ).split(' '),
);

const MISSING: Reading = { state: 'absent', reason: 'not in this output' };
/** What stands in place of a process name: it can hold user names and paths, so it is dropped while parsing. */
const WITHHELD_NAME: Reading = { state: 'absent', reason: 'not kept: a process name can hold user names and paths' };
const IDENTITY = /(?:^|\.)(?:asic_serial|product_serial|uuid|hip_uuid|fru_id|kfd_unique_id)$/;
const TEXT = /(?:^|[._])(?:version|part_number|model_number|name|build_date|bdf|affinity|cpu_affinity|socket_affinity)(?:\[\d+\])?$/;

/** Collects the facts of one device, leaf by leaf. */
export class AmdDevice {
  readonly kind: 'gpu' | 'cpu';
  readonly index: number;
  readonly #fields = new Map<string, Field>();
  readonly #tally: Tally;

  constructor(kind: 'gpu' | 'cpu', index: number, tally: Tally) {
    this.kind = kind;
    this.index = index;
    this.#tally = tally;
  }

  /** What measurements call the device: its PCI address, or its number. */
  get item(): string {
    return (this.kind === 'gpu' ? this.toGpu().pciBusId : undefined) ?? `${this.kind}${this.index}`;
  }

  /** Types one leaf. @param key dotted path in lower case with `_` @param source path to name in the field */
  add(key: string, text: string, source: string): void {
    const [section = ''] = key.split(/[.[]/);
    if (!KNOWN_SECTIONS.has(section)) return this.#tally.unread(source);
    this.#tally.typed();
    this.put({ key, path: source, ...readAmdText(key, text) });
  }

  /** Keeps a typed fact. */
  put(field: Field): void {
    this.#fields.set(field.key, field);
  }

  get list(): readonly Field[] {
    return [...this.#fields.values()];
  }

  toGpu(): AmdGpu {
    const resolved = resolveShape(AMD_SHAPE, this.#fields, MISSING);
    return { ...resolved, index: this.index, pciBusId: pciAddress(textOf(resolved.bdf) ?? '') };
  }
}

/** A text value of amd-smi: identities are no placeholders, versions stay text, an in-tree driver has no version of its own. */
export function readAmdText(key: string, text: string): ReturnType<typeof readValue> {
  if (/^name$|(?:^|\.)process_(?:info|list)(?:\[\d+\])?\.(?:process_info\.)?name$/.test(key)) return { reading: WITHHELD_NAME };
  if (/(?:^|\.)driver\.(?:driver_)?version$/.test(key) && text.startsWith('Linuxversion'))
    return { reading: { state: 'absent', reason: 'the in-tree driver prints the kernel banner in place of a version' } };
  const kind: Kind = IDENTITY.test(key) ? 'identity' : TEXT.test(key) ? 'text' : 'any';
  return readValue(kind, text);
}

/** A label or JSON key as key part: lower case, everything but letters and digits as `_`. */
export function keyPart(label: string): string {
  return label
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_');
}

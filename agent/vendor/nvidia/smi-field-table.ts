/**
 * Every leaf of one GPU that `nvidia-smi` is known to print, drivers 384 to 595: one row per fact.
 * Columns: key | kind | path in `-q -x` below `gpu` | path in `-q` below the GPU heading. Alternatives are joined by ` , `, newest first.
 * Keys are NVIDIA's own `--query-gpu` names where one exists, so that the CSV form needs no column of its own.
 * `*` as last path part stands for any one leaf below.
 * @source NVIDIA nvidia-smi manual, section "GPU ATTRIBUTES"; `nvidia-smi --help-query-gpu`
 */
export const IDENTITY_ROWS = `
name                                | text     | product_name | Product Name
brand                               | text     | product_brand | Product Brand
architecture                        | text     | product_architecture | Product Architecture
display_mode                        | flag     | display_mode | Display Mode
display_attached                    | flag     | display_attached | Display Attached
display_active                      | flag     | display_active | Display Active
persistence_mode                    | flag     | persistence_mode | Persistence Mode
addressing_mode                     | text     | addressing_mode | Addressing Mode
mig.mode.current                    | flag     | mig_mode/current_mig | MIG Mode/Current
mig.mode.pending                    | flag     | mig_mode/pending_mig | MIG Mode/Pending
mig.devices                         | text     | mig_devices | MIG Devices , MIG Device
accounting.mode                     | flag     | accounting_mode | Accounting Mode
accounting.buffer_size              | count    | accounting_mode_buffer_size | Accounting Mode Buffer Size
accounting.processes                | text     | accounted_processes | Accounted Processes
driver_model.current                | text     | driver_model/current_dm | Driver Model/Current
driver_model.pending                | text     | driver_model/pending_dm | Driver Model/Pending
serial                              | identity | serial | Serial Number
uuid                                | identity | uuid | GPU UUID
pdi                                 | identity | pdi | GPU PDI
minor_number                        | count    | minor_number | Minor Number
vbios_version                       | text     | vbios_version | VBIOS Version
multigpu_board                      | flag     | multigpu_board | MultiGPU Board
board_id                            | hex      | board_id | Board ID
board_part_number                   | text     | board_part_number | Board Part Number
gpu_part_number                     | text     | gpu_part_number | GPU Part Number
fru_part_number                     | text     | gpu_fru_part_number | FRU Part Number , GPU FRU Part Number
platform.chassis_serial_number      | identity | platformInfo/chassis_serial_number | Platform Info/Chassis Serial Number
platform.slot_number                | count    | platformInfo/slot_number | Platform Info/Slot Number
platform.tray_index                 | count    | platformInfo/tray_index | Platform Info/Tray Index
platform.host_id                    | count    | platformInfo/host_id | Platform Info/Host ID
platform.peer_type                  | text     | platformInfo/peer_type | Platform Info/Peer Type
platform.module_id                  | count    | platformInfo/module_id , gpu_module_id | Platform Info/Module Id , Module ID , GPU Module ID
platform.gpu_fabric_guid            | identity | platformInfo/gpu_fabric_guid | Platform Info/GPU Fabric GUID
inforom.img                         | text     | inforom_version/img_version | Inforom Version/Image Version
inforom.oem                         | text     | inforom_version/oem_object | Inforom Version/OEM Object
inforom.ecc                         | text     | inforom_version/ecc_object | Inforom Version/ECC Object
inforom.pwr                         | text     | inforom_version/pwr_object | Inforom Version/Power Management Object
inforom.bbx_flush.timestamp         | text     | inforom_bbx_flush/latest_timestamp | Inforom BBX Object Flush/Latest Timestamp
inforom.bbx_flush.duration          | us       | inforom_bbx_flush/latest_duration | Inforom BBX Object Flush/Latest Duration
inforom.checksum_validation         | flag     | - | -
gom.current                         | text     | gpu_operation_mode/current_gom | GPU Operation Mode/Current
gom.pending                         | text     | gpu_operation_mode/pending_gom | GPU Operation Mode/Pending
c2c.mode                            | flag     | c2c_mode | GPU C2C Mode
virtualization.mode                 | text     | gpu_virtualization_mode/virtualization_mode | GPU Virtualization Mode/Virtualization Mode
virtualization.host_vgpu_mode       | text     | gpu_virtualization_mode/host_vgpu_mode | GPU Virtualization Mode/Host VGPU Mode
virtualization.vgpu_heterogeneous   | text     | gpu_virtualization_mode/vgpu_heterogeneous_mode | GPU Virtualization Mode/vGPU Heterogeneous Mode
gpu_reset_status.reset_required     | flag     | gpu_reset_status/reset_required | GPU Reset Status/Reset Required
gpu_reset_status.drain_recommended  | flag     | gpu_reset_status/drain_and_reset_recommended | GPU Reset Status/Drain and Reset Recommended
gpu_recovery_action                 | text     | gpu_recovery_action | GPU Recovery Action
gsp.firmware_version                | text     | gsp_firmware_version | GSP Firmware Version
gsp.mode.current                    | flag     | - | -
gsp.mode.default                    | flag     | - | -
ibmnpu.relaxed_ordering_mode        | text     | ibmnpu/relaxed_ordering_mode | IBMNPU/Relaxed Ordering Mode
pci.bus                             | hex      | pci/pci_bus | PCI/Bus
pci.device                          | hex      | pci/pci_device | PCI/Device
pci.domain                          | hex      | pci/pci_domain | PCI/Domain
pci.base_class                      | hex      | pci/pci_base_class | PCI/Base Classcode
pci.sub_class                       | hex      | pci/pci_sub_class | PCI/Sub Classcode
pci.device_id                       | hex      | pci/pci_device_id | PCI/Device Id
pci.bus_id                          | text     | pci/pci_bus_id | PCI/Bus Id
pci.sub_device_id                   | hex      | pci/pci_sub_system_id | PCI/Sub System Id
pcie.link.gen.max                   | count    | pci/pci_gpu_link_info/pcie_gen/max_link_gen | PCI/GPU Link Info/PCIe Generation/Max
pcie.link.gen.current               | count    | pci/pci_gpu_link_info/pcie_gen/current_link_gen | PCI/GPU Link Info/PCIe Generation/Current
pcie.link.gen.gpucurrent            | count    | pci/pci_gpu_link_info/pcie_gen/device_current_link_gen | PCI/GPU Link Info/PCIe Generation/Device Current
pcie.link.gen.gpumax                | count    | pci/pci_gpu_link_info/pcie_gen/max_device_link_gen | PCI/GPU Link Info/PCIe Generation/Device Max
pcie.link.gen.hostmax               | count    | pci/pci_gpu_link_info/pcie_gen/max_host_link_gen | PCI/GPU Link Info/PCIe Generation/Host Max
pcie.link.width.max                 | {lane}   | pci/pci_gpu_link_info/link_widths/max_link_width | PCI/GPU Link Info/Link Width/Max
pcie.link.width.current             | {lane}   | pci/pci_gpu_link_info/link_widths/current_link_width | PCI/GPU Link Info/Link Width/Current
pci.bridge_chip.type                | text     | pci/pci_bridge_chip/bridge_chip_type | PCI/Bridge Chip/Type
pci.bridge_chip.firmware            | text     | pci/pci_bridge_chip/bridge_chip_fw | PCI/Bridge Chip/Firmware
pcie.replay_counter                 | count    | pci/replay_counter | PCI/Replays Since Reset , PCI/Replays since reset
pcie.replay_rollover_counter        | count    | pci/replay_rollover_counter | PCI/Replay Number Rollovers
pcie.tx_throughput                  | kB/s     | pci/tx_util | PCI/Tx Throughput
pcie.rx_throughput                  | kB/s     | pci/rx_util | PCI/Rx Throughput
pcie.atomic_caps_outbound           | text     | pci/atomic_caps_outbound | PCI/Atomic Caps Outbound
pcie.atomic_caps_inbound            | text     | pci/atomic_caps_inbound | PCI/Atomic Caps Inbound
fan.speed                           | %        | fan_speed | Fan Speed
pstate                              | text     | performance_state | Performance State
clocks_event_reasons.supported      | hex      | - | -
clocks_event_reasons.active         | hex      | - | -
clocks_event_reasons.gpu_idle       | flag     | clocks_event_reasons/clocks_event_reason_gpu_idle , clocks_throttle_reasons/clocks_throttle_reason_gpu_idle | Clocks Event Reasons/Idle , Clocks Throttle Reasons/Idle
clocks_event_reasons.applications_clocks_setting | flag | clocks_event_reasons/clocks_event_reason_applications_clocks_setting , clocks_throttle_reasons/clocks_throttle_reason_applications_clocks_setting | Clocks Event Reasons/Applications Clocks Setting , Clocks Throttle Reasons/Applications Clocks Setting
clocks_event_reasons.sw_power_cap   | flag     | clocks_event_reasons/clocks_event_reason_sw_power_cap , clocks_throttle_reasons/clocks_throttle_reason_sw_power_cap | Clocks Event Reasons/SW Power Cap , Clocks Throttle Reasons/SW Power Cap
clocks_event_reasons.hw_slowdown    | flag     | clocks_event_reasons/clocks_event_reason_hw_slowdown , clocks_throttle_reasons/clocks_throttle_reason_hw_slowdown | Clocks Event Reasons/HW Slowdown , Clocks Throttle Reasons/HW Slowdown
clocks_event_reasons.hw_thermal_slowdown | flag | clocks_event_reasons/clocks_event_reason_hw_thermal_slowdown , clocks_throttle_reasons/clocks_throttle_reason_hw_thermal_slowdown | Clocks Event Reasons/HW Slowdown/HW Thermal Slowdown , Clocks Throttle Reasons/HW Slowdown/HW Thermal Slowdown , Clocks Event Reasons/HW Thermal Slowdown , Clocks Throttle Reasons/HW Thermal Slowdown
clocks_event_reasons.hw_power_brake_slowdown | flag | clocks_event_reasons/clocks_event_reason_hw_power_brake_slowdown , clocks_throttle_reasons/clocks_throttle_reason_hw_power_brake_slowdown | Clocks Event Reasons/HW Slowdown/HW Power Brake Slowdown , Clocks Throttle Reasons/HW Slowdown/HW Power Brake Slowdown , Clocks Event Reasons/HW Power Brake Slowdown , Clocks Throttle Reasons/HW Power Brake Slowdown
clocks_event_reasons.sync_boost     | flag     | clocks_event_reasons/clocks_event_reason_sync_boost , clocks_throttle_reasons/clocks_throttle_reason_sync_boost | Clocks Event Reasons/Sync Boost , Clocks Throttle Reasons/Sync Boost
clocks_event_reasons.sw_thermal_slowdown | flag | clocks_event_reasons/clocks_event_reason_sw_thermal_slowdown , clocks_throttle_reasons/clocks_throttle_reason_sw_thermal_slowdown | Clocks Event Reasons/SW Thermal Slowdown , Clocks Throttle Reasons/SW Thermal Slowdown
clocks_event_reasons.display_clocks_setting | flag | clocks_event_reasons/clocks_event_reason_display_clocks_setting , clocks_throttle_reasons/clocks_throttle_reason_display_clocks_setting | Clocks Event Reasons/Display Clock Setting , Clocks Throttle Reasons/Display Clock Setting
clocks_event_reasons.user_defined_clocks | flag | clocks_throttle_reasons/clocks_throttle_reason_user_defined_clocks | Clocks Throttle Reasons/User Defined Clocks
clocks_event_reasons.unknown        | flag     | clocks_throttle_reasons/clocks_throttle_reason_unknown | Clocks Throttle Reasons/Unknown
clocks_event_reasons_counters.sw_power_cap | us | clocks_event_reasons_counters/clocks_event_reasons_counters_sw_power_cap | Clocks Event Reasons Counters/SW Power Capping , Clocks Event Reasons Counters/SW Power Cap
clocks_event_reasons_counters.sync_boost | us  | clocks_event_reasons_counters/clocks_event_reasons_counters_sync_boost | Clocks Event Reasons Counters/Sync Boost
clocks_event_reasons_counters.sw_thermal_slowdown | us | clocks_event_reasons_counters/clocks_event_reasons_counters_sw_therm_slowdown , clocks_event_reasons_counters/clocks_event_reasons_counters_sw_thermal_slowdown | Clocks Event Reasons Counters/SW Thermal Slowdown
clocks_event_reasons_counters.hw_thermal_slowdown | us | clocks_event_reasons_counters/clocks_event_reasons_counters_hw_therm_slowdown , clocks_event_reasons_counters/clocks_event_reasons_counters_hw_thermal_slowdown | Clocks Event Reasons Counters/HW Thermal Slowdown
clocks_event_reasons_counters.hw_power_brake_slowdown | us | clocks_event_reasons_counters/clocks_event_reasons_counters_hw_power_brake , clocks_event_reasons_counters/clocks_event_reasons_counters_hw_power_brake_slowdown | Clocks Event Reasons Counters/HW Power Braking , Clocks Event Reasons Counters/HW Power Brake Slowdown
sparse_operation_mode               | flag     | sparse_operation_mode | Sparse Operation Mode
capabilities.egm                    | flag     | capabilities/egm | Capabilities/EGM
`;

/** Memory, utilisation, errors, temperature, power, clocks, fabric: see {@link IDENTITY_ROWS} for the columns. */
export const HEALTH_ROWS = `
memory.total                        | MiB      | fb_memory_usage/total | FB Memory Usage/Total
memory.reserved                     | MiB      | fb_memory_usage/reserved | FB Memory Usage/Reserved
memory.used                         | MiB      | fb_memory_usage/used | FB Memory Usage/Used
memory.free                         | MiB      | fb_memory_usage/free | FB Memory Usage/Free
bar1.total                          | MiB      | bar1_memory_usage/total | BAR1 Memory Usage/Total
bar1.used                           | MiB      | bar1_memory_usage/used | BAR1 Memory Usage/Used
bar1.free                           | MiB      | bar1_memory_usage/free | BAR1 Memory Usage/Free
protected_memory.total              | MiB      | cc_protected_memory_usage/total | Conf Compute Protected Memory Usage/Total
protected_memory.used               | MiB      | cc_protected_memory_usage/used | Conf Compute Protected Memory Usage/Used
protected_memory.free               | MiB      | cc_protected_memory_usage/free | Conf Compute Protected Memory Usage/Free
compute_mode                        | text     | compute_mode | Compute Mode
compute_cap                         | text     | - | -
utilization.gpu                     | %        | utilization/gpu_util | Utilization/GPU , Utilization/Gpu
utilization.memory                  | %        | utilization/memory_util | Utilization/Memory
utilization.encoder                 | %        | utilization/encoder_util | Utilization/Encoder
utilization.decoder                 | %        | utilization/decoder_util | Utilization/Decoder
utilization.jpeg                    | %        | utilization/jpeg_util | Utilization/JPEG
utilization.ofa                     | %        | utilization/ofa_util | Utilization/OFA
encoder.stats.sessionCount          | count    | encoder_stats/session_count | Encoder Stats/Active Sessions
encoder.stats.averageFps            | count    | encoder_stats/average_fps | Encoder Stats/Average FPS
encoder.stats.averageLatency        | count    | encoder_stats/average_latency | Encoder Stats/Average Latency
fbc.stats.sessionCount              | count    | fbc_stats/session_count | FBC Stats/Active Sessions
fbc.stats.averageFps                | count    | fbc_stats/average_fps | FBC Stats/Average FPS
fbc.stats.averageLatency            | count    | fbc_stats/average_latency | FBC Stats/Average Latency
dramEncryption.mode.current         | flag     | dram_encryption_mode/current_dram_encryption | DRAM Encryption Mode/Current
dramEncryption.mode.pending         | flag     | dram_encryption_mode/pending_dram_encryption | DRAM Encryption Mode/Pending
ecc.mode.current                    | flag     | ecc_mode/current_ecc | ECC Mode/Current , Ecc Mode/Current
ecc.mode.pending                    | flag     | ecc_mode/pending_ecc | ECC Mode/Pending , Ecc Mode/Pending
ecc.errors.corrected.volatile.sram  | count    | ecc_errors/volatile/sram_correctable | ECC Errors/Volatile/SRAM Correctable
ecc.errors.corrected.volatile.dram  | count    | ecc_errors/volatile/dram_correctable | ECC Errors/Volatile/DRAM Correctable
ecc.errors.uncorrected.volatile.sram | count   | ecc_errors/volatile/sram_uncorrectable | ECC Errors/Volatile/SRAM Uncorrectable
ecc.errors.uncorrected.volatile.sram.parity | count | ecc_errors/volatile/sram_uncorrectable_parity | ECC Errors/Volatile/SRAM Uncorrectable Parity
ecc.errors.uncorrected.volatile.sram.secded | count | ecc_errors/volatile/sram_uncorrectable_secded | ECC Errors/Volatile/SRAM Uncorrectable SEC-DED
ecc.errors.uncorrected.volatile.dram | count   | ecc_errors/volatile/dram_uncorrectable | ECC Errors/Volatile/DRAM Uncorrectable
ecc.errors.corrected.aggregate.sram | count    | ecc_errors/aggregate/sram_correctable | ECC Errors/Aggregate/SRAM Correctable
ecc.errors.corrected.aggregate.dram | count    | ecc_errors/aggregate/dram_correctable | ECC Errors/Aggregate/DRAM Correctable
ecc.errors.uncorrected.aggregate.sram | count  | ecc_errors/aggregate/sram_uncorrectable | ECC Errors/Aggregate/SRAM Uncorrectable
ecc.errors.uncorrected.aggregate.sram.parity | count | ecc_errors/aggregate/sram_uncorrectable_parity | ECC Errors/Aggregate/SRAM Uncorrectable Parity
ecc.errors.uncorrected.aggregate.sram.secded | count | ecc_errors/aggregate/sram_uncorrectable_secded | ECC Errors/Aggregate/SRAM Uncorrectable SEC-DED
ecc.errors.uncorrected.aggregate.dram | count  | ecc_errors/aggregate/dram_uncorrectable | ECC Errors/Aggregate/DRAM Uncorrectable
ecc.errors.uncorrected.aggregate.sram.thresholdExceeded | flag | ecc_errors/aggregate/sram_threshold_exceeded | ECC Errors/Aggregate/SRAM Threshold Exceeded
ecc.errors.uncorrected.aggregate.sram.l2 | count | ecc_errors/aggregate_uncorrectable_sram_sources/sram_l2 | ECC Errors/Aggregate Uncorrectable SRAM Sources/SRAM L2
ecc.errors.uncorrected.aggregate.sram.sm | count | ecc_errors/aggregate_uncorrectable_sram_sources/sram_sm | ECC Errors/Aggregate Uncorrectable SRAM Sources/SRAM SM
ecc.errors.uncorrected.aggregate.sram.mcu | count | ecc_errors/aggregate_uncorrectable_sram_sources/sram_microcontroller | ECC Errors/Aggregate Uncorrectable SRAM Sources/SRAM Microcontroller
ecc.errors.uncorrected.aggregate.sram.pcie | count | ecc_errors/aggregate_uncorrectable_sram_sources/sram_pcie | ECC Errors/Aggregate Uncorrectable SRAM Sources/SRAM PCIE
ecc.errors.uncorrected.aggregate.sram.other | count | ecc_errors/aggregate_uncorrectable_sram_sources/sram_other | ECC Errors/Aggregate Uncorrectable SRAM Sources/SRAM Other
ecc.channel_repair_pending          | flag     | ecc_errors/channel_repair_pending | ECC Errors/Channel Repair Pending
ecc.tpc_repair_pending              | flag     | ecc_errors/tpc_repair_pending | ECC Errors/TPC Repair Pending
ecc.unrepairable_memory             | flag     | ecc_errors/unrepairable_memory | ECC Errors/Unrepairable Memory
retired_pages.single_bit_ecc.count  | count    | retired_pages/multiple_single_bit_retirement/retired_count | Retired Pages/Single Bit ECC
retired_pages.single_bit_ecc.pages  | text     | retired_pages/multiple_single_bit_retirement/retired_pagelist , retired_pages/multiple_single_bit_retirement/retired_page_addresses , retired_pages/multiple_single_bit_retirement/retired_pagelist/* | -
retired_pages.double_bit.count      | count    | retired_pages/double_bit_retirement/retired_count | Retired Pages/Double Bit ECC
retired_pages.double_bit.pages      | text     | retired_pages/double_bit_retirement/retired_pagelist , retired_pages/double_bit_retirement/retired_page_addresses , retired_pages/double_bit_retirement/retired_pagelist/* | -
retired_pages.pending               | flag     | retired_pages/pending_retirement | Retired Pages/Pending Page Retirement , Retired Pages/Pending
retired_pages.pending_blacklist     | flag     | retired_pages/pending_blacklist | Retired Pages/Pending Page Blacklist
remapped_rows.correctable           | count    | remapped_rows/remapped_row_corr | Remapped Rows/Correctable Error
remapped_rows.uncorrectable         | count    | remapped_rows/remapped_row_unc | Remapped Rows/Uncorrectable Error
remapped_rows.correctable_inactive  | count    | remapped_rows/remapped_row_corr_inactive | Remapped Rows/Inactive Correctable Error
remapped_rows.uncorrectable_inactive | count   | remapped_rows/remapped_row_unc_inactive | Remapped Rows/Inactive Uncorrectable Error
remapped_rows.pending               | flag     | remapped_rows/remapped_row_pending | Remapped Rows/Pending
remapped_rows.failure               | flag     | remapped_rows/remapped_row_failure | Remapped Rows/Remapping Failure Occurred
remapped_rows.histogram.max         | {bank}   | remapped_rows/row_remapper_histogram/row_remapper_histogram_max | Remapped Rows/Bank Remap Availability Histogram/Max
remapped_rows.histogram.high        | {bank}   | remapped_rows/row_remapper_histogram/row_remapper_histogram_high | Remapped Rows/Bank Remap Availability Histogram/High
remapped_rows.histogram.partial     | {bank}   | remapped_rows/row_remapper_histogram/row_remapper_histogram_partial | Remapped Rows/Bank Remap Availability Histogram/Partial
remapped_rows.histogram.low         | {bank}   | remapped_rows/row_remapper_histogram/row_remapper_histogram_low | Remapped Rows/Bank Remap Availability Histogram/Low
remapped_rows.histogram.none        | {bank}   | remapped_rows/row_remapper_histogram/row_remapper_histogram_none | Remapped Rows/Bank Remap Availability Histogram/None
temperature.gpu                     | Cel      | temperature/gpu_temp | Temperature/GPU Current Temp
temperature.gpu.tlimit              | Cel      | temperature/gpu_temp_tlimit | Temperature/GPU T.Limit Temp
temperature.gpu.shutdown            | Cel      | temperature/gpu_temp_max_threshold | Temperature/GPU Shutdown Temp
temperature.gpu.slowdown            | Cel      | temperature/gpu_temp_slow_threshold | Temperature/GPU Slowdown Temp
temperature.gpu.max_operating       | Cel      | temperature/gpu_temp_max_gpu_threshold | Temperature/GPU Max Operating Temp
temperature.gpu.shutdown_tlimit     | Cel      | temperature/gpu_temp_max_tlimit_threshold | Temperature/GPU Shutdown T.Limit Temp
temperature.gpu.slowdown_tlimit     | Cel      | temperature/gpu_temp_slow_tlimit_threshold | Temperature/GPU Slowdown T.Limit Temp
temperature.gpu.max_operating_tlimit | Cel     | temperature/gpu_temp_max_gpu_tlimit_threshold | Temperature/GPU Max Operating T.Limit Temp
temperature.gpu.target              | Cel      | temperature/gpu_target_temperature | Temperature/GPU Target Temperature
temperature.memory                  | Cel      | temperature/memory_temp | Temperature/Memory Current Temp
temperature.memory.max_operating    | Cel      | temperature/gpu_temp_max_mem_threshold | Temperature/Memory Max Operating Temp
temperature.memory.max_operating_tlimit | Cel  | temperature/gpu_temp_max_mem_tlimit_threshold | Temperature/Memory Max Operating T.Limit Temp
temperature.target.min              | Cel      | supported_gpu_target_temp/gpu_target_temp_min , gpu_target_temp_min | GPU Target Temperature Range/Min
temperature.target.max              | Cel      | supported_gpu_target_temp/gpu_target_temp_max , gpu_target_temp_max | GPU Target Temperature Range/Max
power.state                         | text     | gpu_power_readings/power_state , power_readings/power_state | Power Readings/Power State , GPU Power Readings/Power State
power.management                    | flag     | power_readings/power_management | Power Readings/Power Management
power.draw                          | W        | gpu_power_readings/power_draw , power_readings/power_draw | GPU Power Readings/Power Draw , Power Readings/Power Draw
power.draw.average                  | W        | gpu_power_readings/average_power_draw | GPU Power Readings/Average Power Draw
power.draw.instant                  | W        | gpu_power_readings/instant_power_draw | GPU Power Readings/Instantaneous Power Draw
enforced.power.limit                | W        | gpu_power_readings/current_power_limit , power_readings/enforced_power_limit | GPU Power Readings/Current Power Limit , Power Readings/Enforced Power Limit
power.limit                         | W        | gpu_power_readings/requested_power_limit , power_readings/power_limit | GPU Power Readings/Requested Power Limit , Power Readings/Power Limit
power.default_limit                 | W        | gpu_power_readings/default_power_limit , power_readings/default_power_limit | GPU Power Readings/Default Power Limit , Power Readings/Default Power Limit
power.min_limit                     | W        | gpu_power_readings/min_power_limit , power_readings/min_power_limit | GPU Power Readings/Min Power Limit , Power Readings/Min Power Limit
power.max_limit                     | W        | gpu_power_readings/max_power_limit , power_readings/max_power_limit | GPU Power Readings/Max Power Limit , Power Readings/Max Power Limit
memory.power.draw                   | W        | gpu_memory_power_readings/power_draw | GPU Memory Power Readings/Power Draw
memory.power.draw.average           | W        | gpu_memory_power_readings/average_power_draw | GPU Memory Power Readings/Average Power Draw
memory.power.draw.instant           | W        | gpu_memory_power_readings/instant_power_draw | GPU Memory Power Readings/Instantaneous Power Draw
module.power.state                  | text     | module_power_readings/power_state | Module Power Readings/Power State
module.power.draw                   | W        | module_power_readings/power_draw | Module Power Readings/Power Draw
module.power.draw.average           | W        | module_power_readings/average_power_draw | Module Power Readings/Average Power Draw
module.power.draw.instant           | W        | module_power_readings/instant_power_draw | Module Power Readings/Instantaneous Power Draw
module.enforced.power.limit         | W        | module_power_readings/current_power_limit | Module Power Readings/Current Power Limit
module.power.limit                  | W        | module_power_readings/requested_power_limit | Module Power Readings/Requested Power Limit
module.power.default_limit          | W        | module_power_readings/default_power_limit | Module Power Readings/Default Power Limit
module.power.min_limit              | W        | module_power_readings/min_power_limit | Module Power Readings/Min Power Limit
module.power.max_limit              | W        | module_power_readings/max_power_limit | Module Power Readings/Max Power Limit
power_smoothing                     | any      | power_smoothing/* | Power Smoothing/*
power_profiles.requested            | text     | power_profiles/power_profile_requested_profiles | Workload Power Profiles/Requested Profiles , Power Profiles/Requested Profiles
power_profiles.enforced             | text     | power_profiles/power_profile_enforced_profiles | Workload Power Profiles/Enforced Profiles , Power Profiles/Enforced Profiles
edpp_multiplier                     | %        | edpp_multiplier | EDPp Multiplier
clocks.current.graphics             | MHz      | clocks/graphics_clock | Clocks/Graphics
clocks.current.sm                   | MHz      | clocks/sm_clock | Clocks/SM
clocks.current.memory               | MHz      | clocks/mem_clock | Clocks/Memory
clocks.current.video                | MHz      | clocks/video_clock | Clocks/Video
clocks.applications.graphics        | MHz      | applications_clocks/graphics_clock | Applications Clocks/Graphics
clocks.applications.memory          | MHz      | applications_clocks/mem_clock | Applications Clocks/Memory
clocks.default_applications.graphics | MHz     | default_applications_clocks/graphics_clock | Default Applications Clocks/Graphics
clocks.default_applications.memory  | MHz      | default_applications_clocks/mem_clock | Default Applications Clocks/Memory
clocks.deferred.memory              | MHz      | deferred_clocks/mem_clock | Deferred Clocks/Memory
clocks.max.graphics                 | MHz      | max_clocks/graphics_clock | Max Clocks/Graphics
clocks.max.sm                       | MHz      | max_clocks/sm_clock | Max Clocks/SM
clocks.max.memory                   | MHz      | max_clocks/mem_clock | Max Clocks/Memory
clocks.max.video                    | MHz      | max_clocks/video_clock | Max Clocks/Video
clocks.max_customer_boost.graphics  | MHz      | max_customer_boost_clocks/graphics_clock | Max Customer Boost Clocks/Graphics
clocks.policy.auto_boost            | flag     | clock_policy/auto_boost | Clock Policy/Auto Boost
clocks.policy.auto_boost_default    | flag     | clock_policy/auto_boost_default | Clock Policy/Auto Boost Default
clocks.supported                    | text     | supported_clocks | Supported Clocks
voltage.graphics                    | mV       | voltage/graphics_volt | Voltage/Graphics
fabric.state                        | text     | fabric/state | Fabric/State
fabric.status                       | text     | fabric/status | Fabric/Status
fabric.cliqueId                     | count    | fabric/cliqueId | Fabric/CliqueId
fabric.clusterUuid                  | text     | fabric/clusterUuid | Fabric/ClusterUUID
fabric.health.summary               | text     | fabric/health/summary | Fabric/Health/Summary
fabric.health.bandwidth             | text     | fabric/health/bandwidth | Fabric/Health/Bandwidth
fabric.health.route_recovery_in_progress | flag | fabric/health/route_recovery_in_progress | Fabric/Health/Route Recovery in progress
fabric.health.route_unhealthy       | flag     | fabric/health/route_unhealthy | Fabric/Health/Route Unhealthy
fabric.health.access_timeout_recovery | flag   | fabric/health/access_timeout_recovery | Fabric/Health/Access Timeout Recovery
fabric.health.incorrect_configuration | text   | fabric/health/incorrect_configuration | Fabric/Health/Incorrect Configuration
fabric.health.partition_assigned    | flag     | fabric/health/partition_assigned | Fabric/Health/Partition Assigned
processes                           | text     | processes | Processes
`;

const LEGACY_UNITS = [
  ['device_memory', 'Device Memory'],
  ['register_file', 'Register File'],
  ['l1_cache', 'L1 Cache'],
  ['l2_cache', 'L2 Cache'],
  ['texture_memory', 'Texture Memory'],
  ['texture_shm', 'Texture Shared'],
  ['cbu', 'CBU'],
  ['total', 'Total'],
] as const;

/** ECC counters of boards before Ampere: two spans, two severities, eight units; same columns as {@link IDENTITY_ROWS}. */
export function legacyEccRows(): string {
  const rows: string[] = [];
  for (const [span, spanLabel] of [
    ['volatile', 'Volatile'],
    ['aggregate', 'Aggregate'],
  ] as const)
    for (const [severity, bits, bitsLabel] of [
      ['corrected', 'single_bit', 'Single Bit'],
      ['uncorrected', 'double_bit', 'Double Bit'],
    ] as const)
      for (const [unit, label] of LEGACY_UNITS)
        rows.push(
          `ecc.errors.${severity}.${span}.${unit} | count | ecc_errors/${span}/${bits}/${unit} | ECC Errors/${spanLabel}/${bitsLabel}/${label}`,
        );
  return rows.join('\n');
}

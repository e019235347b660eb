import { given } from '../given.ts';
import { isIdle } from '../lines.ts';
import { Tally, type Parsed } from '../parsed.ts';
import { pciAddress } from '../pci-address.ts';
import { decodeSource, invalidSource, sourceLines } from '../source-text.ts';

const TOOL = 'nvidia-smi-failure';

/** Why nvidia-smi has nothing to say. */
export type SmiFailureClass = (typeof PATTERNS)[number][0];

/** One failure that nvidia-smi reports in place of, or beside, its output. */
export interface SmiFailure {
  readonly class: SmiFailureClass;
  readonly line: number;
  readonly message: string;
  /** The GPU it concerns, where it names one. */
  readonly pciBusId?: string;
  /** Version of the user-space library, for a mismatch: two components only. */
  readonly libraryVersion?: string;
}

/** First match wins; the wordings changed over the years, so parts that vary are left open. */
const PATTERNS = [
  ['version-mismatch', /driver\/library version mismatch/i],
  ['permission', /insufficient permissions/i],
  ['library-not-found', /couldn't find libnvidia-ml|libnvidia-ml\.so.{0,80}cannot open|NVML Shared Library Not Found/i],
  ['driver-not-loaded', /couldn't communicate with the NVIDIA driver|Failed to initialize NVML: Driver Not Loaded/i],
  ['no-devices', /no devices were found/i],
  ['gpu-lost', /GPU is lost|GPU has fallen off the bus/i],
  ['gpu-reset-required', /GPU requires reset/i],
  ['gpu-handle', /unable to determine the device handle for/i],
  ['inforom-corrupt', /infoROM is corrupted/i],
  ['power-cable', /external power cable|power cables? .{0,40}not (?:properly )?(?:attached|connected)/i],
  ['nvml-error', /Failed to initialize NVML/i],
  ['bad-query', /is not a valid field to query|Invalid combination of input arguments|Option ".{1,60}" is not recognized/i],
] as const satisfies readonly (readonly [string, RegExp])[];

const LIBRARY = /^NVML library version: (\d{2,4}\.\d{1,4}(?:\.\d{1,4})?)$/;
const DEVICE = /([0-9A-F]{4,8}:[0-9A-F]{2}:[0-9A-F]{2}\.[0-7])/i;

/**
 * Parses what nvidia-smi prints when it fails, on either stream.
 * @throws VENDOR_OUTPUT_INVALID when no known failure is found; VENDOR_OUTPUT_LIMIT
 */
export function parseNvidiaSmiFailure(bytes: Uint8Array): Parsed<{ readonly failures: readonly SmiFailure[] }> {
  const tally = new Tally(TOOL);
  const source = decodeSource(TOOL, bytes);
  const failures: SmiFailure[] = [];
  for (const { number, text } of sourceLines(source)) {
    const message = text.trim();
    const found = PATTERNS.find(([, expression]) => expression.test(message))?.[0];
    const version = LIBRARY.exec(message)?.[1];
    const last = failures.at(-1);
    if (found !== undefined)
      failures.push({
        class: found,
        line: number,
        message: message.slice(0, 300),
        ...given({ pciBusId: pciAddress(DEVICE.exec(message)?.[1] ?? '') }),
      });
    else if (version !== undefined && last !== undefined && source.closed) failures.splice(-1, 1, { ...last, libraryVersion: version });
    else if (!isIdle(message)) {
      tally.unread(`line ${number}: ${message.slice(0, 60)}`);
      continue;
    }
    if (message !== '') tally.typed();
  }
  if (!source.closed) tally.partial('the last line has no line break: it may be cut');
  if (failures.length === 0) throw invalidSource(TOOL, `no known failure text: "${source.text.trim().slice(0, 80)}"`, { line: 1 });
  const measurements = failures.map((failure) => ({
    type: 'Hardware' as const,
    subtype: 'nvidia',
    ...given({ item: failure.pciBusId }),
    key: `failure.${failure.class}`,
    reading: { state: 'read' as const, value: true },
    source: `nvidia-smi line ${failure.line}`,
  }));
  return tally.finish({ failures }, measurements);
}

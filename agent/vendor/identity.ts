import { given } from './given.ts';
import {
  IDENTITY_TABLE_VERSION,
  PRODUCT_WORDS,
  PROFILED_ACCELERATORS,
  siliconOf,
  vendorOf,
  type AcceleratorVendor,
} from './identity-table.ts';

/** What is known of a board before it is identified. */
export interface IdentityEvidence {
  /** Product text as the tool prints it: `NVIDIA H100 80GB HBM3`. */
  readonly product?: string;
  /** PCI vendor and device id, four hex digits each. */
  readonly vendorId?: string;
  readonly deviceId?: string;
  /** Virtualization mode of nvidia-smi; `VGPU` means that the device is a slice. */
  readonly virtualizationMode?: string;
}

/**
 * How the two sources relate: they `agree`, only one of them is known, they `disagree` (the PCI id wins), or neither is known.
 * `slice` is a virtual part of a board, whose product text does not name the board.
 */
export type IdentityBasis = 'agree' | 'product-only' | 'pci-only' | 'disagree' | 'slice' | 'unknown';

/** Which accelerator a device is. */
export interface AcceleratorIdentity {
  /** Identifier such as `h100`; undefined for silicon in no table. */
  readonly accelerator?: string;
  readonly vendor?: AcceleratorVendor;
  readonly variant?: string;
  readonly basis: IdentityBasis;
  /** False for silicon that checks have no numbers for: report it as unprofiled, never as failed. */
  readonly isProfiled: boolean;
  /** Version of the table that decided. */
  readonly table: string;
  /** What a reader should know, such as both answers of a disagreement. */
  readonly note?: string;
}

/**
 * Identifies an accelerator by product text and PCI id, each checked against the other.
 * The PCI id decides a disagreement: product texts are edited, translated and shared between boards.
 */
export function identifyAccelerator(evidence: IdentityEvidence): AcceleratorIdentity {
  const { product = '', vendorId = '', deviceId = '' } = evidence;
  const row = siliconOf({ vendor: vendorId, device: deviceId });
  const vendor = vendorOf(vendorId);
  if (isSlice(product, evidence.virtualizationMode))
    return {
      ...given({ vendor }),
      basis: 'slice',
      isProfiled: false,
      table: IDENTITY_TABLE_VERSION,
      note: `"${product}" is a virtual slice of a board`,
    };
  const named = productAccelerator(product);
  const accelerator = row?.accelerator ?? named;
  const basis = basisOf(row?.accelerator, named);
  return {
    ...given({
      accelerator,
      vendor,
      variant: row?.variant === '' ? undefined : row?.variant,
      note: noteOf(basis, { evidence, named, silicon: row?.accelerator }),
    }),
    basis,
    table: IDENTITY_TABLE_VERSION,
    isProfiled: accelerator !== undefined && PROFILED_ACCELERATORS.has(accelerator),
  };
}

/**
 * The accelerator that a product text or node label names, by whole words: `A1000` is no A100, `GH200` no H200.
 * @returns undefined when no known name stands in the text
 */
export function productAccelerator(product: string): string | undefined {
  const words = product.toUpperCase().split(/[^A-Z0-9.]+/);
  return PRODUCT_WORDS.find(([run]) => words.some((_, at) => run.every((word, index) => words[at + index] === word)))?.[1];
}

/** Vendor and device id of a text such as `0x233010DE`: device first, vendor last. Guests print `000000DE`, which names nothing. */
export function pciIds(combined: string): { readonly vendorId: string; readonly deviceId: string } | undefined {
  const match = /^(?:0x)?([0-9a-f]{4})([0-9a-f]{4})$/i.exec(combined.trim());
  const [deviceId = '', vendorId = ''] = [match?.[1]?.toLowerCase(), match?.[2]?.toLowerCase()];
  return match === null || deviceId === '0000' ? undefined : { vendorId, deviceId };
}

/** A vGPU: `GRID A100-40C`, `NVIDIA H100XM-16C`, or virtualization mode VGPU. */
function isSlice(product: string, virtualizationMode: string | undefined): boolean {
  return /^(?:NVIDIA )?GRID /i.test(product) || /-\d{1,3}[ABCQ]$/i.test(product.trim()) || /^vgpu$/i.test(virtualizationMode ?? '');
}

function basisOf(silicon: string | undefined, named: string | undefined): IdentityBasis {
  if (silicon === undefined) return named === undefined ? 'unknown' : 'product-only';
  if (named === undefined) return 'pci-only';
  return silicon === named ? 'agree' : 'disagree';
}

function noteOf(
  basis: IdentityBasis,
  {
    evidence,
    named,
    silicon,
  }: { readonly evidence: IdentityEvidence; readonly named: string | undefined; readonly silicon: string | undefined },
): string | undefined {
  const { product = '', vendorId = '', deviceId = '' } = evidence;
  const ids = `${vendorId}:${deviceId}`;
  if (basis === 'disagree') return `"${product}" names ${named ?? ''}, PCI id ${ids} is ${silicon ?? ''}`;
  if (basis === 'unknown') return `neither "${product}" nor PCI id ${ids} is known`;
  return basis === 'product-only' && deviceId !== '' ? `PCI id ${ids} is in no table` : undefined;
}

import { decodeSource, sourceLines, type SourceLine } from './source-text.ts';
import type { Tally } from './parsed.ts';

/**
 * The lines of an output that are whole. A last line without line break may have been cut inside a value:
 * it is left out, listed as unread and named in `partial`, so that half a number never passes for a number.
 * @throws VENDOR_OUTPUT_INVALID; VENDOR_OUTPUT_LIMIT
 */
export function wholeLines(tally: Tally, bytes: Uint8Array, isComplete: (text: string) => boolean = () => false): readonly SourceLine[] {
  const source = decodeSource(tally.tool, bytes);
  const lines = sourceLines(source);
  const last = lines.at(-1);
  if (source.closed || last === undefined || isComplete(last.text.trim())) return lines;
  tally.unread(`line ${last.number}`);
  tally.partial(`line ${last.number} has no line break: the output was cut there`);
  return lines.slice(0, -1);
}

const PROMPT =
  /^[\w.@:~/[\]()-]{0,80}[$#] +(?:sudo +)?(?:\S*\/)?(?:nvidia-smi|nvidia-imex-ctl|dcgmi|amd-smi|rocm-smi|rocminfo|ibstat|ibstatus|rdma|lspci|dmesg|cat)\b/;

/** True for a line that says nothing: blank, or the prompt of a pasted session. */
export function isIdle(text: string): boolean {
  const trimmed = text.trim();
  return trimmed === '' || trimmed.startsWith('$ ') || PROMPT.test(trimmed);
}

import type { Tally } from '../parsed.ts';

/** The graphics clocks a board can run at one memory clock, in MHz. */
export interface SupportedClocks {
  readonly memoryMhz: number;
  readonly graphicsMhz: readonly number[];
}

const TAG = /<(\/?)([a-z_]+)>([^<]*)/y;

/**
 * Reads the content of `supported_clocks`. It makes up most of a long document and is flat, so it is scanned tag by tag
 * instead of being built as a tree; the document was found well-formed before.
 */
export function readSupportedClocks(xml: string, source: string, tally: Tally): readonly SupportedClocks[] {
  const levels: { memoryMhz: number; graphicsMhz: number[] }[] = [];
  let end = 0;
  TAG.lastIndex = 0;
  for (let tag = TAG.exec(xml); tag !== null; tag = TAG.exec(xml)) {
    const [, closing, name = '', text = ''] = tag;
    end = TAG.lastIndex;
    if (closing === '/' || name === 'supported_mem_clock') continue;
    const mhz = megahertz(text);
    if (mhz === undefined) tally.unread(`${source}/${name}`);
    else if (name === 'value') levels.push({ memoryMhz: mhz, graphicsMhz: [] });
    else if (name === 'supported_graphics_clock') levels.at(-1)?.graphicsMhz.push(mhz);
    if (mhz !== undefined) tally.typed();
  }
  if (end !== xml.length) tally.unread(`${source} from character ${end} on`);
  return levels;
}

/** The number of a text such as `1593 MHz`, or undefined. */
export function megahertz(text: string): number | undefined {
  const match = /^\s*(\d{1,6}) MHz\s*$/.exec(text);
  return match === null ? undefined : Number(match[1]);
}

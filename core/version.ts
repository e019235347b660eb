import { readFileSync } from 'node:fs';

declare const ASSAY_VERSION: string | undefined;

/** Assay's version: fixed by the build in a bundle, read from package.json in a checkout. */
export function packageVersion(): string {
  if (typeof ASSAY_VERSION === 'string') return ASSAY_VERSION;
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}

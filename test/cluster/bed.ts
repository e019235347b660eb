import { readFileSync } from 'node:fs';
import { openApi, type Api } from './bed/api.ts';
import type { Bed } from './bed/up.ts';

const file = process.env['ASSAY_BED'];

/** Tests on the bed need one that is up: `npm run test:cluster` starts it. */
export const skipBed = file === undefined;
/** Goes into the title of what may be skipped. */
export const WHY_SKIPPED = skipBed ? '(skipped without a test bed: npm run test:cluster)' : 'of the test bed';

/** The bed of this test run, with a client of its API server. */
export function openBed(): { readonly bed: Bed; readonly api: Api } {
  const bed = JSON.parse(readFileSync(file ?? '', 'utf8')) as Bed;
  return { bed, api: openApi(bed.kubeconfig) };
}

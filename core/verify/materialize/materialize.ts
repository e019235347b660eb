import { isAssayError } from '#core/error.ts';
import type { VerifyOptions } from '../verify-options.ts';
import { bundleFromDirectory } from './bundle-from-directory.ts';
import type { DetectedInput } from './detect-input.ts';
import type { Materialized } from './materialized.ts';
import { refusalOf } from './reader-failure.ts';

/**
 * Reads an input into the form that every later step works on. Nothing is unpacked to disk.
 * @throws Refusal for everything an input can have wrong
 */
export async function materialize(input: DetectedInput, options: VerifyOptions): Promise<Materialized> {
  try {
    if (input.kind === 'dir') return await bundleFromDirectory(input.target, options);
    // Archives, artifacts and pointers need readers that a directory does not.
    const { bundleFromElsewhere } = await import('./bundle-from-elsewhere.ts');
    return await bundleFromElsewhere(input, options);
  } catch (error) {
    throw isAssayError(error) ? refusalOf(error) : error;
  }
}

import { AssayError } from '#core/error.ts';
import { programDocument } from '#core/process/program-document.ts';
import type { CheckDocument, ProbeDocument } from '#core/wire/agent-document.ts';

/** Runs `agent probe`. @throws what the agent reports; PROGRAM_FAILED */
export async function probeNode(args: readonly string[]): Promise<ProbeDocument> {
  return withList(await programDocument('agent', ['probe', ...args]), 'measurements') as ProbeDocument;
}

/** Runs `agent check`. @throws what the agent reports; PROGRAM_FAILED */
export async function checkNode(args: readonly string[]): Promise<CheckDocument> {
  return withList(await programDocument('agent', ['check', ...args]), 'results') as CheckDocument;
}

/** The agent is our own program of the same version: that it answered the right question is all there is to check. */
function withList(document: unknown, key: string): object {
  if (typeof document === 'object' && document !== null && Array.isArray((document as Record<string, unknown>)[key])) return document;
  throw new AssayError('PROGRAM_FAILED', `the agent program printed a document without ${key}`, {
    hint: 'Agent and CLI must be of one version: install Assay whole.',
  });
}

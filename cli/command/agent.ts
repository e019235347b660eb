import { programVerb } from './program-verb.ts';
import type { DefineVerb } from './verb.ts';

/** `assay agent`: the agent program with its own settings. */
export const defineAgent: DefineVerb = programVerb(
  'agent',
  `
Starts the agent program itself; every word after "agent" goes to it. "assay agent --help" lists its modes and settings.

Examples:
  assay agent run --collector wss://127.0.0.1:8443/v1/agent --collector-key sha256:… --token-file token --journal-dir journal
  assay agent probe`,
);

import type { VerbEntry } from './verb.ts';

/** Every verb of `assay`, in the order of `assay --help`. */
export const VERBS: readonly VerbEntry[] = [
  { name: 'agent', summary: 'the agent program itself', load: async () => (await import('./agent.ts')).defineAgent },
  { name: 'snapshot', summary: "this host's snapshot", load: async () => (await import('./snapshot.ts')).defineSnapshot },
  { name: 'probe', summary: 'the measurements of this node', load: async () => (await import('./probe.ts')).defineProbe },
  { name: 'check', summary: 'the node checks of this node as a CTRF report', load: async () => (await import('./check.ts')).defineCheck },
];

import type { VerbEntry } from './verb.ts';

/** Every verb of `assay`, in the order of `assay --help`. */
export const VERBS: readonly VerbEntry[] = [
  { name: 'run', summary: 'this computer into signed, verified evidence', load: async () => (await import('./run.ts')).defineRun },
  {
    name: 'verify',
    summary: 'every check on evidence that needs no cluster',
    load: async () => (await import('./verify.ts')).defineVerify,
  },
  { name: 'trust', summary: 'whose word signatures rest on', load: async () => (await import('./trust.ts')).defineTrust },
  { name: 'collector', summary: 'the collector program itself', load: async () => (await import('./collector.ts')).defineCollector },
  { name: 'bundle', summary: 'evidence bundles from files', load: async () => (await import('./bundle.ts')).defineBundle },
  { name: 'agent', summary: 'the agent program itself', load: async () => (await import('./agent.ts')).defineAgent },
  { name: 'snapshot', summary: "this host's snapshot, or a cluster's", load: async () => (await import('./snapshot.ts')).defineSnapshot },
  { name: 'probe', summary: 'the measurements of this node', load: async () => (await import('./probe.ts')).defineProbe },
  { name: 'check', summary: 'the node checks of this node as a CTRF report', load: async () => (await import('./check.ts')).defineCheck },
  {
    name: 'parse',
    summary: 'one captured vendor output as typed measurements',
    load: async () => (await import('./parse.ts')).defineParse,
  },
  {
    name: 'recipe',
    summary: 'recipes of the catalog: list, resolve, digest, query, diff',
    load: async () => (await import('./recipe.ts')).defineRecipe,
  },
  {
    name: 'fingerprint',
    summary: 'what a snapshot says a cluster is',
    load: async () => (await import('./fingerprint.ts')).defineFingerprint,
  },
  {
    name: 'constraint',
    summary: 'one constraint against a snapshot',
    load: async () => (await import('./constraint.ts')).defineConstraint,
  },
  { name: 'sign', summary: 'a keyless signature over a bundle', load: async () => (await import('./sign.ts')).defineSign },
  {
    name: 'publish',
    summary: 'artifact, signature and pointer of a bundle',
    load: async () => (await import('./publish.ts')).definePublish,
  },
  {
    name: 'deliver',
    summary: 'a run signed and pushed as soon as it is sealed',
    load: async () => (await import('./deliver.ts')).defineDeliver,
  },
  { name: 'pull', summary: 'a bundle out of a registry, without a verdict', load: async () => (await import('./pull.ts')).definePull },
  { name: 'show', summary: 'what evidence says about itself, without a verdict', load: async () => (await import('./show.ts')).defineShow },
  {
    name: 'doctor',
    summary: 'what a run in a cluster would do, and what to change first',
    load: async () => (await import('./doctor.ts')).defineDoctor,
  },
  {
    name: 'status',
    summary: 'where a run in a cluster stands, and what it waits for',
    load: async () => (await import('./status.ts')).defineStatus,
  },
  {
    name: 'wait',
    summary: 'until a run in a cluster is sealed, signed or published',
    load: async () => (await import('./wait.ts')).defineWait,
  },
  {
    name: 'logs',
    summary: 'what collector, signer and agents of a run say',
    load: async () => (await import('./logs.ts')).defineLogs,
  },
  {
    name: 'results',
    summary: 'what the checks of a run in a cluster found',
    load: async () => (await import('./results.ts')).defineResults,
  },
  {
    name: 'report',
    summary: 'the verdict on the evidence of a run in a cluster, or what its log tells',
    load: async () => (await import('./report.ts')).defineReport,
  },
  {
    name: 'delete',
    summary: 'a run in a cluster, and everything that it made there',
    load: async () => (await import('./delete.ts')).defineDelete,
  },
  { name: 'list', summary: 'the evidence in a repository', load: async () => (await import('./list.ts')).defineList },
];

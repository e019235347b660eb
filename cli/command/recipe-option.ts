import type { Command } from 'commander';

/** Options of {@link withCatalog} as commander hands them over. */
export interface CatalogFlags {
  readonly catalog?: string;
  readonly data?: string;
  readonly catalogVersion?: string;
}

/** Options of {@link withCriteria} as commander hands them over. */
export interface CriteriaFlags extends CatalogFlags {
  readonly service?: string;
  readonly accelerator?: string;
  readonly gpu?: string;
  readonly intent?: string;
  readonly os?: string;
  readonly platform?: string;
  readonly nodes?: string;
  readonly snapshot?: string;
  readonly criteriaStrict?: boolean;
}

/** Adds the options that say which catalog is meant. */
export function withCatalog(command: Command): Command {
  return command
    .option('--catalog <dir>', 'recipe catalog to use instead of the embedded one')
    .option('--data <dir>', 'directory with a registry.yaml, laid over the catalog')
    .option('--catalog-version <version>', "text for metadata.version, which the digest covers (default: this tool's version)");
}

/** Adds the options that say which recipe is meant. */
export function withCriteria(command: Command): Command {
  return withCatalog(command)
    .option('--service <name>', 'Kubernetes service: eks, gke, aks, oke, kind, …')
    .option('--accelerator <name>', 'accelerator: h100, h200, gb200, b200, mi300, …')
    .option('--gpu <name>', 'same as --accelerator')
    .option('--intent <name>', 'training or inference')
    .option('--os <name>', 'node operating system: ubuntu, cos, ol, …')
    .option('--platform <name>', 'workload platform: kubeflow, dynamo, slurm, …')
    .option('--nodes <count>', 'number of nodes, control plane included')
    .option('--criteria-strict', 'accept only values of the catalog itself, not those of --data');
}

/** Adds the option that takes criteria, and the facts that rule out overlays, from a snapshot. */
export function withSnapshot(command: Command): Command {
  return command.option(
    '-s, --snapshot <file>',
    'snapshot: gives service, accelerator, OS and nodes, and rules out overlays it contradicts',
  );
}

/** Which catalog and version the flags name, for reading recipe files and loading the catalog. */
export function catalogSource(flags: CatalogFlags): { readonly catalogDir?: string; readonly dataDir?: string; readonly version?: string } {
  const { catalog, data, catalogVersion } = flags;
  return {
    ...(catalog === undefined ? {} : { catalogDir: catalog }),
    ...(data === undefined ? {} : { dataDir: data }),
    ...(catalogVersion === undefined ? {} : { version: catalogVersion }),
  };
}

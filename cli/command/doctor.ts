import type { Command } from 'commander';
import { AssayError } from '#core/error.ts';
import { parseDuration } from '#core/setting/duration.ts';
import { openCluster, withCluster, type ClusterFlags } from '../cluster/cluster-flags.ts';
import type { DoctorQuestion } from '../cluster/doctor/run-doctor.ts';
import { withFormat } from '../output/conclude.ts';
import { registryOptions, withRegistry, type RegistryFlags } from '../registry/registry-flags.ts';
import type { Conclude, DefineVerb } from './verb.ts';

interface DoctorFlags extends ClusterFlags, RegistryFlags {
  readonly release?: string;
  readonly chartValues?: readonly string[];
  readonly values?: boolean;
  readonly offline?: boolean;
}

const HELP = `
Predicts, before and after an install, which GPU nodes will not report and why, which checks will be skipped, whether the namespace
lets the pods in, and whether registry and signing services will take the evidence. Nothing is changed and nothing is stored; registry
and signing services are asked from this computer, the registry with the credentials that the release will use.
--values prints the values of the chart that this cluster needs.

Exit status: 0 nothing to fix, 1 something is.

Examples:
  assay doctor -n assay
  assay doctor -n assay --chart-values my-values.yaml
  assay doctor --values > values.yaml && helm install assay charts/assay -n assay --create-namespace -f values.yaml -f my-values.yaml
  assay doctor -n assay --format json`;

/** `assay doctor`: what a run in a cluster would do, and what to change first. */
export const defineDoctor: DefineVerb = (command, conclude) => {
  withCluster(command)
    .option('--release <name>', 'release to look at, or to be installed (default: the one that is there, else assay)')
    .option('--chart-values <file...>', 'values of the chart that are to be used; later files win')
    .option('--values', 'print the values of the chart that this cluster needs, as YAML')
    .option('--offline', 'ask neither registry nor signing services');
  withFormat(withRegistry(command), ['text', 'json', 'yaml']).addHelpText('after', HELP);
  command.action((flags: DoctorFlags) => doctor(command, flags, conclude));
};

async function doctor(command: Command, flags: DoctorFlags, conclude: Conclude): Promise<void> {
  const isYaml = command.opts<{ format: string }>().format === 'yaml';
  if (isYaml && flags.values !== true)
    throw new AssayError('USAGE', '--format yaml is for --values', { hint: 'Use --format json, or add --values.' });
  const [{ examine, diagnose, diagnosisExit }, { readChartValues }, { interruptible }] = await Promise.all([
    import('../cluster/doctor/run-doctor.ts'),
    import('../cluster/doctor/read-chart-values.ts'),
    import('../run/interruptible.ts'),
  ]);
  const values = flags.chartValues === undefined ? undefined : await readChartValues(flags.chartValues);
  const place = await openCluster(flags);
  const question: DoctorQuestion = {
    offline: flags.offline === true,
    registry: registryOptions(flags),
    timeoutMs: parseDuration(flags.timeout ?? '30s'),
    ...(flags.release === undefined ? {} : { release: flags.release }),
    ...(values === undefined ? {} : { values }),
  };
  if (flags.values === true) {
    const [{ adviseValues }, { canonicalYaml }] = [
      await import('../cluster/doctor/advise-values.ts'),
      await import('#core/digest/canonical-yaml.ts'),
    ];
    const { plan, reading } = await interruptible(() => examine(place, question));
    const advised = adviseValues(plan, reading);
    const yaml = (): string => canonicalYaml(JSON.parse(JSON.stringify(advised)) as Parameters<typeof canonicalYaml>[0], 2);
    await conclude(command, { exit: 0, json: advised, render: { text: yaml, yaml } });
    return;
  }
  const diagnosis = await interruptible(async () => diagnose(place, await examine(place, question), question));
  const { doctorText } = await import('../output/doctor-text.ts');
  await conclude(command, { exit: diagnosisExit(diagnosis), json: diagnosis, render: { text: () => doctorText(diagnosis) } });
}

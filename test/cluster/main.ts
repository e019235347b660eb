import { down } from './bed/down.ts';
import { up } from './bed/up.ts';
import { report, timed } from './bed/report.ts';
import { ensurePackages } from './bed/packages.ts';
import { buildBedPrograms } from './bed/programs.ts';
import { buildPrograms } from '../../tools/services/build-programs.ts';

const VERBS: Readonly<Record<string, () => Promise<void>>> = {
  build: async () => {
    await ensurePackages(report);
    await buildPrograms(report);
    await buildBedPrograms(report);
  },
  up: async () => {
    const bed = await timed('up', up);
    process.stdout.write(`${JSON.stringify(bed, null, 2)}\n`);
  },
  down: () => timed('down', down),
};
const verb = VERBS[process.argv[2] ?? ''];
if (verb === undefined) {
  process.stderr.write('usage: node test/cluster/main.ts build | up | down | test\n');
  process.exitCode = 64;
} else await verb();

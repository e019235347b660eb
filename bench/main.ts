import { readdirSync } from 'node:fs';
import { spawnSync } from 'node:child_process';

// Runs every benchmark, or those named: `npm run bench -- run verify`. Each prints its own figures; none is a test.
// A whole cluster needs root and minutes: only when it is named.
const ON_DEMAND = ['cluster'];
const wanted = process.argv.slice(2);
const names = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.ts') && !['main.ts', 'measure.ts'].includes(name))
  .map((name) => name.slice(0, -'.ts'.length));
for (const name of names.filter((candidate) => (wanted.length === 0 ? !ON_DEMAND.includes(candidate) : wanted.includes(candidate)))) {
  process.stdout.write(`\n# bench/${name}\n`);
  const { status } = spawnSync(process.execPath, [`bench/${name}.ts`], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}

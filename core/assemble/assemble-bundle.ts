import { compareText } from '#core/digest/compare-text.ts';
import type { SealedRun } from '#core/wire/run.ts';
import type { ComposedBundle } from './compose-bundle.ts';
import { RunAssembly, type AssemblyFrame, type Bindings } from './run-assembly.ts';

/** Everything a run's bundle is made from. Equal inputs give equal bytes. */
export interface AssemblyInput extends Omit<AssemblyFrame, 'run'>, Bindings {
  readonly run: SealedRun;
}

/** Assembles a sealed run that is in memory as a whole. Pure: every time in the bundle comes from the run. */
export function assembleBundle({ materialSlice, expiresAt, previousBundle, logs, ...frame }: AssemblyInput): ComposedBundle {
  const assembly = new RunAssembly(frame);
  for (const report of [...frame.run.reports].sort((left, right) => compareText(left.node, right.node))) assembly.add(report);
  return assembly.finish({
    ...(materialSlice === undefined ? {} : { materialSlice }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(previousBundle === undefined ? {} : { previousBundle }),
    ...(logs === undefined ? {} : { logs }),
  });
}

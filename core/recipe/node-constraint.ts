import type { Constraint, Recipe } from './document.ts';

/** Names under which the deployment phase of a recipe limits what every node has; node checks of the agent judge them. */
export const NODE_CONSTRAINTS = { driver: 'Deployment.nvidia-driver.version', cuda: 'Deployment.cuda.version' } as const;

const NAMES: ReadonlySet<string> = new Set(Object.values(NODE_CONSTRAINTS));

/** The limits of a recipe that agents judge, for the plan of a run. */
export function nodeConstraints({ validation }: Recipe): readonly Pick<Constraint, 'name' | 'value'>[] {
  return (validation?.deployment?.constraints ?? []).filter(({ name }) => NAMES.has(name)).map(({ name, value }) => ({ name, value }));
}

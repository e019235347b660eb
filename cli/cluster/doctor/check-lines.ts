import type { Recipe } from '#core/recipe/document.ts';
import type { ChartPlan } from './chart-plan.ts';
import { CHECK_NEEDS, type CheckNeed } from './check-needs.ts';
import type { ClusterReading } from './cluster-reading.ts';
import { warn, type DoctorLine } from './doctor-line.ts';

const AT = { section: 'checks' } as const;

/**
 * Which cluster checks would be skipped, together by what is missing.
 * @param recipe what is to be certified; every check that a recipe may name when it is not known
 */
export function checkLines(plan: ChartPlan, reading: ClusterReading, recipe: Recipe | undefined): readonly DoctorLine[] {
  const phases = Object.values(recipe?.validation ?? {}) as readonly ({ readonly checks?: readonly string[] } | undefined)[];
  const named = new Set(phases.flatMap((phase) => phase?.checks ?? []));
  const asked = CHECK_NEEDS.filter(({ check, always }) => recipe === undefined || always === true || named.has(check));
  const missing = asked.flatMap(({ check, needs }) => needs.filter((need) => !isMet(need, plan, reading)).map((need) => ({ check, need })));
  return [...Map.groupBy(missing, ({ need }) => nameOf(need))].map(([id, group]) => {
    const [first] = group;
    const checks = group.map(({ check }) => check).join(', ');
    const { why, fix } = wordsOf(first?.need ?? { kind: 'writes' });
    const where = recipe === undefined ? 'where a recipe asks for them, ' : '';
    return warn({ ...AT, id }, `${why}: ${where}${checks} ${group.length === 1 ? 'is' : 'are'} skipped`, fix);
  });
}

function isMet(need: CheckNeed, { checksActive }: ChartPlan, { kinds, workloads, expected }: ClusterReading): boolean {
  switch (need.kind) {
    case 'writes':
      return checksActive;
    case 'api':
      return kinds.has(`${need.apiVersion}/${need.resource}`);
    case 'workload':
      return workloads.has(need.name);
    case 'vendor':
      return expected.some(({ gpu }) => gpu?.vendor === need.vendor);
  }
}

function nameOf(need: CheckNeed): string {
  switch (need.kind) {
    case 'writes':
      return 'checks-active';
    case 'api':
      return `api-${need.resource}`;
    case 'workload':
      return `workload-${need.name}`;
    case 'vendor':
      return `vendor-${need.vendor}`;
  }
}

function wordsOf(need: CheckNeed): { readonly why: string; readonly fix: string } {
  switch (need.kind) {
    case 'writes':
      return { why: 'checks that make objects are off', fix: '--set checks.active=true gives them a namespace of their own.' };
    case 'api':
      return {
        why: `the cluster does not know ${need.resource} of ${need.apiVersion}`,
        fix: 'Install what serves it, if the recipe deploys it.',
      };
    case 'workload':
      return { why: `there is no ${need.name}`, fix: 'Install it, if the recipe deploys it.' };
    case 'vendor':
      return { why: `there is no ${need.vendor} node`, fix: 'Nothing is wrong where the recipe is for another accelerator.' };
  }
}

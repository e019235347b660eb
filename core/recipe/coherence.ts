import { AssayError } from '../error.ts';
import { isEnabled } from './deployment-order.ts';
import type { ComponentRef } from './document.ts';

const HELM_TEXTS = ['chart', 'source', 'version'] as const;

/** Spelling of a component type as documents carry it; unknown types stay as they are. */
export function canonicalType(type: string): string {
  const lower = type.toLowerCase();
  if (lower === 'helm') return 'Helm';
  return lower === 'kustomize' ? 'Kustomize' : type;
}

/**
 * Refuses components whose settings contradict each other, all problems in one error. Disabled components are not
 * looked at.
 * @throws RECIPE_INVALID
 * @source recipe component coherence rules
 */
export function checkCoherence(components: readonly ComponentRef[]): void {
  const problems = components.filter(isEnabled).flatMap(componentProblems);
  if (problems.length === 0) return;
  throw new AssayError('RECIPE_INVALID', `recipe has contradicting component settings: ${problems.join('; ')}`, {
    hint: 'Correct the component in the overlay that sets it, or its defaults in registry.yaml.',
    details: { problems },
  });
}

function componentProblems(component: ComponentRef): string[] {
  const { name, type, patches } = component;
  const found = (patches ?? []).length > 0 ? ['sets patches, which nothing applies'] : [];
  if (type === 'Helm') found.push(...helmProblems(component));
  else if (type === 'Kustomize') found.push(...kustomizeProblems(component));
  else found.push(`has type "${type}"; Helm and Kustomize exist`);
  return found.map((problem) => `component "${name}" ${problem}`);
}

function helmProblems(component: ComponentRef): string[] {
  const { source, chart, version, manifestFiles = [] } = component;
  const rules: readonly (readonly [boolean, string])[] = [
    [component.tag !== undefined, 'is Helm and sets tag'],
    [component.path !== undefined, 'is Helm and sets path'],
    ...HELM_TEXTS.map(
      (field) => [(component[field] ?? '') !== (component[field] ?? '').trim(), `has a ${field} with surrounding space`] as const,
    ),
    [version === 'v', 'has version "v", which deployers take for none'],
    [source !== '' && version === undefined, 'has a source but no version'],
    [source === '' && chart !== undefined, 'has a chart but no source'],
    [source === '' && chart === undefined && manifestFiles.length === 0, 'has neither source, chart nor manifestFiles'],
  ];
  return rules.filter(([broken]) => broken).map(([, problem]) => problem);
}

function kustomizeProblems({ path, tag, source, manifestFiles = [] }: ComponentRef): string[] {
  const rules: readonly (readonly [boolean, string])[] = [
    [path === undefined, 'is Kustomize and has no path'],
    [tag !== undefined && source === '', 'is Kustomize and has a tag but no source'],
    [manifestFiles.length > 0, 'is Kustomize and sets manifestFiles'],
  ];
  return rules.filter(([broken]) => broken).map(([, problem]) => problem);
}

import { expect, test } from 'vitest';
import type { Recipe } from '#core/recipe/document.ts';
import { nodeConstraints } from '#core/recipe/node-constraint.ts';

const recipe = (validation: Recipe['validation']): Recipe =>
  ({
    kind: 'RecipeResult',
    apiVersion: 'aicr.run/v1alpha2',
    componentRefs: [],
    ...(validation === undefined ? {} : { validation }),
  }) as unknown as Recipe;

test('limits of nodes are those of the deployment phase that have their names', () => {
  const constraints = [
    { name: 'Deployment.gpu-operator.version', value: '>= v24.6.0' },
    { name: 'Deployment.cuda.version', value: '>= 13', severity: 'error' },
    { name: 'Deployment.nvidia-driver.version', value: '>= 580' },
  ];
  expect(
    nodeConstraints(
      recipe({ deployment: { constraints }, performance: { constraints: [{ name: 'Deployment.cuda.version', value: '>= 99' }] } }),
    ),
  ).toEqual([
    { name: 'Deployment.cuda.version', value: '>= 13' },
    { name: 'Deployment.nvidia-driver.version', value: '>= 580' },
  ]);
});

test.each<[string, Recipe['validation']]>([
  ['no validation', undefined],
  ['no deployment phase', { performance: { checks: ['x'] } }],
  ['a phase without constraints', { deployment: { checks: ['x'] } }],
])('%s sets none', (_, validation) => {
  expect(nodeConstraints(recipe(validation))).toEqual([]);
});

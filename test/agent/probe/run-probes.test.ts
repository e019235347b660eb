import { expect, test } from 'vitest';
import type { Probe } from '../../../agent/probe/catalog.ts';
import { measure } from '../../../agent/probe/measure.ts';
import type { NodeView } from '../../../agent/probe/node-view.ts';
import { keyedPseudonyms } from '../../../agent/probe/pseudonym.ts';
import { runProbes } from '../../../agent/probe/run-probes.ts';

const input = { node: {} as NodeView, pseudonyms: keyedPseudonyms(Buffer.alloc(32)) };
const fact = measure({ subtype: 'x' }, [{ key: 'k', read: { state: 'read', value: 0 }, source: '/x' }]);
const probe = (name: string, run: Probe['run']): Probe => ({ name, summary: '', deadlineMs: 50, run });

test('results come in catalog order, whichever probe is first', async () => {
  const slow = probe('slow', () => new Promise((resolve) => void setImmediate(() => resolve(fact))));
  const results = await runProbes([slow, probe('fast', async () => [])], input);
  expect(results).toEqual([
    { probe: 'slow', measurements: [{ type: 'Hardware', subtype: 'x', key: 'k', reading: { state: 'read', value: 0 }, source: '/x' }] },
    { probe: 'fast', measurements: [] },
  ]);
});

test.each([
  ['hangs', () => new Promise<never>(() => undefined), 'no answer within 50 ms'],
  ['rejects', () => Promise.reject(new Error('bad bus')), 'bad bus'],
  [
    'throws',
    () => {
      throw new Error('at once');
    },
    'at once',
  ],
])('a probe that %s gives one unreadable measurement, and the others go on', async (name, run, reason) => {
  const results = await runProbes([probe(name, run), probe('well', async () => fact)], input);
  expect(results).toEqual([
    {
      probe: name,
      measurements: [
        {
          type: 'Hardware',
          subtype: 'probe',
          item: name,
          key: 'result',
          reading: { state: 'unreadable', reason },
          source: `probe ${name}`,
        },
      ],
    },
    { probe: 'well', measurements: fact },
  ]);
});

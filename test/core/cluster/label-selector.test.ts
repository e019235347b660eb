import { describe, expect, it } from 'vitest';
import { matchesLabels, parseLabelSelector, requirementText } from '#core/cluster/label-selector.ts';
import { codeOf } from '../../fixture/uplink/code-of.ts';

const LABELS = { pool: 'gpu', 'example.com/tier': 'gold', empty: '' };
const matches = (text: string): boolean => matchesLabels(LABELS, parseLabelSelector(text));

describe('label selector', () => {
  it.each([
    '',
    'pool=gpu',
    'pool==gpu',
    ' pool = gpu ',
    'pool!=cpu',
    'absent!=x',
    'pool',
    '!absent',
    'empty=',
    'pool in (cpu, gpu)',
    'pool notin (cpu),absent notin (a,b)',
    'example.com/tier=gold,pool in (gpu,cpu),!absent',
  ])('matches: %s', (text) => expect(matches(text)).toBe(true));

  it.each(['pool=cpu', 'pool!=gpu', '!pool', 'absent', 'absent=', 'pool in (cpu)', 'pool notin (gpu)', 'pool=gpu,absent', 'toString'])(
    'does not match: %s',
    (text) => expect(matches(text)).toBe(false),
  );

  it.each([
    '=',
    'a=b=c',
    'pool=g p',
    'pool in gpu',
    'pool in (gpu',
    'a,',
    ',',
    'a//b=c',
    '-a=b',
    'a=-b',
    'pool>3',
    '!a=b',
    'pool in (a),in (b)',
  ])('is refused: %s', (text) => expect(codeOf(() => parseLabelSelector(text))).toBe('CONFIG_INVALID'));

  it('compares whole numbers, and nothing else', () => {
    const compare = (value: string, operator: 'Gt' | 'Lt', than: string) =>
      matchesLabels({ n: value }, [{ key: 'n', operator, values: [than] }]);

    expect([
      compare('8', 'Gt', '7'),
      compare('8', 'Lt', '9'),
      compare('8', 'Gt', '8'),
      compare('x', 'Gt', '1'),
      compare('8', 'Lt', 'x'),
    ]).toEqual([true, true, false, false, false]);
  });

  it('does not meet a requirement that nobody knows', () => {
    expect(matchesLabels(LABELS, [{ key: 'pool', operator: 'Near' as 'In', values: ['gpu'] }])).toBe(false);
  });

  it('is written as it is read', () => {
    const text = 'a=b,c!=d,e in (f,g),h notin (i,j),k,!l';

    expect(parseLabelSelector(text).map(requirementText).join(',')).toBe(text);
  });
});

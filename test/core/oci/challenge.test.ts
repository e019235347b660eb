import { describe, expect, it } from 'vitest';
import { parseChallenges } from '#core/oci/registry/challenge.ts';

describe('what a registry asks for', () => {
  it.each([
    ['Basic realm="test"', [{ scheme: 'basic', parameters: { realm: 'test' } }]],
    ['BASIC realm=test', [{ scheme: 'basic', parameters: { realm: 'test' } }]],
    [
      'Bearer realm="https://auth.test/token",service="registry.test",scope="repository:a/b:pull,push repository:c/d:pull"',
      [
        {
          scheme: 'bearer',
          parameters: { realm: 'https://auth.test/token', service: 'registry.test', scope: 'repository:a/b:pull,push repository:c/d:pull' },
        },
      ],
    ],
    ['Bearer realm="a", error = "insufficient_scope"', [{ scheme: 'bearer', parameters: { realm: 'a', error: 'insufficient_scope' } }]],
    ['Basic realm="a \\"quoted\\" b"', [{ scheme: 'basic', parameters: { realm: 'a "quoted" b' } }]],
    [
      'Negotiate, Basic realm="x", Bearer realm="y"',
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'x' } },
        { scheme: 'bearer', parameters: { realm: 'y' } },
      ],
    ],
    ['', []],
    [null, []],
    ['x'.repeat(9000), []],
  ])('%j is read', (header, challenges) => {
    expect(parseChallenges(header)).toEqual(challenges);
  });

  it('takes no time over a hostile header', () => {
    const startedAt = performance.now();

    parseChallenges(`Bearer ${'a="'.repeat(2700)}`);

    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});

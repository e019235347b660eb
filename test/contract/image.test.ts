import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NODE_START, nodeFlagsFor } from '#core/process/node-start.ts';

const TARGETS = new Map(
  readFileSync('Dockerfile', 'utf8')
    .split(/^FROM /m)
    .slice(1)
    .map((text) => [/AS (\w+)/.exec(text)?.[1] ?? '', text]),
);

function entrypointOf(target: string): unknown {
  return JSON.parse(/^ENTRYPOINT (.*)$/m.exec(TARGETS.get(target) ?? '')?.[1] ?? 'null');
}

describe('an image', () => {
  it.each(['agent', 'collector'] as const)('starts the %s as "assay run" does', (program) => {
    const { flags, env } = NODE_START[program];

    expect(entrypointOf(program)).toEqual(['node', ...flags, `/app/${program}.mjs`]);
    for (const [name, value] of Object.entries(env)) expect(TARGETS.get(program)).toContain(`ENV ${name}=${value}\n`);
  });

  it('starts source files with what Node needs to read them', () => {
    expect(nodeFlagsFor(NODE_START.agent, 'agent/main.ts')).toEqual(NODE_START.agent.flags.filter((flag) => flag !== '--lite-mode'));
    expect(nodeFlagsFor(NODE_START.agent, '/app/agent.mjs')).toEqual(NODE_START.agent.flags);
  });
});

import { describe, expect, it } from 'vitest';
import { IncidentTally, type Incident } from '../../../collector/session/incident.ts';

function tally(): { readonly tally: IncidentTally; readonly handedOn: Incident[] } {
  const handedOn: Incident[] = [];
  return { tally: new IncidentTally((incident) => handedOn.push(incident)), handedOn };
}

describe('incident tally', () => {
  it('hands on the first of each code and node, and counts all of them', () => {
    const { tally: incidents, handedOn } = tally();
    incidents.report({ code: 'NODE_BUSY', node: 'node-a', detail: 'one', atMs: 1 });
    incidents.report({ code: 'NODE_BUSY', node: 'node-a', detail: 'two', atMs: 2 });
    incidents.report({ code: 'NODE_BUSY', detail: 'three', atMs: 3 });
    incidents.report({ code: 'CREDENTIAL_EXPIRED', node: 'node-a', detail: 'four', atMs: 4 });

    expect(handedOn.map(({ detail }) => detail)).toEqual(['one', 'three', 'four']);
    expect(handedOn[1]).toEqual({ code: 'NODE_BUSY', detail: 'three', atMs: 3 });
    expect(incidents.counts).toEqual([
      { code: 'NODE_BUSY', node: 'node-a', count: 2 },
      { code: 'NODE_BUSY', count: 1 },
      { code: 'CREDENTIAL_EXPIRED', node: 'node-a', count: 1 },
    ]);
  });

  it('hands on 64 in all, and the first one of every code beyond that', () => {
    const { tally: incidents, handedOn } = tally();
    for (let node = 0; node < 100; node += 1) incidents.report({ code: 'NODE_BUSY', node: `node-${String(node)}`, detail: '', atMs: 0 });
    incidents.report({ code: 'WIRE_EQUIVOCATION', node: 'node-0', detail: 'late', atMs: 0 });
    incidents.report({ code: 'WIRE_EQUIVOCATION', node: 'node-1', detail: 'too late', atMs: 0 });

    expect([handedOn.length, handedOn.at(-1)?.detail]).toEqual([65, 'late']);
    expect(incidents.counts.length).toBe(102);
  });

  it('stays small however many nodes there are said to be', () => {
    const { tally: incidents } = tally();
    for (let node = 0; node < 20_500; node += 1) incidents.report({ code: 'NODE_BUSY', node: `node-${String(node)}`, detail: '', atMs: 0 });
    incidents.report({ code: 'NODE_BUSY', node: 'node-7', detail: '', atMs: 0 });

    expect(incidents.counts.length).toBe(20_001);
    expect(incidents.counts.at(7)).toEqual({ code: 'NODE_BUSY', node: 'node-7', count: 2 });
    expect(incidents.counts.at(-1)).toEqual({ code: 'NODE_BUSY', count: 500 });
  });

  it('cuts foreign text and leaves nothing in it that a terminal obeys', () => {
    const { tally: incidents, handedOn } = tally();
    incidents.report({ code: 'NODE_BUSY', detail: `\u001b[31m\n\u202e日${'x'.repeat(600)}`, atMs: 0 });

    expect(handedOn[0]?.detail).toBe(`?[31m??日${'x'.repeat(492)}`);
  });
});

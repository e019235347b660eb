import { describe, expect, it } from 'vitest';
import type { Hello } from '#core/wire/message.ts';
import type { NodeName } from '#core/wire/run.ts';
import type { LedgerEntry } from '../../../collector/ledger/entry.ts';
import { RunReplay } from '../../../collector/ledger/replay.ts';
import type { Credential, CredentialPod } from '../../../collector/session/admission.ts';
import type { Link } from '../../../collector/session/member.ts';
import { Roster } from '../../../collector/session/roster.ts';
import { codeOf } from '../../fixture/uplink/code-of.ts';
import { agentEntry, batchEntry, OPENED_AT_MS, runEntry, testAgent } from '../../fixture/uplink/entries.ts';
import { driverRecords } from '../../fixture/uplink/records.ts';
import type { SignedAgent } from '../../fixture/uplink/signed-agent.ts';

const BODIES = driverRecords('node-a', 6);
const RUN = runEntry(['node-a', 'node-b']);
const LINK: Link = { send: () => undefined, end: () => undefined, refuse: () => undefined };

function rosterOf(...entries: readonly LedgerEntry[]): Roster {
  const replay = new RunReplay();
  for (const entry of [RUN, ...entries]) replay.add(entry);
  return new Roster(RUN, replay);
}

function join(
  roster: Roster,
  agent: SignedAgent,
  change: Partial<Hello> = {},
  credential: Partial<Credential> = {},
): ReturnType<Roster['join']> {
  const hello = agent.hello(Buffer.alloc(32), { clockMs: OPENED_AT_MS + 250, ...change });
  return roster.join({ hello, credential: { node: undefined, ...credential }, nowMs: OPENED_AT_MS });
}

function proved(node: string, change: Partial<CredentialPod> = {}): Credential {
  const pod = { name: 'agent-x', uid: 'uid-x', createdAtMs: OPENED_AT_MS, ofDaemonSet: true, ...change };
  return { node: node as NodeName, pod };
}

describe('roster', () => {
  it('admits the first agent of an expected node as attempt 1', () => {
    const agent = testAgent('node-a', BODIES);
    const { member, fresh } = join(rosterOf(), agent);

    expect(fresh).toBe(true);
    expect(member.entry).toEqual(agentEntry(agent, { clockSkewMs: 250 }));
  });

  it('knows an agent again by its key, also after a restart, at the record that was stored', () => {
    const agent = testAgent('node-a', BODIES);
    const { member, fresh } = join(rosterOf(agentEntry(agent), batchEntry(agent, [1, 4])), agent);

    expect([fresh, member.durableSeq, member.complete]).toEqual([false, 4, false]);
  });

  it('lets another agent start over when the first one is gone', () => {
    const roster = rosterOf();
    join(roster, testAgent('node-a', BODIES));
    const { member, fresh } = join(roster, testAgent('node-a', BODIES));

    expect([fresh, member.entry.attempt, member.entry.agent, member.durableSeq]).toEqual([true, 2, 1, 0]);
  });

  it('asks another agent to wait while the first one is connected', () => {
    const roster = rosterOf();
    join(roster, testAgent('node-a', BODIES)).member.link = LINK;

    expect(codeOf(() => join(roster, testAgent('node-a', BODIES)))).toBe('NODE_BUSY');
  });

  it('ends the row of agents that start over', () => {
    const roster = rosterOf();
    for (let attempt = 1; attempt <= 32; attempt += 1) join(roster, testAgent('node-a', BODIES));

    expect(codeOf(() => join(roster, testAgent('node-a', BODIES)))).toBe('NODE_REJECTED');
  });

  it.each<[string, () => unknown, string]>([
    ['of a node that is not expected', () => join(rosterOf(), testAgent('node-c', BODIES)), 'NODE_REJECTED'],
    ['whose credential is for another node', () => join(rosterOf(), testAgent('node-a', BODIES), {}, proved('node-b')), 'CREDENTIAL_NODE'],
    ['of another protocol version', () => join(rosterOf(), testAgent('node-a', BODIES), { protocol: 2 }), 'WIRE_VERSION'],
    [
      'of a node that was excluded',
      () => join(rosterOf({ kind: 'rejected', node: 'node-a', code: 'X', detail: '', atMs: 1 }), testAgent('node-a', BODIES)),
      'NODE_REJECTED',
    ],
    [
      'of a node that has already reported',
      () => {
        const first = testAgent('node-a', BODIES);
        return join(rosterOf(agentEntry(first), batchEntry(first, [1, 6])), testAgent('node-a', BODIES));
      },
      'NODE_REJECTED',
    ],
  ])('refuses an agent %s', (_, call, code) => {
    expect(codeOf(call)).toBe(code);
  });

  it('admits an agent whose credential is for its node', () => {
    expect(join(rosterOf(), testAgent('node-a', BODIES), {}, proved('node-a')).fresh).toBe(true);
  });

  describe('with two pods of one node', () => {
    const OLD = { name: 'agent-old', uid: 'uid-old' };
    const NEW = { name: 'agent-new', uid: 'uid-new', createdAtMs: OPENED_AT_MS + 1000 };
    const STRANGER = { name: 'stranger', uid: 'uid-stranger', ofDaemonSet: false };

    function second(first: Partial<CredentialPod>, other: Partial<CredentialPod>, isLive = true): ReturnType<Roster['join']> {
      const roster = rosterOf();
      const { member } = join(roster, testAgent('node-a', BODIES), {}, proved('node-a', first));
      if (isLive) member.link = LINK;
      return join(roster, testAgent('node-a', BODIES), {}, proved('node-a', other));
    }

    it('lets the newer one take over from a living older one', () => {
      const { member, superseded } = second(OLD, NEW);

      expect([member.entry.attempt, member.entry.pod?.uid, superseded?.entry.pod?.uid]).toEqual([2, 'uid-new', 'uid-old']);
    });

    it.each<[string, Parameters<typeof second>, string]>([
      ['the older one while the newer lives', [NEW, OLD, true], 'POD_SUPERSEDED'],
      ['the older one also when the newer is away', [NEW, OLD, false], 'POD_SUPERSEDED'],
      ['one of the same second', [OLD, { uid: 'uid-twin' }, true], 'NODE_BUSY'],
      ['another process of the same pod', [OLD, OLD, true], 'NODE_BUSY'],
      ['a newer one that is not of the DaemonSet', [OLD, { ...STRANGER, createdAtMs: OPENED_AT_MS + 9000 }, true], 'POD_SUPERSEDED'],
    ])('refuses %s', (_, pods, code) => {
      expect(codeOf(() => second(...pods))).toBe(code);
    });

    it('lets a pod of the DaemonSet take over from one that is not, however old it is', () => {
      expect(second({ ...STRANGER, createdAtMs: OPENED_AT_MS + 9000 }, OLD).superseded?.entry.pod?.name).toBe('stranger');
    });

    it('refuses the newer one when the older has reported', () => {
      const first = testAgent('node-a', BODIES);
      const roster = rosterOf(agentEntry(first), batchEntry(first, [1, 6]));

      expect(codeOf(() => join(roster, testAgent('node-a', BODIES), {}, proved('node-a', NEW)))).toBe('NODE_REJECTED');
    });

    it('knows the pods again after a restart of the collector', () => {
      const first = testAgent('node-a', BODIES);
      const roster = rosterOf(agentEntry(first, { pod: proved('node-a', NEW).pod as CredentialPod }));

      expect(codeOf(() => join(roster, testAgent('node-a', BODIES), {}, proved('node-a', OLD)))).toBe('POD_SUPERSEDED');
    });
  });

  it('is settled when every node is complete or rejected', () => {
    const agent = testAgent('node-a', BODIES);
    const roster = rosterOf(agentEntry(agent), batchEntry(agent, [1, 6]));

    expect(roster.openCount).toBeGreaterThan(0);
    roster.reject({ kind: 'rejected', node: 'node-b', code: 'X', detail: '', atMs: 1 });
    expect(roster.openCount).toBe(0);
  });

  it('names every node without a complete report, with its reason', () => {
    const lost = testAgent('node-a', BODIES);
    const roster = rosterOf(agentEntry(lost), batchEntry(lost, [1, 3]));
    const reasons = (): unknown => roster.absences().map(({ node, reason }) => [node, reason]);

    expect(reasons()).toEqual([
      ['node-a', 'lost'],
      ['node-b', 'never-connected'],
    ]);
    (roster.members[0] as { link: Link | undefined }).link = LINK;
    roster.reject({ kind: 'rejected', node: 'node-b', code: 'WIRE_EQUIVOCATION', detail: 'two histories', atMs: 1 });
    expect(roster.absences()).toEqual([
      { node: 'node-a', reason: 'incomplete', detail: '3 records were stored before the run was sealed, the last one did not come' },
      { node: 'node-b', reason: 'rejected', detail: 'WIRE_EQUIVOCATION: two histories' },
    ]);
  });
});

describe('member', () => {
  it('refuses a batch that another key signed, and one that was changed', () => {
    const agent = testAgent('node-a', BODIES);
    const { member } = join(rosterOf(), agent);
    const other = testAgent('node-a', BODIES);

    expect(codeOf(() => member.take(other.batch(1, 2)))).toBe('WIRE_SIGNATURE');
    expect(codeOf(() => member.take(agent.batch(1, 2, { records: [agent.records[0] as Uint8Array] })))).toBe('WIRE_SIGNATURE');
    expect(codeOf(() => member.take(agent.batch(1, 2, { firstSeq: 2 })))).toBe('WIRE_SIGNATURE');
    expect(codeOf(() => member.take(agent.batch(1, 2, { prevLink: Buffer.alloc(32) })))).toBe('WIRE_SIGNATURE');
    expect(member.take(agent.batch(1, 2)).length).toBe(2);
  });
});

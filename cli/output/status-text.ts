import { shown } from '#core/verify/foreign-text.ts';
import type { RunView } from '../cluster/run-view.ts';

const NAME_WIDTH = 11;
const SECOND_MS = 1000;
const MINUTE_S = 60;
const LONG = 600;
/** Of a longer text this much of its begin is kept. */
const HEAD = 200;
const MAX_DETAIL = 8_000;

const STATE_WORDS: Readonly<Record<RunView['state'], string>> = {
  none: 'no run yet',
  waiting: 'waiting for its nodes',
  gathering: 'gathering',
  sealed: 'sealed, not signed yet',
  pending: 'sealed, pending signature',
  signed: 'signed',
  published: 'signed and published',
  failed: 'failed',
};

/** A run's status for a terminal: plain text, foreign text without control characters. */
export function statusText(view: RunView, nowMs: number): string {
  const lines = [
    `${headline(view)}${dueText(view, nowMs)}`,
    '',
    ...statusFacts(view).map(([name, value]) => `${name.padEnd(NAME_WIDTH)}${value}`),
    ...findingLines(view),
  ];
  return `${lines.join('\n')}\n`;
}

/** A run in one line, for logs: what it waits for and what came. */
export function statusLine(view: RunView): string {
  const { run, state, nodes, checks, slowest, findings } = view;
  const slow =
    slowest[0] === undefined ? '' : ` · slowest ${shown(slowest[0].node)} ${slowest[0].phase ?? ''} ${duration(slowest[0].connectedForMs)}`;
  const worst = findings[0] === undefined ? '' : ` · ${findings[0].code}: ${shownEnds(findings[0].detail)}`;
  return `${run ?? 'no run'} ${state} · nodes ${nodeWords(nodes)} · checks ${checkWords(checks)}${estimateWords(view)}${slow}${worst}`;
}

function headline({ namespace, release, run, state }: RunView): string {
  const of = `release ${shown(release)} in ${shown(namespace)}`;
  return run === null ? `${of} · ${STATE_WORDS[state]}` : `${of} · ${shown(run)} · ${STATE_WORDS[state]}`;
}

function dueText({ state, deadlineAt }: RunView, nowMs: number): string {
  const leftMs = Date.parse(deadlineAt ?? '') - nowMs;
  return (state === 'waiting' || state === 'gathering') && leftMs > 0 ? ` · deadline in ${duration(leftMs)}` : '';
}

function statusFacts(view: RunView): readonly (readonly [string, string])[] {
  const { recipe, nodes, checks, agents, collector, signer, oci, digest, incidents } = view;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['recipe', recipe === undefined ? undefined : shown(recipe)],
    ['nodes', nodeWords(nodes)],
    ['checks', checkWords(checks)],
    ['phases', phaseWords(view)],
    [
      'slowest',
      view.slowest.map(({ node, phase, connectedForMs }) => `${shown(node)} ${phase ?? '-'} ${duration(connectedForMs)}`).join(' · '),
    ],
    ['estimate', estimateWords(view).replace(' · ', '')],
    ['agents', `${agents.desired ?? '?'} wanted, ${agents.ready} ready`],
    ...agents.problems.map(({ reason, count, nodes: some, detail }): readonly [string, string] => [
      '',
      `${reason}: ${count} (${some.map((node) => shown(node)).join(', ')}${count > some.length ? ', …' : ''}): ${shownEnds(detail)}`,
    ]),
    [
      'collector',
      collector
        .map(({ pod, phase, waiting }) => [`${shown(pod)} ${phase}`, ...waiting.map((one) => shown(one, LONG))].join('; '))
        .join('\n'),
    ],
    [
      'incidents',
      Object.entries(incidents)
        .map(([code, count]) => `${shown(code)} ${count}`)
        .join(', '),
    ],
    ['signer', signer === undefined ? undefined : `${shown(signer.identity)} (issuer ${shown(signer.issuer)})`],
    ['evidence', oci === undefined ? undefined : shown(oci, LONG)],
    ['digest', digest],
  ];
  return rows.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, value] as const]));
}

function nodeWords({ expected, connected, finished, absent }: RunView['nodes']): string {
  const missing = Object.entries(absent).map(([reason, count]) => `${count} ${shown(reason)}`);
  return [`${expected} expected`, `${connected} connected`, `${finished} finished`, ...missing].join(', ');
}

function checkWords({ passed, failed, skipped, other }: RunView['checks']): string {
  return [`${passed} passed`, `${failed} failed`, `${skipped} skipped`, ...(other === 0 ? [] : [`${other} other`])].join(', ');
}

function phaseWords({ phases, nodes }: RunView): string {
  return phases
    .map(({ phase, nodesDone, nodesRunning, failed }) => {
      const running = nodesRunning === 0 ? '' : `, ${nodesRunning} at it`;
      return `${phase} ${nodesDone} of ${nodes.expected} nodes${running}${failed === 0 ? '' : `, ${failed} check(s) failed`}`;
    })
    .join(' · ');
}

function estimateWords({ estimateMs }: RunView): string {
  return estimateMs === undefined ? '' : ` · about ${duration(estimateMs)} left`;
}

function findingLines({ findings }: RunView): readonly string[] {
  if (findings.length === 0) return [];
  return [
    '',
    ...findings.flatMap(({ code, severity, detail, hint }) => [
      `${severity === 'error' ? '✗' : '!'} ${code}: ${shownEnds(detail)}`,
      `    ${shownEnds(hint)}`,
    ]),
  ];
}

/** A long text without its middle: what the matter is stands at the begin, the line that helps at the end. */
function shownEnds(text: string): string {
  const visible = shown(text, MAX_DETAIL);
  return visible.length <= LONG ? visible : `${visible.slice(0, HEAD)} … ${visible.slice(HEAD - LONG)}`;
}

/** A duration as people say it, in whole seconds. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / SECOND_MS);
  if (seconds < MINUTE_S) return `${seconds} s`;
  const minutes = Math.floor(seconds / MINUTE_S);
  return minutes < MINUTE_S ? `${minutes} min ${seconds % MINUTE_S} s` : `${Math.floor(minutes / MINUTE_S)} h ${minutes % MINUTE_S} min`;
}

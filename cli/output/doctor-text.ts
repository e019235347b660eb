import { shown } from '#core/verify/foreign-text.ts';
import type { Diagnosis } from '../cluster/doctor/run-doctor.ts';
import type { DoctorLine } from '../cluster/doctor/doctor-line.ts';

const MARKS: Readonly<Record<DoctorLine['level'], string>> = { ok: '✓', warn: '!', fail: '✗' };
const TEXT_LENGTH = 1_200;

/** A diagnosis for a terminal: one line per finding, what helps below it, the count at the end. */
export function doctorText({ namespace, release, installed, lines }: Diagnosis): string {
  const sections = [...Map.groupBy(lines, ({ section }) => section)].flatMap(([section, ofSection]) => [
    '',
    section,
    ...ofSection.flatMap(lineText),
  ]);
  const count = (level: DoctorLine['level']): number => lines.filter((line) => line.level === level).length;
  return `${[
    `release ${shown(release)} in ${shown(namespace)}${installed ? '' : ' (not installed: predicted)'}`,
    ...sections,
    '',
    `${count('ok')} ok, ${count('warn')} to know, ${count('fail')} to fix`,
  ].join('\n')}\n`;
}

function lineText({ level, text, fix, nodes = [] }: DoctorLine): readonly string[] {
  const some = nodes.length === 0 ? '' : ` [${nodes.map((node) => shown(node)).join(', ')}]`;
  return [
    `  ${MARKS[level]} ${shown(text, TEXT_LENGTH)}${level === 'ok' && nodes.length > 3 ? '' : some}`,
    ...(fix === undefined ? [] : [`      ${shown(fix, TEXT_LENGTH)}`]),
  ];
}

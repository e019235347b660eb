import type { CtrfReport, CtrfTest } from '#core/ctrf/report.ts';

/**
 * A CTRF report as JUnit XML, one test suite per phase; `other` becomes an error, because JUnit has no word for it.
 * @source the JUnit XML format that CI systems read (testsuites, testsuite, testcase, failure, error, skipped)
 */
export function junitText(report: CtrfReport): string {
  const { tests, summary } = report.results;
  const suites = [...Map.groupBy(tests, (test) => test.suite[0] ?? '')].map(([phase, ofPhase]) => suite(phase, ofPhase));
  const totals = attributes({
    name: 'assay',
    tests: summary.tests,
    failures: summary.failed,
    errors: summary.other,
    skipped: summary.skipped + summary.pending,
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${totals}>\n${suites.join('')}</testsuites>\n`;
}

function suite(name: string, tests: readonly CtrfTest[]): string {
  const count = (...statuses: readonly string[]): number => tests.filter((test) => statuses.includes(test.status)).length;
  const head = attributes({
    name,
    tests: tests.length,
    failures: count('failed'),
    errors: count('other'),
    skipped: count('skipped', 'pending'),
    time: seconds(tests.reduce((sum, test) => sum + test.duration, 0)),
  });
  return `  <testsuite${head}>\n${tests.map((test) => testCase(test, name)).join('')}  </testsuite>\n`;
}

function testCase(test: CtrfTest, phase: string): string {
  const head = attributes({ name: test.name, classname: test.suite.slice(1).join('.') || phase, time: seconds(test.duration) });
  const body = outcome(test);
  return body === '' ? `    <testcase${head}/>\n` : `    <testcase${head}>${body}</testcase>\n`;
}

function outcome({ status, message = '' }: CtrfTest): string {
  switch (status) {
    case 'passed':
      return message === '' ? '' : `<system-out>${escape(message)}</system-out>`;
    case 'failed':
      return `<failure${attributes({ message })}/>`;
    case 'other':
      return `<error${attributes({ message })}/>`;
    case 'skipped':
    case 'pending':
      return `<skipped${attributes({ message })}/>`;
  }
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escape(String(value))}"`)
    .join('');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
// What XML 1.0 cannot hold in any spelling.
const FORBIDDEN = new RegExp(String.raw`[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]`, 'g');

function escape(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(FORBIDDEN, '\uFFFD')
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

function seconds(durationMs: number): string {
  return (durationMs / 1000).toFixed(3);
}

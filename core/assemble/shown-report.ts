import type { CtrfReport, CtrfTest } from '#core/ctrf/report.ts';
import { redactTests } from '#core/snapshot/redaction.ts';

/** How much of the raw facts a bundle shows. */
export type Redaction = 'minimal' | 'full';

const ENVIRONMENT_KEYS: readonly string[] = ['appName', 'appVersion', 'testEnvironment'];
/**
 * What stays of `extra`, besides numbers and flags: words of our own vocabulary, raw values and their limits. The reason of a
 * test that was not skipped may quote a tool's output, so it goes with the message.
 */
const EXTRA_KEYS: ReadonlySet<string> = new Set(
  'origin outcome severity tier reads observed thresholds thresholdsDigest missing measured bounds unit nodes ranges differs'.split(' '),
);

/** The rules that a predicate names for reports; none without reports. */
export function reportRules(redaction: Redaction, reports: number): readonly string[] {
  return redaction === 'full' || reports === 0 ? [] : redactTests([]).applied;
}

/**
 * One test as a bundle of that redaction shows it.
 * @source recipe-evidence redaction policy minimal v1; where it says nothing (`extra`, fields that only other tools write) this is an
 * allowlist, stricter than what the predicate names
 */
export function shownTest(test: CtrfTest, redaction: Redaction): CtrfTest {
  if (redaction === 'full') return test;
  const { name, status, duration, suite, extra } = test;
  return { name, status, duration, suite, ...(extra === undefined ? {} : { extra: shownExtra(test, extra) }) };
}

/** A whole report as a bundle of that redaction shows it. */
export function shownReport(report: CtrfReport, redaction: Redaction): CtrfReport {
  if (redaction === 'full') return report;
  const { reportFormat, specVersion, timestamp, generatedBy, results } = report;
  const { tool, summary, tests, environment } = results;
  const { passed, failed, skipped, pending, other, start, stop } = summary;
  return {
    reportFormat,
    specVersion,
    timestamp,
    generatedBy,
    results: {
      tool: { name: tool.name, ...(tool.version === undefined ? {} : { version: tool.version }) },
      summary: { tests: summary.tests, passed, failed, skipped, pending, other, start, stop },
      tests: tests.map((test) => shownTest(test, redaction)),
      ...(environment === undefined ? {} : { environment: pick(environment, (key) => ENVIRONMENT_KEYS.includes(key)) }),
    },
  };
}

function shownExtra({ status }: CtrfTest, extra: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const origin = extra['origin'];
  const saysWhy = status === 'skipped' || origin === 'recipe' || origin === 'collector';
  return pick(
    extra,
    (key, value) => EXTRA_KEYS.has(key) || typeof value === 'number' || typeof value === 'boolean' || (key === 'reason' && saysWhy),
  );
}

function pick<Value>(record: Readonly<Record<string, Value>>, keep: (key: string, value: Value) => boolean): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).filter(([key, value]) => keep(key, value)));
}

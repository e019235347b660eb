import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

const STATUS = { passed: 'passed', failed: 'failed', skipped: 'skipped', pending: 'pending' } as const;

/** Prints the plain closing line and, with ASSAY_CTRF=FILE, writes our own test run as a CTRF report. */
export default class CtrfReporter implements Reporter {
  private readonly start = Date.now();

  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => ({
        name: test.fullName,
        status: STATUS[test.result().state],
        duration: Math.round(test.diagnostic()?.duration ?? 0),
        suite: [module.relativeModuleId],
      })),
    );
    const count = (status: string): number => tests.filter((test) => test.status === status).length;
    const brokenModules = modules.filter((module) => module.errors().length > 0).length;
    const summary = {
      tests: tests.length,
      passed: count('passed'),
      failed: count('failed'),
      skipped: count('skipped'),
      pending: count('pending'),
      other: 0,
      start: this.start,
      stop: Date.now(),
    };
    if (process.env['ASSAY_CTRF'] !== undefined) {
      const report = {
        reportFormat: 'CTRF',
        specVersion: '0.0.1',
        generatedBy: 'assay',
        timestamp: new Date().toISOString(),
        results: { tool: { name: 'vitest' }, summary, tests },
      };
      writeFileSync(process.env['ASSAY_CTRF'], `${JSON.stringify(report, null, 2)}\n`);
    }
    process.stdout.write(
      `\n${summary.passed} passed, ${summary.failed + brokenModules} failed, ${summary.skipped + summary.pending} skipped\n`,
    );
  }
}

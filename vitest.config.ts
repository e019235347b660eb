import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['./tools/assert-node.ts'],
    reporters: ['default', './tools/ctrf-reporter.ts'],
    testTimeout: 30_000,
    coverage: { provider: 'v8', include: ['agent/**/*.ts', 'collector/**/*.ts', 'core/**/*.ts', 'cli/**/*.ts'] },
  },
});

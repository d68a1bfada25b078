import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = join(import.meta.dirname, '..');

/** Unit tests sit beside the source; what crosses packages is in test/. Longer runs are scripts of their own. */
export default defineConfig({
  root,
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          root,
          include: ['packages/*/src/**/*.test.ts', 'test/tidy/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'journeys',
          root,
          include: ['test/{journeys,simulator,contracts,conformance}/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});

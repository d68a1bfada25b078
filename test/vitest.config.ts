import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = join(import.meta.dirname, '..');
/** Two at least, as journeys wait for processes and timers part of their time. */
const maxWorkers = Math.max(2, availableParallelism()) + 1;
const beside = {
  root,
  maxWorkers,
  // Far above what any takes on a machine that does other things at the same time.
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // Programs that tests start, and often kill, need not be compiled again.
  env: { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compiled') },
};

/** Rooms of the runtime that run no model in the process of their tests. */
const withoutModels =
  'packages/runtime/src/{cache,measure,mirror,preprocess,record,routing,scheduler,trace}/**/*.test.ts';

/**
 * Unit tests sit beside the source; what crosses packages is in test/. Longer runs are scripts of their own. Vitest takes
 * the projects by their names, so that the slow journeys begin first, and short files fill the end.
 */
export default defineConfig({
  root,
  test: {
    projects: [
      {
        test: {
          ...beside,
          name: 'unit',
          include: ['packages/!(runtime)/src/**/*.test.ts', withoutModels, 'test/tidy/**/*.test.ts'],
          // No module keeps state, so files may share a process: that saves importing everything again for each.
          isolate: false,
        },
      },
      {
        test: {
          ...beside,
          // Each file in a process of its own: threads that hang in ONNX Runtime on purpose are left behind, and may end it.
          name: 'runtime',
          include: ['packages/runtime/src/**/*.test.ts'],
          exclude: [withoutModels],
        },
      },
      {
        test: {
          name: 'journeys',
          isolate: false,
          globalSetup: 'test/journeys/programs.ts',
          root,
          maxWorkers,
          include: ['test/{journeys,simulator,contracts,conformance}/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});

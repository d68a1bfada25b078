import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = join(import.meta.dirname, '..');
/** More than there are processors: journeys wait for processes and timers most of their time. */
const maxWorkers = Math.max(2, availableParallelism()) + 2;
/** Node runs the source itself, as it runs the programs: what Vite makes of it takes longer to make, and to run. */
const experimental = { viteModuleRunner: false, nodeLoader: false };
const beside = {
  root,
  maxWorkers,
  experimental,
  // Far above what any takes on a machine that does other things at the same time.
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // Programs that tests start, and often kill, need not be compiled again.
  env: { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compiled') },
};

/** Rooms of the runtime whose tests leave threads behind that hang in ONNX Runtime on purpose. */
const leavingThreads = [
  'packages/runtime/src/{embedded,engine,execution,models}/**/*.test.ts',
  'packages/runtime/src/node/executor.test.ts',
];

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
          include: ['packages/*/src/**/*.test.ts', 'test/tidy/**/*.test.ts'],
          exclude: leavingThreads,
          // No module keeps state, so files may share a process: that saves importing everything again for each.
          isolate: false,
        },
      },
      {
        test: {
          ...beside,
          // Each file in a process of its own, which those threads may end.
          isolate: true,
          name: 'runtime',
          include: leavingThreads,
        },
      },
      {
        test: {
          name: 'journeys',
          isolate: false,
          globalSetup: 'test/journeys/programs.ts',
          root,
          maxWorkers,
          experimental,
          include: ['test/{journeys,simulator,contracts,conformance}/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});

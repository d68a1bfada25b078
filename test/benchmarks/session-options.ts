import type { InferenceSession } from 'onnxruntime-node';

/** What the runtime sets for a model on the CPU with one thread (packages/runtime/src/node/sessions.ts). */
export const deviceOptions: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
  logSeverityLevel: 4,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
};

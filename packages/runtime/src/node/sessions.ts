import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type Backend, createSessions } from '../executor/index.ts';
import { listProviders } from './providers.ts';
import { exclusively } from './webgpu-lock.ts';

/** Nothing on standard error but fatal faults: every error is in the exception too. */
const fatalOnly = 4;
/** ONNX Runtime's "verbose": says where it puts each node. */
const everything = 0;

/** onnxruntime-node. A fault that would end its sessions ends the process. */
export const nodeBackend: Backend = {
  Tensor,
  listProviders,
  load: (
    path,
    { provider, threads, isOptimized = true, strict = false, tellsPlacement = false, profilePrefix },
  ) =>
    InferenceSession.create(path, {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: isOptimized ? 'all' : 'disabled',
      logSeverityLevel: tellsPlacement ? everything : fatalOnly,
      ...(profilePrefix !== undefined && { enableProfiling: true, profileFilePrefix: profilePrefix }),
      extra: {
        session: {
          // Spinning threads would burn what HTTP and the other models need.
          intra_op: { allow_spinning: '0' },
          ...(strict && provider !== 'cpu' && { disable_cpu_ep_fallback: '1' }),
        },
      },
    }),
  inTurn: (provider, work) => (provider === 'webgpu' ? exclusively(work) : work()),
  isFatal: () => false,
};

export const { openSession, openExactly, openAnySession } = createSessions(nodeBackend);

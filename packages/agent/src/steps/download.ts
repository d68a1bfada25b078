import { toCoveyError } from '@covey/protocol';
import type { Executor } from './context.ts';

/** Has every version of a release authorized, then brings their bundles to the disk. A failure after progress is told apart, so that a flaky network is not waited out. */
export const download: Executor<'download'> = async (
  { generation, models },
  { downloader, ports, trust },
  signal,
) => {
  let progressed = false;
  const onProgress = () => {
    progressed = true;
  };
  try {
    for (const ref of models) await trust.authorize(ref, signal);
    for (const ref of models) await downloader.fetchBundle(ref.bundle, signal, onProgress);
    return { kind: 'downloaded', generation };
  } catch (error) {
    const { code, message } = toCoveyError(error);
    return { kind: 'failed', generation, code, message, jitter: ports.random.fraction(), progressed };
  }
};

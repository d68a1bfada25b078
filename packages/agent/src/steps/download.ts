import { toCoveyError } from '@covey/protocol';
import { pinnedBundles } from '../update/index.ts';
import type { Executor } from './context.ts';
import { heldEvent, passageOf } from './passage.ts';

/**
 * Has every version of a release authorized, then brings their bundles to the disk. A failure after progress is told apart,
 * so that a flaky network is not waited out.
 */
export const download: Executor<'download'> = async ({ generation, models }, context, signal) => {
  const { downloader, ports, trust, update } = context;
  let progressed = false;
  const onProgress = () => {
    progressed = true;
  };
  try {
    const passage = await passageOf(context);
    await passage.pass('download', null);
    for (const ref of models) await trust.authorize(ref, signal);
    const needed = [...pinnedBundles(update()), ...models.map(({ bundle }) => bundle)];
    for (const ref of models)
      await downloader.fetchBundle(ref.bundle, { passage, needed, signal, onProgress });
    return { kind: 'downloaded', generation };
  } catch (error) {
    const held = heldEvent(error, generation, context);
    if (held) return held;
    const { code, message } = toCoveyError(error);
    return { kind: 'failed', generation, code, message, jitter: ports.random.fraction(), progressed };
  }
};
